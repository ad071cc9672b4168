"""Names of accounts that were not made: somebody signed up with an e-mail that has an account already.

The answer was the same as for a new account, so the name has to be gone like that of a new account. For a day: long
enough that trying it again tells nothing, and no name is lost for ever to an account that is not there.
"""

from __future__ import annotations

import logging
from hashlib import sha256

from django.core.cache import cache
from redis import RedisError

from accounts.text.usernames import capitals, skeleton

log = logging.getLogger(__name__)

SECONDS = 24 * 3600


def promise(name: str) -> None:
    try:
        cache.set_many(dict.fromkeys(_keys(name), True), SECONDS)
    except RedisError as error:
        log.warning("A name is not kept: %s", type(error).__name__)


def is_promised(name: str) -> bool:
    try:
        return bool(cache.get_many(_keys(name)))
    except RedisError:
        return False


def _keys(name: str) -> list[str]:
    """As `User.objects.like` compares names. Digests: a cache's key may not hold every letter that a name may."""
    faces = (f"small.{skeleton(name)}", f"large.{capitals(name)}")
    return [f"promised.{sha256(face.encode()).hexdigest()}" for face in faces]
