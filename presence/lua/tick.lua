-- Renews the lease of a process and returns what has changed: the fields of `TickResult`.
-- ARGV: process, expected connections, then in ms: lease, claim, stall, stall recovery, interval of head counts
local process = ARGV[1]

-- A lease that ended while Redis was stopped, or while no process could renew it, does not prove a dead process.
local ticked = tonumber(redis.call('GET', 'presence:ticked') or now)
redis.call('SET', 'presence:ticked', now)
if now - ticked > tonumber(ARGV[5]) then redis.call('SET', 'presence:patience', 1, 'PX', ARGV[6]) end

-- Renew the lease of this process first: a process that can call this script is alive.
local known = redis.call('ZSCORE', 'presence:processes', process)
  and redis.call('HLEN', 'presence:process:' .. process) == tonumber(ARGV[2])
if known then redis.call('ZADD', 'presence:processes', now + tonumber(ARGV[3]), process) end

if redis.call('EXISTS', 'presence:patience') == 0 then
  for _, dead in ipairs(redis.call('ZRANGEBYSCORE', 'presence:processes', '-inf', now)) do
    local died = tonumber(redis.call('ZSCORE', 'presence:processes', dead))
    for _, connection in ipairs(redis.call('HKEYS', 'presence:process:' .. dead)) do
      local lease = drop(dead, connection, died)
      if lease and lease.view ~= '0' then redis.call('SADD', 'presence:stirred', lease.view) end
    end
    redis.call('ZREM', 'presence:processes', dead)
  end
end

for _, who in ipairs(redis.call('ZRANGEBYSCORE', 'presence:beats', '-inf', now)) do
  redis.call('ZREM', 'presence:beats', who)
  local view = redis.call('HGET', 'presence:looking', who)
  if view then
    look_away(view, string.sub(who, 3))
    redis.call('HDEL', 'presence:looking', who)
    redis.call('SADD', 'presence:stirred', view)
  end
end

-- This process claims departed users until the time `claim`: it must publish that they left. If this answer is lost, a
-- later tick finds them again.
local claim, leaving = string.format('%.0f', now + tonumber(ARGV[4])), {}
local ended = redis.call('ZRANGEBYSCORE', 'presence:here', '-inf', now, 'WITHSCORES')
for i = 1, #ended, 2 do
  local user = string.match(ended[i], '^u:(%d+)$')
  if user then
    leaving[#leaving + 1] = user
    leaving[#leaving + 1] = string.format('%.0f', now - tonumber(ended[i + 1]))
    redis.call('ZADD', 'presence:here', claim, ended[i])
  else
    redis.call('ZREM', 'presence:here', ended[i])
  end
end

local arrived, stirred = redis.call('SMEMBERS', 'presence:arrived'), redis.call('SMEMBERS', 'presence:stirred')
redis.call('DEL', 'presence:arrived', 'presence:stirred')

local count, changed = redis.call('ZCARD', 'presence:here'), 0
local told = redis.call('HMGET', 'presence:told', 'count', 'at')
-- Only if this process is registered: otherwise its own users may be missing from the count.
if known and told[1] ~= tostring(count) and now - tonumber(told[2] or 0) >= tonumber(ARGV[7]) then
  redis.call('HSET', 'presence:told', 'count', count, 'at', now)
  changed = 1
end
return {known and 1 or 0, arrived, leaving, claim, stirred, count, changed}
