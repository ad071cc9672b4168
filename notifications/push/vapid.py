"""The key pair with which the site identifies itself to push services (VAPID, RFC 8292).

It belongs to the site alone: there is no account at a push service. All subscriptions of browsers belong to one key. If
the key changes, all browsers must subscribe again.
"""

from __future__ import annotations

import base64
import os
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

TOKEN_SECONDS = 12 * 3600  # lifetime of the signed token; push services accept at most 24 hours


def key_file() -> Path:
    return Path(settings.DATA_DIR) / "vapid_private_key"


def create_key() -> str:
    """Returns a new private key: 32 bytes in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _encode(number.to_bytes(32, "big"))


def create_key_file() -> bool:
    """Stores a new private key in DATA_DIR, unless the site has a key already. Returns whether it was created."""
    if private_key():
        return False
    path = key_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(create_key())
    return True


def private_key() -> str:
    """Returns the private key from VAPID_PRIVATE_KEY or from its file, or "" if push messages are not set up."""
    if settings.VAPID_PRIVATE_KEY:
        return settings.VAPID_PRIVATE_KEY
    try:
        return key_file().read_text().strip()
    except FileNotFoundError:
        return ""


def public_key() -> str:
    """Returns the public key, with which browsers subscribe, in base64url. "" if push messages are not set up."""
    key = private_key()
    return _public_key(key) if key else ""


@cache
def _public_key(private: str) -> str:
    number = int.from_bytes(base64.urlsafe_b64decode(private + "=" * (-len(private) % 4)), "big")
    key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return _encode(point)


def authorization(endpoint: str, now: float) -> str:
    """Returns the header `Authorization` of a request to a push service."""
    from py_vapid import Vapid02

    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "sub": settings.SITE_URL if settings.SECURE else f"mailto:{settings.VAPID_CONTACT}",
        "exp": int(now) + TOKEN_SECONDS,
    }
    return Vapid02.from_raw(private_key().encode()).sign(claims)["Authorization"]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
