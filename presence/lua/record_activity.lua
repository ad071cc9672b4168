-- Records a request or a heartbeat of a client without a WebSocket. It keeps the user or visitor online for a while.
-- ARGV: subject, how long it counts (ms), is a heartbeat (1 or 0), viewed conversation (0: none), replaced subject
local who, till, view = ARGV[1], now + tonumber(ARGV[2]), ARGV[4]
local user = string.match(who, '^u:(%d+)$')

if ARGV[5] ~= '' then redis.call('ZREM', 'presence:here', ARGV[5]) end
if user and not redis.call('ZSCORE', 'presence:here', who) then redis.call('SADD', 'presence:arrived', user) end
redis.call('ZADD', 'presence:here', 'GT', till, who)
if not user or ARGV[3] ~= '1' then return end

redis.call('ZADD', 'presence:beats', till, who)
local before = redis.call('HGET', 'presence:looking', who) or '0'
if before ~= view then
  if before ~= '0' then
    look_away(before, user)
    redis.call('HDEL', 'presence:looking', who)
    redis.call('SADD', 'presence:stirred', before)
  end
  if view ~= '0' then
    redis.call('HSET', 'presence:looking', who, view)
    redis.call('SADD', 'presence:stirred', view)
  end
end
if view ~= '0' then look_at(view, user, till) end
