-- Sets departed users offline, unless they came back or another process has claimed them since. Returns the users who
-- are now offline.
-- ARGV: claim, users …
local gone = {}
for i = 2, #ARGV do
  local who = 'u:' .. ARGV[i]
  if redis.call('ZSCORE', 'presence:here', who) == ARGV[1] then
    redis.call('ZREM', 'presence:here', who)
    redis.call('SREM', 'presence:arrived', ARGV[i])
    gone[#gone + 1] = ARGV[i]
  end
end
return gone
