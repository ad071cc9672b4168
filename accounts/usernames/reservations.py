"""Reserves a user name for a day when a sign-up used an e-mail address that already has an account.

No account is made then, but the answer must not differ from that of a successful sign-up (account enumeration). So the
name must be taken afterwards, too. After a day it is free again, so that no name is lost to an account that does not
exist.
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
    """Returns whether this name, or one that looks like it, is reserved. False while Redis is unavailable."""
    try:
        return bool(cache.get_many(_cache_keys(name)))
    except RedisError:
        return False


def _cache_keys(name: str) -> list[str]:
    """Compares names as `User.objects.find_lookalikes` does. Digests, because cache keys allow fewer characters."""
    skeletons = (f"small.{skeleton(name)}", f"large.{uppercase_skeleton(name)}")
    return [f"promised.{sha256(key.encode()).hexdigest()}" for key in skeletons]
