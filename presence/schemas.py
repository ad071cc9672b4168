"""Defines the format of presence data for clients: schemas of events and answers. The input is in presence.payloads.

It also contains the functions that build the events.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from messenger.core.field_types import Timestamp
from messenger.core.timestamps import format_timestamp
from messenger.live.events import EphemeralEvent
from messenger.live.frames import encode_frame


class PresenceSchema(msgspec.Struct):
    """Whether a user is online, and when the user was last online.

    `last_seen` is null while the user is online, and if the user does not show it to you.
    """

    user_id: int
    online: bool
    last_seen: Timestamp | None


class TypingSchema(msgspec.Struct):
    """A user is typing in a conversation (`active` is true) or has stopped (`active` is false).

    Clients must hide the typing indicator 5 seconds after the last event, even if no event with `active` false came.
    """

    conversation_id: int
    user_id: int
    active: bool


class ReaderSchema(msgspec.Struct):
    """A user who views the conversation now, and what this user has read.

    `seq` is the number (within the conversation) of the newest message that the user has read.
    """

    user_id: int
    seq: int


class ViewersSchema(msgspec.Struct):
    """The users who view a conversation now. A user who views it on several devices is counted once.

    `count` is the number of those users who show you that they are online. `readers` contains those who also show you
    what they have read.
    """

    conversation_id: int
    count: int
    readers: list[ReaderSchema]


class HeadCountSchema(msgspec.Struct):
    """How many users and visitors are online. A visitor is a browser without a signed-in user.

    A user or visitor with several connections is counted once.
    """

    count: int


EVENTS: dict[str, type[msgspec.Struct]] = {
    "typing": TypingSchema,
    "presence": PresenceSchema,
    "viewers": ViewersSchema,
    "online": HeadCountSchema,
}


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────
def typing_event(user_id: int, conversation_id: int, active: bool) -> EphemeralEvent:
    text = encode_frame("typing", TypingSchema(conversation_id, user_id, active))
    key = f"typing.{conversation_id}.{user_id}"
    return EphemeralEvent(
        f"conversation.{conversation_id}", text, key, skip_user=user_id, subject_id=user_id, topic="typing"
    )


def presence_schema(user_id: int, online: bool, last_seen: datetime | None) -> PresenceSchema:
    return PresenceSchema(user_id, online, format_timestamp(last_seen) if last_seen and not online else None)


def presence_event(
    user_id: int,
    online: bool,
    last_seen: datetime | None,
    conversations: tuple[int, ...],
    users: tuple[int, ...] = (),
    allowed_users: tuple[int, ...] | None = None,
) -> EphemeralEvent:
    """Returns the event that reports that the user `user_id` is online or offline.

    It is sent to the members of `conversations` and to `users`; at least one of the two must not be empty. If
    `allowed_users` is not None, it is sent only to those recipients who are in `allowed_users`.
    """
    return EphemeralEvent(
        "",
        encode_frame("presence", presence_schema(user_id, online, last_seen)),
        f"presence.{user_id}",
        skip_user=user_id,
        conversations=conversations,
        users=users,
        subject_id=user_id,
        topic="presence",
        allowed_users=allowed_users,
    )


def user_presence_event(viewer_id: int, presence: PresenceSchema) -> EphemeralEvent:
    """Returns the event that sends the presence of one user (whether online, and when last online) to one viewer.

    The caller must make sure that the viewer may see everything in `presence`.
    """
    return EphemeralEvent(f"user.{viewer_id}", encode_frame("presence", presence), f"presence.{presence.user_id}")


def viewers_event(conversation_id: int, count: int, read_markers: dict[int, int]) -> EphemeralEvent:
    """Returns the event that says which users view a conversation, for all connections that view it.

    `count` is the number of these users. `read_markers` maps user ids to the number (`seq`) of the newest message that
    the user has read.
    """
    readers = [ReaderSchema(user_id, seq) for user_id, seq in sorted(read_markers.items())]
    text = encode_frame("viewers", ViewersSchema(conversation_id, count, readers))
    return EphemeralEvent(f"presence.{conversation_id}", text, f"viewers.{conversation_id}")


def head_count_event(count: int) -> EphemeralEvent:
    return EphemeralEvent("online", encode_frame("online", HeadCountSchema(count)), "online")
