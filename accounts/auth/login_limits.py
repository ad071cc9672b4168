"""How often passwords may be guessed: ten wrong ones a minute for an account, and ten from an address, at every door.

A try is counted before the password is looked at, so that a hundred tries at once are a hundred tries, and taken off
the count again when it was right. Whether there is such an account makes no difference.
"""

from __future__ import annotations

from hashlib import sha256

from accounts.text.usernames import skeleton, storable
from messenger.core import rate_limits

TRIES, PER_SECOND = 10, 10 / 60
MUST_WAIT = "messenger.must_wait"  # in request.META, where a page has to answer that: seconds
SIGN_UPS, SIGN_UPS_PER_SECOND = 20, 20 / 60  # accounts made from one address
CODES, CODES_PER_SECOND = 5, 5 / 300  # of six digits, for one person


def count(login: str, address: str) -> float:
    """Before a password is looked at: 0, or the seconds to wait."""
    buckets = _buckets(login, address)
    waits = rate_limits.acquire_many(buckets)
    if wait := max(waits):
        rate_limits.release([bucket for bucket, refused in zip(buckets, waits, strict=True) if not refused])
    return wait


def may_try(user_id: int) -> bool:
    """Whether one more password may be looked at for this person, by user name and e-mail together. Nobody is told: who
    saw the two counted together would know that they are one person's."""
    return not rate_limits.acquire(*_person_bucket(user_id))


def person_was_right(user_id: int) -> None:
    rate_limits.release([_person_bucket(user_id)])


def _person_bucket(user_id: int) -> rate_limits.Bucket:
    return f"guess.person.{user_id}", TRIES, PER_SECOND


def was_right(login: str, address: str) -> None:
    rate_limits.release(_buckets(login, address))


def count_sign_up(address: str) -> float:
    return rate_limits.acquire(f"signup.address.{address}", SIGN_UPS, SIGN_UPS_PER_SECOND)


def count_code(user_id: int) -> float:
    """Before a code of a second factor is looked at: 0, or the seconds to wait."""
    return rate_limits.acquire(*_code_bucket(user_id))


def code_was_right(user_id: int) -> None:
    rate_limits.release([_code_bucket(user_id)])


def _code_bucket(user_id: int) -> rate_limits.Bucket:
    return f"code.account.{user_id}", CODES, CODES_PER_SECOND


def _buckets(login: str, address: str) -> list[rate_limits.Bucket]:
    # Not the name itself: keys stand in Redis in plain sight, and people type passwords into the wrong field.
    account = sha256(skeleton(storable(login)).encode()).hexdigest()[:32]
    return [
        (f"guess.account.{account}", TRIES, PER_SECOND),
        (f"guess.address.{address}", TRIES, PER_SECOND),
    ]
