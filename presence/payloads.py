"""The input of presence (msgspec structs): commands of the WebSocket, and requests of the REST API.

messenger/rest/inputs.py makes the validation of requests from them.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.utils.translation import gettext_noop as _

from messenger.core.field_types import Id, comma_separated_ids, described

MAX_USERS = 200  # in one request


class TypingPayload(msgspec.Struct):
    """Reports that the user is typing in a conversation (`active` is true) or has stopped (`active` is false)."""

    conversation_id: Id
    active: bool


class ViewPayload(msgspec.Struct):
    """Reports which conversation this client shows now. `conversation_id` is null if it shows no conversation."""

    conversation_id: Id | None


class BeatPayload(msgspec.Struct):
    view: Annotated[Id | None, described(_("The conversation being viewed."))] = None


class PresenceQuery(msgspec.Struct):
    user_ids: Annotated[
        list[Id], comma_separated_ids(MAX_USERS), described(_("User IDs, separated by commas; at most 200."))
    ]
