"""Rate limits of password attempts: ten wrong ones a minute for each account and for each IP address.

All entry points (pages, API) share them. An attempt is counted before the password is checked, so that parallel
attempts count fully, and the count is given back if the password was right. Unknown accounts are counted likewise.
"""

from __future__ import annotations

from hashlib import sha256

from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from messenger.core import rate_limits

ATTEMPT_BURST, ATTEMPTS_PER_SECOND = 10, 10 / 60
SIGN_UP_BURST, SIGN_UPS_PER_SECOND = 20, 20 / 60  # new accounts from one address
CODE_BURST, CODES_PER_SECOND = 5, 5 / 300  # six-digit codes of one user
RETRY_AFTER_META_KEY = "messenger.must_wait"  # key in request.META: the seconds to wait, for the view's response


def acquire_attempt(login: str, address: str) -> float:
    """Counts an attempt before the password is checked. Returns 0, or the seconds to wait."""
    buckets = _attempt_buckets(login, address)
    waits = rate_limits.acquire_many(buckets)
    if wait := max(waits):
        rate_limits.release([bucket for bucket, bucket_wait in zip(buckets, waits, strict=True) if not bucket_wait])
    return wait


def release_attempt(login: str, address: str) -> None:
    """Gives an attempt back after the right password."""
    rate_limits.release(_attempt_buckets(login, address))


def acquire_user_attempt(user_id: int) -> bool:
    """Counts an attempt on this account, by user name and e-mail together. Returns whether it is allowed.

    A refusal must look like a wrong password: otherwise the common count would reveal that a user name and an e-mail
    belong to the same account.
    """
    return not rate_limits.acquire(*_user_bucket(user_id))


def release_user_attempt(user_id: int) -> None:
    rate_limits.release([_user_bucket(user_id)])


def acquire_sign_up(address: str) -> float:
    """Counts a sign-up from this address. Returns 0, or the seconds to wait."""
    return rate_limits.acquire(f"signup.address.{address}", SIGN_UP_BURST, SIGN_UPS_PER_SECOND)


def acquire_code_attempt(user_id: int) -> float:
    """Counts an attempt before a second factor's code is checked. Returns 0, or the seconds to wait."""
    return rate_limits.acquire(*_code_bucket(user_id))


def release_code_attempt(user_id: int) -> None:
    rate_limits.release([_code_bucket(user_id)])


def _user_bucket(user_id: int) -> rate_limits.Bucket:
    return f"guess.person.{user_id}", ATTEMPT_BURST, ATTEMPTS_PER_SECOND


def _code_bucket(user_id: int) -> rate_limits.Bucket:
    return f"code.account.{user_id}", CODE_BURST, CODES_PER_SECOND


def _attempt_buckets(login: str, address: str) -> list[rate_limits.Bucket]:
    # A digest, not the login itself: keys are readable in Redis, and users sometimes type a password into this field.
    digest = sha256(skeleton(strip_unstorable(login)).encode()).hexdigest()[:32]
    return [
        (f"guess.account.{digest}", ATTEMPT_BURST, ATTEMPTS_PER_SECOND),
        (f"guess.address.{address}", ATTEMPT_BURST, ATTEMPTS_PER_SECOND),
    ]
