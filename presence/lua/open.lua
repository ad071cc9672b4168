-- ARGV: process, connection, user, view, address, limit per person, limit per address (0: none)
local process, connection, user, view, address = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

if not redis.call('ZSCORE', 'presence:processes', process) then return 'unknown' end

-- Only the connections of living processes count: those of a dead one stand here until somebody clears them away.
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

if full('presence:person:' .. user, tonumber(ARGV[6])) or full('presence:address:' .. address, tonumber(ARGV[7])) then
  return 'too many'
end
return add(process, connection, user, view, address) and 'first' or 'another'
