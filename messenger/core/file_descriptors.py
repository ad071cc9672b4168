"""The limit of open files and sockets (file descriptors) of this process."""

from __future__ import annotations

import os

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

RECOMMENDED_LIMIT = 4096
_RESERVE = 128  # descriptors that new WebSockets must leave: for the database, files and requests of connected users


def get_limit() -> int:
    """Returns how many descriptors this process may have open. 0: unlimited or unknown."""
    if resource is None:
        return 0
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 0 if soft == resource.RLIM_INFINITY else soft


def raise_limit() -> None:
    """Raises the limit as far as this process may. systemd, for example, starts with 1,024 of 524,288."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # some systems allow less than they report
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def are_nearly_used_up() -> bool:
    """Returns whether only the reserve is left. Takes a few microseconds.

    A new descriptor gets the lowest free number, so its number says how many are in use, even if there are many.
    """
    limit = get_limit()
    if not limit:
        return False
    try:
        number = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return True
    os.close(number)
    return number >= limit - min(_RESERVE, limit // 4)
