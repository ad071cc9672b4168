-- Adds a new connection, unless its user or its address has too many. Returns a value of `OpenResult`.
-- ARGV: process, connection, user, viewed conversation, address, limit per user, limit per address (0: no limit)
local process, connection, user, view, address = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

if not redis.call('ZSCORE', 'presence:processes', process) then return 'unknown' end

-- Counts only connections of live processes: those of a dead process stay in the set until a tick removes them.
local function full(key, limit)
  if limit == 0 or redis.call('SCARD', key) < limit then return false end
  local alive, count = {}, 0
  for _, member in ipairs(redis.call('SMEMBERS', key)) do
    local owner = string.match(member, '^%S+')
    if alive[owner] == nil then
      alive[owner] = tonumber(redis.call('ZSCORE', 'presence:processes', owner) or 0) > now
    end
    if alive[owner] or owner == process then count = count + 1 end
  end
  return count >= limit
end

if full('presence:person:' .. user, tonumber(ARGV[6])) then return 'too many of user' end
if full('presence:address:' .. address, tonumber(ARGV[7])) then return 'too many of address' end
return add(process, connection, user, view, address) and 'first' or 'another'
