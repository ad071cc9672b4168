return redis.call('ZCOUNT', 'presence:here', '(' .. string.format('%.0f', now), '+inf')
