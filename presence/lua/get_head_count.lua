-- Returns the number of distinct users and visitors who are online.
return redis.call('ZCOUNT', 'presence:here', '(' .. string.format('%.0f', now), '+inf')
