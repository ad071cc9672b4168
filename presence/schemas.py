"""Presence on the wire: payloads of commands, schemas of events and answers, and functions that build the events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from messenger.core.timestamps import Timestamp, format_timestamp
from messenger.live.events import EphemeralEvent
from messenger.live.frames import encode_frame

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────
class TypingPayload(msgspec.Struct):
    """The user is typing in a conversation (`active`), or stopped."""

    conversation_id: Id
    active: bool


class ViewPayload(msgspec.Struct):
    """The conversation that this client shows; null: none."""

    conversation_id: Id | None


# ── Schemas of events and answers ────────────────────────────────────────────────────────────────────────────────
class PresenceSchema(msgspec.Struct):
    """Whether a user is online. `last_seen` is null while the user is online, and if they do not show it to you."""

    user_id: int
    online: bool
    last_seen: Timestamp | None


class TypingSchema(msgspec.Struct):
    """A user is typing (`active`), or stopped. Clients end the indicator 5 seconds after the last event."""

    conversation_id: int
    user_id: int
    active: bool


class ReaderSchema(msgspec.Struct):
    """The read marker of a viewer: read up to the message `seq`."""

    user_id: int
    seq: int


class ViewersSchema(msgspec.Struct):
    """The users who view a conversation, each counted once. `readers`: those who show their presence and receipts."""

    conversation_id: int
    count: int
    readers: list[ReaderSchema]


class HeadCountSchema(msgspec.Struct):
    """How many users and visitors are online. Each user counts once, and each browser without a signed-in user."""

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
    """Return the event for members of any of these conversations and for `users`. At least one of both is needed."""
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
    """Return the event for a single viewer. `presence` must be what this viewer may see."""
    return EphemeralEvent(f"user.{viewer_id}", encode_frame("presence", presence), f"presence.{presence.user_id}")


def viewers_event(conversation_id: int, count: int, read_markers: dict[int, int]) -> EphemeralEvent:
    """Return the event for all connections that view the conversation. `read_markers`: `seq` by user id."""
    readers = [ReaderSchema(user_id, seq) for user_id, seq in sorted(read_markers.items())]
    text = encode_frame("viewers", ViewersSchema(conversation_id, count, readers))
    return EphemeralEvent(f"presence.{conversation_id}", text, f"viewers.{conversation_id}")


def head_count_event(count: int) -> EphemeralEvent:
    return EphemeralEvent("online", encode_frame("online", HeadCountSchema(count)), "online")
