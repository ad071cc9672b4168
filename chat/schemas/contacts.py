"""Output schemas of contacts."""

from __future__ import annotations

from accounts.schemas import ContactSchema
from presence.schemas import PresenceSchema


class ListedContactSchema(ContactSchema):
    """A user in a list of contacts. `presence` tells whether this user is online.

    `presence` is null if the user is not a contact yet, for example after a contact request that is not accepted.
    """

    presence: PresenceSchema | None = None
