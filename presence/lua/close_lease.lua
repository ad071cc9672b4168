-- Removes a connection that was closed. Its user stays online for the grace period.
-- ARGV: process, connection, grace (ms)
drop(ARGV[1], ARGV[2], now + tonumber(ARGV[3]))
