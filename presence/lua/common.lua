-- What every step begins with. Times are milliseconds of Redis's own clock: those of the processes may differ.
--
--   presence:here              who -> when they leave unless renewed (FOREVER while a socket is open)
--   presence:beats             u:3 -> the end of an explicit beat         presence:looking   u:3 -> what it looks at
--   presence:processes         process -> the end of its lease
--   presence:process:<id>      connection -> "<user> <view> <address>"
--   presence:person:<user>     {"<process> <connection>"}                 presence:address:<address>  likewise
--   presence:view:<id>         "<user> <process> <connection>" or "<user>" (a beat) -> until when
--   presence:arrived, presence:stirred   what the next tick, of whatever process, has to tell

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local FOREVER = '9000000000000000'

local function look_away(view, member)
  redis.call('ZREM', 'presence:view:' .. view, member)
end

local function look_at(view, member, till)
  redis.call('ZADD', 'presence:view:' .. view, till, member)
end

local function read(process, connection)
  local entry = redis.call('HGET', 'presence:process:' .. process, connection)
  if not entry then return nil end
  local user, view, address = string.match(entry, '^(%d+) (%d+) (.*)$')
  return {user = user, view = view, address = address}
end

-- Returns true if the person was not here.
local function add(process, connection, user, view, address)
  local member = process .. ' ' .. connection
  redis.call('HSET', 'presence:process:' .. process, connection, user .. ' ' .. view .. ' ' .. address)
  redis.call('SADD', 'presence:person:' .. user, member)
  redis.call('SADD', 'presence:address:' .. address, member)
  if view ~= '0' then look_at(view, user .. ' ' .. member, FOREVER) end
  local before = redis.call('ZSCORE', 'presence:here', 'u:' .. user)
  redis.call('ZADD', 'presence:here', FOREVER, 'u:' .. user)
  return not before
end

-- Ends one connection. Its person leaves at `leaves` if it was the last one and no beat lasts longer.
local function drop(process, connection, leaves)
  local lease = read(process, connection)
  if not lease then return nil end
  local member, who = process .. ' ' .. connection, 'u:' .. lease.user
  redis.call('HDEL', 'presence:process:' .. process, connection)
  redis.call('SREM', 'presence:person:' .. lease.user, member)
  redis.call('SREM', 'presence:address:' .. lease.address, member)
  if lease.view ~= '0' then look_away(lease.view, lease.user .. ' ' .. member) end
  if redis.call('SCARD', 'presence:person:' .. lease.user) == 0 then
    local beat = tonumber(redis.call('ZSCORE', 'presence:beats', who) or 0)
    redis.call('ZADD', 'presence:here', math.max(leaves, beat), who)
  end
  return lease
end
