-- Replaces all connections of a process with the given ones. Returns the users who were offline before.
-- ARGV: process, lease (ms), grace (ms), then for each connection: connection, user, viewed conversation, address
local process, kept, new = ARGV[1], {}, {}
for i = 4, #ARGV, 4 do kept[ARGV[i]] = true end

for _, connection in ipairs(redis.call('HKEYS', 'presence:process:' .. process)) do
  if kept[connection] then
    local lease = read(process, connection)
    if lease.view ~= '0' then look_away(lease.view, lease.user .. ' ' .. process .. ' ' .. connection) end
  else
    drop(process, connection, now + tonumber(ARGV[3]))
  end
end
redis.call('ZADD', 'presence:processes', now + tonumber(ARGV[2]), process)
for i = 4, #ARGV, 4 do
  if add(process, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) then new[#new + 1] = ARGV[i + 1] end
  if ARGV[i + 2] ~= '0' then redis.call('SADD', 'presence:stirred', ARGV[i + 2]) end
end
return new
