"""Rate limits of password attempts, of sign-ups, and of e-mails that strangers can cause. The numbers: settings.RATES.

Wrong passwords are counted for each IP address, and for each account from each IP address. So a stranger who tries
passwords does not use up the attempts of the owner, who has another address. In addition, all attempts on one account
are counted together, because an attacker may use many addresses and try only a few passwords from each. This limit is
too high to be reached from one address. It does not apply to the account's known devices
(`accounts.auth.known_devices`), which are counted separately.

Pages and the API share these limits. An attempt is counted before the password is checked, so that parallel attempts
cannot exceed the limit. If the password is right, the attempt is subtracted again. Attempts on accounts that do not
exist are counted in the same way.
"""

from __future__ import annotations

from hashlib import sha256

from accounts.auth.known_devices import Device
from accounts.selectors.users import find_account
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from messenger.core import rate_limits
from messenger.core.client_ip import client_network

RETRY_AFTER_META_KEY = "messenger.must_wait"  # key in request.META: the seconds to wait, for the view's response


def acquire_attempt(login: str, address: str, device: Device | None = None) -> float:
    """Counts a sign-in attempt for this login (user name or e-mail) and this IP address.

    Returns 0 if the attempt is allowed, else the seconds to wait. Call this before the password is checked.
    """
    buckets = _attempt_buckets(login, address, device)
    waits = rate_limits.acquire_many(buckets)
    if wait := max(waits):
        rate_limits.release([bucket for bucket, bucket_wait in zip(buckets, waits, strict=True) if not bucket_wait])
    return wait


def release_attempt(login: str, address: str, device: Device | None = None) -> None:
    """Subtracts an attempt that `acquire_attempt` has counted, because the password was right."""
    rate_limits.release(_attempt_buckets(login, address, device))


def acquire_user_attempt(user_id: int, device: Device | None = None) -> bool:
    """Counts a sign-in attempt on this account. Returns whether the attempt is allowed.

    An attempt from a known device of the user is always allowed and not counted. If an attempt is not allowed, callers
    must answer as for a wrong password. Otherwise an attacker could use up the limit with a user name, try an e-mail,
    and learn from the answer that both belong to the same account.
    """
    return _knows(device, user_id) or not rate_limits.acquire("guess.person", user_id)


def release_user_attempt(user_id: int, device: Device | None = None) -> None:
    if not _knows(device, user_id):
        rate_limits.release([rate_limits.bucket("guess.person", user_id)])


def acquire_sign_up(address: str) -> float:
    """Counts a sign-up from this IP address. Returns 0 if it is allowed, else the seconds to wait."""
    return rate_limits.acquire("signup.address", client_network(address))


def acquire_mail(kind: str, email: str) -> bool:
    """Counts an e-mail of this kind to this address. Returns whether the e-mail may be sent.

    Used for e-mails that not only the owner of the address can cause, for example a password reset. Each kind has its
    own limit, so e-mails of one kind do not use up the limit of another kind. If the e-mail may not be sent, callers
    must answer as if it had been sent.
    """
    return not rate_limits.acquire("mail.address", _digest(f"{kind} {email.strip().lower()}"))


def acquire_code_request(address: str) -> float:
    """Counts a request for a code for signing in, for any e-mail. Returns 0 if it is allowed, else the seconds to wait.

    This limit of the IP address is the same for known and unknown e-mails, so it tells nothing about accounts.
    """
    return rate_limits.acquire("code.request", client_network(address))


def acquire_login_code(email: str, address: str) -> bool:
    """Counts an e-mail with a code for signing in that this IP address requests. Returns whether it may be sent.

    Each IP address has a limit of its own, so that nobody at one address keeps the owner of the e-mail address from
    getting a code. The limit for all IP addresses together protects the mailbox.
    """
    digest = _digest(email.strip().lower())
    buckets = [
        rate_limits.bucket("code.address", f"{digest}.{client_network(address)}"),
        rate_limits.bucket("code.mailbox", digest),
    ]
    if rate_limits.acquire_many(buckets[:1])[0]:
        return False
    return not rate_limits.acquire_many(buckets[1:])[0]


def acquire_code_attempt(user_id: int) -> float:
    """Counts an attempt to enter a code of the second factor. Returns 0 if it is allowed, else the seconds to wait.

    Call this before the code is checked.
    """
    return rate_limits.acquire("code.account", user_id)


def release_code_attempt(user_id: int) -> None:
    rate_limits.release([rate_limits.bucket("code.account", user_id)])


def _attempt_buckets(login: str, address: str, device: Device | None = None) -> list[rate_limits.Bucket]:
    if device and (user := find_account(login)) and _knows(device, user.pk):
        return [rate_limits.bucket("guess.device", f"{device.id}.{user.pk}")]
    network = client_network(address)
    # A digest, not the login itself: keys are readable in Redis, and users sometimes type a password into this field.
    login_digest = _digest(skeleton(strip_unstorable(login.strip())))
    return [
        rate_limits.bucket("guess.account", f"{login_digest}.{network}"),
        rate_limits.bucket("guess.address", network),
    ]


def _knows(device: Device | None, user_id: int) -> bool:
    return device is not None and user_id in device.user_ids


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
