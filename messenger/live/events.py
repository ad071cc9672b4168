"""Defines the kinds of events, and `publish`. In each process, the hub sends the events to WebSocket connections.

An action (a function that changes data) collects events while it changes rows, and calls `publish` inside its
transaction. The events are sent after the commit. The frame of an event (`text`) is encoded only once.

Events travel to the other processes through the channel layer as arrays. All processes must therefore run code with
the same struct tags and the same order of fields.

Every event has `text`, empty if no client gets it, and `user_id`, 0 if it is not for one user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import msgspec
from django.db import transaction

from messenger.live import listeners


class ConversationEvent(msgspec.Struct, tag="d", array_like=True):
    """An event about a stored change of a conversation.

    Each change gives the conversation a higher version number. `after` is the number before this change, `version` the
    number after it. `text` is the encoded frame.
    """

    user_id: ClassVar[int] = 0
    conversation_id: int
    after: int
    version: int
    text: str
    joined_user_id: int = 0  # receives this conversation's events after this version
    left_user_id: int = 0  # receives this conversation's events up to the one before this version

    @property
    def order(self) -> tuple[int, int]:
        return self.after, self.version


class UserEvent(msgspec.Struct, tag="p", array_like=True):
    """An event that is sent to all connections of one user."""

    user_id: int
    text: str
    me_version: int = 0  # version of the user's own state; 0: no version, not sent again if lost (a mention)
    joined_conversation_id: int = 0  # the user receives this conversation's events after `version`
    left_conversation_id: int = 0  # the user receives no events of this conversation from `version` on
    version: int = 0
    conversation_version: int = 0  # with `joined_conversation_id`: the version of the conversation in the frame

    @property
    def order(self) -> tuple[int, int]:
        return self.me_version - 1, self.me_version


class EphemeralEvent(msgspec.Struct, tag="e", array_like=True):
    """An event that is not stored and may get lost, for example that a user is typing, or how many users are online.

    If a client reads slowly, it gets only the newest of the waiting events with the same `key`.
    """

    user_id: ClassVar[int] = 0
    group: str  # "conversation.12" or "user.3"; for connections of this process only: "presence.12" or "online"
    text: str
    key: str
    skip_user: int = 0
    skip_users: tuple[int, ...] = ()
    # Instead of `group`: sent to the subscribers of these conversations and to these users, once to each connection.
    conversations: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    # The user whom the event describes. It is not sent to users whose `Visibility` does not allow it.
    subject_id: int = 0
    topic: str = ""  # "presence", "receipts" or another topic; other topics are hidden only by a block
    allowed_users: tuple[int, ...] | None = None  # None: no restriction
    # Conversation id. Events of this kind are combined per conversation: see COMBINE_SECONDS in the hub.
    combine_in_conversation: int = 0


class Disconnect(msgspec.Struct, tag="c", array_like=True):
    """An event that closes connections of a user: all, or only those of the sign-in `sign_in_id`.

    With `keep_sign_in_id`, the connections of that sign-in stay open.
    """

    text: ClassVar[str] = ""
    user_id: int
    code: int
    sign_in_id: str = ""
    keep_sign_in_id: str = ""


class RefreshVisibility(msgspec.Struct, tag="l", array_like=True):
    """An event that is published after a block or a changed privacy setting of the user `user_id`.

    Each process with connections of this user then reads again from the database which other users this user may see,
    and stores it in these connections.
    """

    text: ClassVar[str] = ""
    user_id: int


Event = ConversationEvent | UserEvent | EphemeralEvent | Disconnect | RefreshVisibility
Publisher = Callable[[list[Event]], None]

_publisher: Publisher | None = None
_is_paused = False


def set_publisher(publisher: Publisher | None) -> Publisher | None:
    """Sets the function that `publish` calls with the events of this process. Returns the previous function.

    The hub, which delivers events to WebSocket connections, sets its own function. In a process without a hub (a
    management command), events go directly to the channel layer.
    """
    global _publisher
    previous, _publisher = _publisher, publisher
    return previous


def publish(events: Iterable[Event]) -> None:
    """Publishes events when the current transaction commits. Without a transaction, publishes them at once.

    Also calls the listeners of these events (see `messenger.live.listeners`). Thread-safe.
    """
    event_list = list(events)
    if event_list and not _is_paused:
        transaction.on_commit(lambda: _publish_committed(event_list))
        listeners.call_in_transaction(event_list)


def _publish_committed(events: list[Event]) -> None:
    try:
        publish_now(events)
    finally:
        listeners.call_after_commit(events)


def publish_now(events: list[Event]) -> None:
    """Publishes events at once, without waiting for a commit and without listeners. Thread-safe."""
    from messenger.live import channel_layer  # imported here: channel_layer itself imports this module

    if not _is_paused:
        (_publisher or channel_layer.publish_without_hub)(events)


@contextmanager
def paused() -> Iterator[None]:
    """Context manager in which all published events are dropped, in all threads of this process.

    It is for data that no client has open and that nobody is to be notified of, such as demo data.
    """
    global _is_paused
    _is_paused = True
    try:
        yield
    finally:
        _is_paused = False
