"""Reads environment variables for settings.py, and the secret key of the site.

A value that cannot be meant is refused with the name of the variable: otherwise the site would run with another
setting than its operator thinks.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

MIN_SECRET_KEY_LENGTH = 32


_TRUE, _FALSE = {"1", "on", "true", "yes"}, {"0", "off", "false", "no"}
_HOST = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"


def env(name: str, default: str = "") -> str:
    """Returns an environment variable without spaces around it, or the default if it is empty or not set."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool = False) -> bool:
    """Reads `on` or `off` (also 1, true, yes; 0, false, no). Raises ImproperlyConfigured for anything else.

    A misspelt word must not count as one of the two: it might turn a protection off.
    """
    value = env(name).lower()
    if value and value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} must be on or off, not {env(name)!r}.")
    return value in _TRUE if value else default


def env_int(name: str, default: int, least: int = 0, most: int = 2**31 - 1) -> int:
    """Reads an integer from `least` to `most`. Raises ImproperlyConfigured for anything else."""
    value = env(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,10}", value) or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def env_float(name: str, default: float, least: float, most: float) -> float:
    """Reads a number from `least` to `most`. Raises ImproperlyConfigured for anything else."""
    value = env(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) or not least <= float(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a number from {least:g} to {most:g}, not {value!r}.")
    return float(value)


def env_choice(name: str, default: str, *others: str) -> str:
    """Reads one of these words, in upper or lower case. Raises ImproperlyConfigured for anything else."""
    value, choices = env(name) or default, [default, *others]
    if found := [choice for choice in choices if choice.lower() == value.lower()]:
        return found[0]
    raise ImproperlyConfigured(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, not {value!r}.")


def env_list(name: str, is_valid: Callable[[str], object] | None = None, form: str = "") -> list[str]:
    """Reads a list of values, separated by commas.

    `is_valid` returns whether one of them is valid; `form` says to operators what is expected. Raises
    ImproperlyConfigured with the first value that is not.
    """
    values = [part.strip() for part in env(name).split(",") if part.strip()]
    if wrong := [value for value in values if is_valid and not is_valid(value)]:
        raise ImproperlyConfigured(f"{name} contains {wrong[0]!r}, which is not {form}.")
    return values


def env_url(name: str, schemes: Sequence[str], form: str, default: str = "") -> str:
    """Reads a URL with a host. Raises ImproperlyConfigured for another scheme, or for anything that is no URL.

    `form` is an example, for operators. Passwords are not repeated in the error.
    """
    value = env(name) or default
    if value and not is_url(value, schemes):
        raise ImproperlyConfigured(f"{name} must look like {form}.")
    return value


def env_pair(first: str, second: str) -> tuple[str, str]:
    """Reads two variables of which both or none must be set. Raises ImproperlyConfigured if only one is."""
    if bool(env(first)) != bool(env(second)):
        raise ImproperlyConfigured(f"{first} and {second} belong together: set both or none.")
    return env(first), env(second)


# ── What values may look like ───────────────────────────────────────────────────────────────────────────────────────
def is_url(value: str, schemes: Sequence[str], needs_host: bool = True) -> bool:
    """Returns whether this is a URL with one of these schemes, a host, and a port that exists if one is given.

    Without `needs_host`, the host may be missing or the folder of a Unix socket (percent-encoded).
    """
    try:
        url = urlsplit(value)
        has_host = is_host(url.hostname or "") or not needs_host
        return url.scheme in schemes and has_host and url.port != 0 and not re.search(r"\s", value)
    except ValueError:  # the port is no number up to 65535; brackets without an IPv6 address
        return False


def is_origin(value: str) -> bool:
    """Returns whether this is an origin: scheme, host and perhaps port, and nothing else."""
    return is_url(value, ("http", "https")) and bool(re.fullmatch(r"https?://[^/?#@]+", value))


def is_host(value: str) -> bool:
    """Returns whether this is the name or address of a host, without scheme and port."""
    return bool(re.fullmatch(_HOST, value)) or is_network(value.strip("[]"))


def is_host_pattern(value: str) -> bool:
    """Returns whether Django accepts this in ALLOWED_HOSTS: a host, or a domain with a dot before it (subdomains)."""
    return is_host(value.removeprefix(".")) and "/" not in value


def is_network(value: str) -> bool:
    """Returns whether this is an IP address, or a network such as 10.0.0.0/8."""
    try:
        return bool(ip_network(value, strict=False))
    except ValueError:
        return False


def is_time_zone(name: str) -> bool:
    """Returns whether the time zone database has this zone, such as Asia/Shanghai."""
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def load_secret_key(data_dir: Path, debug: bool) -> str:
    """Returns Django's secret key from the environment. It must be long, because it signs sessions and tokens.

    In development, a missing key is generated once and stored in `data_dir`.
    """
    if key := env("SECRET_KEY"):
        if not debug and _can_be_guessed(key):
            raise ImproperlyConfigured(
                f"SECRET_KEY can be guessed: it needs {MIN_SECRET_KEY_LENGTH} random characters or more. "
                'python3 -c "import secrets; print(secrets.token_urlsafe(50))" prints one.'
            )
        return key
    if not debug:
        raise ImproperlyConfigured("SECRET_KEY is not set. Set it to a long random text, or DEBUG=on for development.")
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def _can_be_guessed(key: str) -> bool:
    """Returns True for a short key, a shorter text that is repeated, and a key of Django's project template.

    Django gives the keys of its template the prefix `django-insecure-`: they are often published with the code.
    """
    is_repeated = key in (key * 2)[1:-1]
    is_short = len(key) < MIN_SECRET_KEY_LENGTH or len(set(key)) < 10
    return is_short or is_repeated or key.startswith("django-insecure-")
