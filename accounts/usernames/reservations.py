"""Reserves a user name for a day when a sign-up used an e-mail address that already has an account.

No account is created then, but the sign-up must look successful. Otherwise anybody could find out which e-mail
addresses have an account. As after every successful sign-up, the user name must be taken, so it is reserved. After a
day the name is free again, because no account uses it.
"""

from __future__ import annotations

import logging
from hashlib import sha256

from django.core.cache import cache
from redis import RedisError

from accounts.usernames.rules import skeleton, uppercase_skeleton

log = logging.getLogger(__name__)

RESERVATION_SECONDS = 24 * 3600


def reserve_username(name: str) -> None:
    try:
        cache.set_many(dict.fromkeys(_cache_keys(name), True), RESERVATION_SECONDS)
    except RedisError as error:
        log.warning("A user name is not reserved: %s", type(error).__name__)


def is_reserved(name: str) -> bool:
    """Returns whether this name, or a name that looks like it, is reserved. Returns False if Redis is unavailable."""
    try:
        return bool(cache.get_many(_cache_keys(name)))
    except RedisError:
        return False


def _cache_keys(name: str) -> list[str]:
    """Returns the cache keys of a user name. Names that look alike (`User.objects.find_lookalikes`) share a key.

    The keys contain digests, because not every character of a name is allowed in a cache key.
    """
    skeletons = (f"small.{skeleton(name)}", f"large.{uppercase_skeleton(name)}")
    return [f"promised.{sha256(key.encode()).hexdigest()}" for key in skeletons]
