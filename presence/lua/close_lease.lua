-- Closes a connection.
-- ARGV: process, connection, grace (ms)
drop(ARGV[1], ARGV[2], now + tonumber(ARGV[3]))
