"""The input of commands of the chat (msgspec structs): one definition each, for WebSocket and REST API.

The WebSocket decodes the payload of a frame to such a struct. The REST API makes the validation of the request body
from it (messenger/rest/inputs.py), without the fields that are in the path of the URL. Both check only types and
formats: the functions in chat.actions check permissions and the length of texts.

The description of a field is shown in the OpenAPI document. It is translated: `gettext_noop` marks it.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils.translation import gettext_noop as _

from messenger.core.field_types import Count, Id, described, keyed_by_id

MAX_SYNC_CONVERSATIONS = 5_000  # in one `sync`


class SendPayload(msgspec.Struct):
    """Send a message. The client creates the UUID `client_id` for it.

    If your message with this `client_id` is stored already, no second message is created, and the answer contains the
    stored message in its current state.
    """

    conversation_id: Id
    client_id: Annotated[
        UUID, described(_("Created by the client and never reused: sending the same message twice is harmless."))
    ]
    body: Annotated[str, described(_("Markdown, at most %(limit)d code points."), limit=settings.BODY_LIMIT)] = ""
    reply_to_id: Id | None = None
    forward_id: Annotated[Id | None, described(_("A message that you can see; its text is copied."))] = None
    attachment_ids: Annotated[
        list[Id],
        msgspec.Meta(max_length=settings.FILES_AT_ONCE),
        described(_("Files that were uploaded but not yet sent, in this order; with files, `body` may be empty.")),
    ] = []


class EditPayload(msgspec.Struct):
    """Edit one of your own messages."""

    message_id: Id
    body: str


class DeletePayload(msgspec.Struct):
    """Delete one of your own messages. Owners and admins of a group can delete any message of the group."""

    message_id: Id


class ReactionPayload(msgspec.Struct):
    """Add your reaction to a message (`active`: true) or remove it (`active`: false)."""

    message_id: Id
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    active: bool


class ReadPayload(msgspec.Struct):
    """Mark all messages of a conversation up to the message number `seq` as read.

    With `back`: true, mark the message `seq` and all later messages as unread.
    """

    conversation_id: Id
    seq: Count
    back: bool = False


class ReceivedPayload(msgspec.Struct):
    """Report which messages this device has received.

    `marks` has, for each conversation id, the number (`seq`) of the newest received message. All earlier messages count
    as received too.
    """

    marks: Annotated[dict[Id, Count], keyed_by_id(500)]


class SyncPayload(msgspec.Struct):
    """Ask for the changes that this client has missed.

    `cursors`: the version (number of the newest change) that the client knows of each conversation, by conversation id.
    `me`: the version of the user's own data that the client knows. `open`: id of the conversation on the screen.
    """

    cursors: Annotated[
        dict[Id, Count],
        keyed_by_id(MAX_SYNC_CONVERSATIONS),
        described(_("The version of each conversation that this device knows, by conversation ID.")),
    ] = {}
    me: Count = 0
    open: Annotated[Id | None, described(_("The conversation being viewed."))] = None
