-- Returns those of the users who are online.
-- ARGV: users …
local online = {}
for _, user in ipairs(ARGV) do
  if tonumber(redis.call('ZSCORE', 'presence:here', 'u:' .. user) or 0) > now then online[#online + 1] = user end
end
return online
