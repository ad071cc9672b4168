-- Sets the conversation that a connection views.
-- ARGV: process, connection, conversation (0: none)
local lease = read(ARGV[1], ARGV[2])
if not lease then return end
local member = lease.user .. ' ' .. ARGV[1] .. ' ' .. ARGV[2]
if lease.view ~= '0' then look_away(lease.view, member) end
if ARGV[3] ~= '0' then look_at(ARGV[3], member, FOREVER) end
local entry = lease.user .. ' ' .. ARGV[3] .. ' ' .. lease.address
redis.call('HSET', 'presence:process:' .. ARGV[1], ARGV[2], entry)
