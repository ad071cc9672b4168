-- Returns the distinct users who view a conversation.
-- ARGV: conversation
local from = '(' .. string.format('%.0f', now)
local users, seen = {}, {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', 'presence:view:' .. ARGV[1], from, '+inf')) do
  local user = string.match(member, '^%d+')
  if not seen[user] then
    seen[user] = true
    users[#users + 1] = user
  end
end
return users
