"""Event envelopes and `publish`: what actions announce after commit and each process's hub delivers to its sockets.

An action collects events while it changes rows and calls `publish` inside its transaction; they leave after commit.
The frame of an event (`text`) is encoded once, when the event is made.

The structs are also sent between processes of the same version over the channel layer, as arrays. Their tags and the
order of their fields are that format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from django.db import transaction


class ConversationEvent(msgspec.Struct, tag="d", array_like=True):
    """A stored change of a conversation, from version `after` to `version`. `text` is the encoded frame."""

    conversation_id: int
    after: int
    version: int
    text: str
    joined_user_id: int = 0  # receives this conversation's events after this version
    left_user_id: int = 0  # receives this conversation's events up to the one before this version


class UserEvent(msgspec.Struct, tag="p", array_like=True):
    """An event for all connections of one user."""

    user_id: int
    text: str
    me_version: int = 0  # version of the user's own state; 0: not versioned, never caught up with (a mention)
    joined_conversation_id: int = 0  # the user receives this conversation's events after `version`
    left_conversation_id: int = 0  # the user receives no events of this conversation from `version` on
    version: int = 0
    conversation_version: int = 0  # with `joined_conversation_id`: the version of the conversation in the frame


class EphemeralEvent(msgspec.Struct, tag="e", array_like=True):
    """Typing, presence, receipts, counts: best effort, not stored.

    A connection with a backlog gets only the newest event of each `key`.
    """

    group: str  # "conversation.12", "presence.12", "user.3" or "online"
    text: str
    key: str
    skip_user: int = 0
    skip_users: tuple[int, ...] = ()
    # Instead of `group`: subscribers of these conversations and these users, each connection once.
    conversations: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    # The user whom the event describes. Recipients whose visibility does not allow it are left out.
    subject_id: int = 0
    topic: str = ""  # "presence", "receipts", or another topic, which only a block hides
    allowed_users: tuple[int, ...] | None = None  # None: no restriction
    # Conversation id. Events of this kind are combined per conversation: see COMBINE_SECONDS in the hub.
    combine_in_conversation: int = 0


class Disconnect(msgspec.Struct, tag="c", array_like=True):
    """Close the connections of a user: all, those of `sign_in_id`, or all but those of `keep_sign_in_id`."""

    user_id: int
    code: int
    sign_in_id: str = ""
    keep_sign_in_id: str = ""


class RefreshVisibility(msgspec.Struct, tag="l", array_like=True):
    """Makes every process reload the visibility of this user's connections."""

    user_id: int


Event = ConversationEvent | UserEvent | EphemeralEvent | Disconnect | RefreshVisibility
Publisher = Callable[[list[Event]], None]

_publisher: Publisher | None = None


def set_publisher(publisher: Publisher | None) -> Publisher | None:
    """Set where this process publishes events, and return the previous publisher.

    The hub sets itself. In a process without a hub (a management command) events go directly to the channel layer.
    """
    global _publisher
    previous, _publisher = _publisher, publisher
    return previous


def publish(events: Iterable[Event]) -> None:
    """Publish events when the current transaction commits, or at once without a transaction. Thread-safe."""
    event_list = list(events)
    if event_list:
        transaction.on_commit(lambda: publish_now(event_list))


def publish_now(events: list[Event]) -> None:
    """Publish events without waiting for a commit. Thread-safe."""
    from messenger.live import channel_layer  # imported here: channel_layer itself imports this module

    (_publisher or channel_layer.publish_without_hub)(events)
