-- This file is put before every script. Times are milliseconds of Redis's own clock, since the clocks of the processes
-- may differ.
-- Keys:
--
--   presence:here              sorted set: subject ("u:<user id>" or "b:<browser id>") by the time until which it is
--                              online (FOREVER while a connection is open)
--   presence:beats             sorted set: subject by the end of its heartbeat
--   presence:looking           hash: subject -> conversation that it views, according to its heartbeat
--   presence:processes         sorted set: process by the end of its lease
--   presence:process:<id>      hash: connection -> "<user> <viewed conversation> <address>"
--   presence:person:<user>     set of "<process> <connection>"
--   presence:address:<address> set of "<process> <connection>"
--   presence:view:<id>         sorted set: viewers of a conversation, "<user> <process> <connection>" or "<user>" (of a
--                              heartbeat), by the time until which they view it
--   presence:arrived           set of users who came online   | reported by the next tick
--   presence:stirred           set of conversations whose     | of any process
--                              viewers changed                |
--   presence:ticked            time of the last tick of any process
--   presence:patience          while this key exists, no process is declared dead
--   presence:told              hash: the last head count reported as changed, and its time

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

-- Adds a connection. Returns true if the user was offline.
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

-- Removes a connection. If it was the user's last one, the user is online until `leaves`, or until the end of a
-- heartbeat if that is later.
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
