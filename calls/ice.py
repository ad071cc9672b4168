"""Builds the list of STUN and TURN servers for a user, with TURN credentials that expire.

The credentials follow "A REST API For Access To TURN Services" (draft-uberti-behave-turn-rest-00), which coturn
implements as `use-auth-secret`: the user name is the time of expiry and an id, the password an HMAC of it. coturn and
this site share only the secret; coturn asks nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from django.conf import settings

from calls.schemas import IceServerSchema, IceServersSchema


def ice_servers(user_id: int) -> IceServersSchema:
    """Returns the STUN and TURN servers with credentials for a user. Without settings.TURN_URL it has no server."""
    servers = []
    if settings.STUN_URLS:
        servers.append(IceServerSchema(settings.STUN_URLS))
    if settings.TURN_URLS and settings.TURN_SECRET:
        username = f"{int(time.time()) + settings.TURN_TTL}:{user_id}"
        servers.append(IceServerSchema(settings.TURN_URLS, username, turn_password(username, settings.TURN_SECRET)))
    return IceServersSchema(servers, settings.TURN_TTL)


def turn_password(username: str, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()
