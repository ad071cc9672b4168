"""Output schemas of contacts."""

from __future__ import annotations

import msgspec

from accounts.schemas import ContactState, UserSchema
from messenger.core.field_types import Timestamp
from presence.schemas import PresenceSchema


class ListedContactSchema(msgspec.Struct):
    """A user in a list of contacts. `presence` tells whether this user is online.

    `presence` is null if the user is not a contact yet, for example after a contact request that is not accepted.
    """

    user: UserSchema
    state: ContactState
    blocked: bool
    since: Timestamp | None
    me_version: int
    presence: PresenceSchema | None = None
