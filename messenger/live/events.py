"""What verbs tell: already encoded, told once after commit, delivered by each process's hub.

A verb collects news while it changes rows and calls `tell` inside its transaction; nothing leaves before commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from django.db import transaction


class ConversationEvent(msgspec.Struct, tag="d", array_like=True):
    """A stored change of a conversation: `version` follows `after`. `text` is the whole frame."""

    conversation_id: int
    after: int
    version: int
    text: str
    joined: int = 0  # user id: hears this conversation from this version on
    left: int = 0  # user id: hears nothing of it from this version on


class UserEvent(msgspec.Struct, tag="p", array_like=True):
    """For every device of one person."""

    user_id: int
    text: str
    me_version: int = 0  # 0: nothing to catch up with (a mention, say)
    joins: int = 0  # conversation id whose news begin here, at `version`
    leaves: int = 0  # conversation id whose news end here, at `version`
    version: int = 0
    upto: int = 0  # with `joins`: the conversation's version that the frame shows


class EphemeralEvent(msgspec.Struct, tag="e", array_like=True):
    """Typing, presence, counts: best effort. While a line is slow only the newest with the same `key` is kept."""

    group: str  # a hub group, such as "conversation.12", "presence.12", "user.3" or "online"
    text: str
    key: str
    skip_user: int = 0
    skip_users: tuple[int, ...] = ()
    # Instead of `group`: everybody who listens to any of these conversations, once each.
    conversations: tuple[int, ...] = ()
    users: tuple[int, ...] = ()  # with `conversations`: these people too
    # Of whom it tells, and what: whoever is not to hear that is left out (messenger.live.visibility).
    about: int = 0
    matter: str = ""  # "presence", "receipts", or what only a block keeps back
    only: tuple[int, ...] | None = None  # nobody but these people
    gathers: int = 0  # conversation id: where many come, only the newest with each key is told, a few times a second


class Disconnect(msgspec.Struct, tag="c", array_like=True):
    """A right to listen has ended: this person's sockets close, all of them or those of one sign-in."""

    user_id: int
    code: int
    sign_in_id: str = ""
    keep_sign_in_id: str = ""  # all but this one


class RefreshVisibility(msgspec.Struct, tag="l", array_like=True):
    """What these people's sockets are not to hear has changed: it is read again."""

    user_id: int


Event = ConversationEvent | UserEvent | EphemeralEvent | Disconnect | RefreshVisibility

_publisher: Callable[[list[Event]], None] | None = None


Publisher = Callable[[list[Event]], None]


def set_publisher(publisher: Publisher | None) -> Publisher | None:
    """The hub of this process sets itself here. A process without one (a management command) publishes instead.

    Says what was set before.
    """
    global _publisher
    before, _publisher = _publisher, publisher
    return before


def publish(news: Iterable[Event]) -> None:
    """Tell this after the transaction under way commits, at once if there is none. From any thread."""
    told = list(news)
    if told:
        transaction.on_commit(lambda: publish_now(told))


def publish_now(news: list[Event]) -> None:
    from messenger.live import channel_layer  # which is made of news itself

    (_publisher or channel_layer.publish_from_outside)(news)
