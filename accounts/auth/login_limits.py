"""Rate limits of password attempts: ten wrong ones a minute for each account and for each IP address.

Pages and the API share these limits. An attempt is counted before the password is checked, so that parallel attempts
cannot exceed the limit. If the password is right, the attempt is subtracted again. Attempts on accounts that do not
exist are counted in the same way.
"""

from __future__ import annotations

from hashlib import sha256

from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from messenger.core import rate_limits

RETRY_AFTER_META_KEY = "messenger.must_wait"  # key in request.META: the seconds to wait, for the view's response


def acquire_attempt(login: str, address: str) -> float:
    """Counts a sign-in attempt for this login and this IP address. Returns 0 if allowed, else the seconds to wait.

    Call this before the password is checked.
    """
    buckets = _attempt_buckets(login, address)
    waits = rate_limits.acquire_many(buckets)
    if wait := max(waits):
        rate_limits.release([bucket for bucket, bucket_wait in zip(buckets, waits, strict=True) if not bucket_wait])
    return wait


def release_attempt(login: str, address: str) -> None:
    """Subtracts an attempt that `acquire_attempt` has counted, because the password was right."""
    rate_limits.release(_attempt_buckets(login, address))


def acquire_user_attempt(user_id: int) -> bool:
    """Counts a sign-in attempt on this account, by user name or by e-mail. Returns whether the attempt is allowed.

    If it is not allowed, callers must answer as for a wrong password. Otherwise an attacker could use up the limit with
    a user name, try an e-mail, and learn from the answer that both belong to the same account.
    """
    return not rate_limits.acquire("guess.person", user_id)


def release_user_attempt(user_id: int) -> None:
    rate_limits.release([rate_limits.bucket("guess.person", user_id)])


def acquire_sign_up(address: str) -> float:
    """Counts a sign-up from this IP address. Returns 0 if it is allowed, else the seconds to wait."""
    return rate_limits.acquire("signup.address", address)


def acquire_code_attempt(user_id: int) -> float:
    """Counts an attempt to enter a code of the second factor. Returns 0 if it is allowed, else the seconds to wait.

    Call this before the code is checked.
    """
    return rate_limits.acquire("code.account", user_id)


def release_code_attempt(user_id: int) -> None:
    rate_limits.release([rate_limits.bucket("code.account", user_id)])


def _attempt_buckets(login: str, address: str) -> list[rate_limits.Bucket]:
    # A digest, not the login itself: keys are readable in Redis, and users sometimes type a password into this field.
    digest = sha256(skeleton(strip_unstorable(login)).encode()).hexdigest()[:32]
    return [rate_limits.bucket("guess.account", digest), rate_limits.bucket("guess.address", address)]
