"""What goes over the wire about who is here: commands, events and answers, each as one struct."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from messenger.live.events import EphemeralEvent
from messenger.live.frames import encode_frame

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────
class TypingPayload(msgspec.Struct):
    """Typing here, or no longer."""

    conversation_id: Id
    active: bool


class ViewPayload(msgspec.Struct):
    """What this client is looking at; null: at no conversation."""

    conversation_id: Id | None


# ── Events and answers ───────────────────────────────────────────────────────────────────────────────────────────
class PresenceSchema(msgspec.Struct):
    """`last_seen` is null while the person is here, and for people who do not show it."""

    user_id: int
    online: bool
    last_seen: Moment | None


class TypingSchema(msgspec.Struct):
    """Ends by itself 5 seconds after it was last told."""

    conversation_id: int
    user_id: int
    active: bool


class ReaderSchema(msgspec.Struct):
    """How far one of them has read."""

    user_id: int
    seq: int


class ViewersSchema(msgspec.Struct):
    """People, not tabs. `readers` are those who show their presence, and how far each has read."""

    conversation_id: int
    count: int
    readers: list[ReaderSchema]


class HeadCountSchema(msgspec.Struct):
    """How many people are on the site now: a person counts once, and so does a browser with nobody signed in."""

    count: int


EVENTS: dict[str, type[msgspec.Struct]] = {
    "typing": TypingSchema,
    "presence": PresenceSchema,
    "viewers": ViewersSchema,
    "online": HeadCountSchema,
}


def moment(value: datetime) -> str:
    """`2026-11-21T01:02:03.456Z`, as every time of the contract."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


# ── News ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def typing(user_id: int, conversation_id: int, active: bool) -> EphemeralEvent:
    text = encode_frame("typing", TypingSchema(conversation_id, user_id, active))
    key = f"typing.{conversation_id}.{user_id}"
    return EphemeralEvent(
        f"conversation.{conversation_id}", text, key, skip_user=user_id, about=user_id, matter="typing"
    )


def presence_schema(user_id: int, online: bool, last_seen: datetime | None) -> PresenceSchema:
    return PresenceSchema(user_id, online, moment(last_seen) if last_seen and not online else None)


def presence(
    user_id: int,
    online: bool,
    last_seen: datetime | None,
    conversations: tuple[int, ...],
    users: tuple[int, ...] = (),
    only: tuple[int, ...] | None = None,
) -> EphemeralEvent:
    """For those who listen to any of these conversations, and for these people; one of them there must be."""
    return EphemeralEvent(
        "",
        encode_frame("presence", presence_schema(user_id, online, last_seen)),
        f"presence.{user_id}",
        skip_user=user_id,
        conversations=conversations,
        users=users,
        about=user_id,
        matter="presence",
        only=only,
    )


def presence_to(viewer_id: int, shape: PresenceSchema) -> EphemeralEvent:
    """For one person alone, who may know this much."""
    return EphemeralEvent(f"user.{viewer_id}", encode_frame("presence", shape), f"presence.{shape.user_id}")


def viewers(conversation_id: int, count: int, marks: dict[int, int]) -> EphemeralEvent:
    readers = [ReaderSchema(user_id, seq) for user_id, seq in sorted(marks.items())]
    text = encode_frame("viewers", ViewersSchema(conversation_id, count, readers))
    return EphemeralEvent(f"presence.{conversation_id}", text, f"viewers.{conversation_id}")


def head_count(count: int) -> EphemeralEvent:
    return EphemeralEvent("online", encode_frame("online", HeadCountSchema(count)), "online")
