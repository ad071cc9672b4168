-- ARGV: process, connections expected, lease, claim, pause, patience, gap between head counts
local process = ARGV[1]

-- Leases that ended while Redis itself stood still, or while nobody was there to renew them, prove nothing.
local ticked = tonumber(redis.call('GET', 'presence:ticked') or now)
redis.call('SET', 'presence:ticked', now)
if now - ticked > tonumber(ARGV[5]) then redis.call('SET', 'presence:patience', 1, 'PX', ARGV[6]) end

-- Our own lease first: a process that can ask is alive.
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

-- People who leave are ours to tell for the time of a claim: should this answer be lost, somebody else finds them.
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
-- Not while our own people may be missing from it.
if known and told[1] ~= tostring(count) and now - tonumber(told[2] or 0) >= tonumber(ARGV[7]) then
  redis.call('HSET', 'presence:told', 'count', count, 'at', now)
  changed = 1
end
return {known and 1 or 0, arrived, leaving, claim, stirred, count, changed}
