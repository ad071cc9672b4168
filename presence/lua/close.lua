-- ARGV: process, connection, grace
drop(ARGV[1], ARGV[2], now + tonumber(ARGV[3]))
