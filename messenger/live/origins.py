"""Which pages may open a socket: full origins, scheme and port included, compared whole."""

from __future__ import annotations

from django.conf import settings


def origin_allowed(origins: list[bytes], *, by_bearer: bool) -> bool:
    """`origins`: every Origin header of the handshake. Only a token client may come without one."""
    if not origins:
        return by_bearer
    if len(origins) > 1:
        return False
    return origins[0].decode("latin-1").lower() in {origin.lower() for origin in settings.SITE_ORIGINS}
