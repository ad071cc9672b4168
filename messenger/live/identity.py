"""Who is behind a socket, as far as the wire needs to know."""

from __future__ import annotations

import msgspec

NOT_SIGNED_IN = 4401
SUSPENDED = 4403
TOO_MANY = 4429


class Identity(msgspec.Struct, frozen=True):
    user_id: int
    sign_in_id: str
    subprotocol: str | None = None  # what the server answers when the token came as a subprotocol
    language: str = ""  # what they chose, else their browser; empty for the site's
    by_bearer: bool = False  # a token client: only such a one may come without an Origin


class SocketRefused(Exception):
    """The socket is accepted and closed with this code at once, so that a browser can see why."""

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code
