"""Reads environment variables for settings.py, and the secret key of the site."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

MIN_SECRET_KEY_LENGTH = 32


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def env_bool(name: str, default: bool = False) -> bool:
    """Reads a boolean from an environment variable. `on`, `1`, `true` and `yes` are true, all other values are false.

    Returns the default if the variable is empty or not set.
    """
    value = env(name).lower()
    return default if not value else value in {"1", "on", "true", "yes"}


def env_list(name: str) -> list[str]:
    """Reads a list of values, separated by commas, from an environment variable."""
    return [part.strip() for part in env(name).split(",") if part.strip()]


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
