"""Schemas of calls, and the events about calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from accounts.schemas import UserSchema, user_schema
from calls.models import Call, Participant
from chat.models import Conversation
from messenger.core.field_types import Timestamp, one_of
from messenger.core.timestamps import format_optional_timestamp, format_timestamp
from messenger.live.events import EphemeralEvent, UserEvent
from messenger.live.frames import encode_frame

CallMedia = Annotated[str, one_of(Call.Media.values)]
CallState = Annotated[str, one_of(Call.State.values)]
CallReason = Annotated[str, one_of(["", *Call.Reason.values])]
ParticipantState = Annotated[str, one_of(Participant.State.values)]


class CallParticipantSchema(msgspec.Struct):
    """A user in a call, or whom the call rings. `device` is the client that takes part; empty unless `joined`.

    `rang` is true if a device of the user has reported that it rings. `silent`: show the ring of this user without a
    sound, because of quiet hours, do not disturb or a muted chat.
    """

    user: UserSchema
    state: ParticipantState
    device: str
    rang: bool
    silent: bool


class CallSchema(msgspec.Struct):
    """A voice or video call. `version` grows with each change; ignore a call with a lower or equal version.

    `state` is `ringing` until somebody answers, then `active`, then `ended`. `reason` says why it has ended: it was
    answered (`completed`), nobody answered (`no_answer`), the caller gave up (`cancelled`), the other person declined
    (`declined`) or is in another call (`busy`).
    """

    id: int
    conversation_id: int
    caller_id: int
    media: CallMedia
    state: CallState
    reason: CallReason
    version: int
    started_at: Timestamp
    answered_at: Timestamp | None
    ended_at: Timestamp | None
    participants: list[CallParticipantSchema]


class CallEvent(msgspec.Struct):
    """A call that has begun, has changed or has ended."""

    call: CallSchema


class SessionDescriptionEvent(msgspec.Struct):
    """A WebRTC session description (an offer or an answer) of another participant, for your device `to_device`."""

    call_id: int
    from_user_id: int
    from_device: str
    to_device: str
    sdp: str


class CandidateSchema(msgspec.Struct):
    """An ICE candidate, with the fields of `RTCIceCandidateInit`. An empty `candidate` ends the candidates."""

    candidate: Annotated[str, msgspec.Meta(max_length=1000)]
    sdpMid: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    sdpMLineIndex: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    usernameFragment: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class CandidatesEvent(msgspec.Struct):
    """ICE candidates of another participant, for your device `to_device`."""

    call_id: int
    from_user_id: int
    from_device: str
    to_device: str
    candidates: list[CandidateSchema]


EVENTS: dict[str, type[msgspec.Struct]] = {
    "call.updated": CallEvent,
    "call.offer": SessionDescriptionEvent,
    "call.answer": SessionDescriptionEvent,
    "call.candidate": CandidatesEvent,
}


class IceServerSchema(msgspec.Struct):
    """STUN or TURN servers, in the form of `RTCIceServer`. STUN servers need no credentials: these are empty then."""

    urls: list[str]
    username: str = ""
    credential: str = ""


class IceServersSchema(msgspec.Struct):
    """The STUN and TURN servers of this site. The credentials are valid for `ttl` seconds; then request them again."""

    ice_servers: list[IceServerSchema]
    ttl: int


def call_schema(call: Call, participants: Sequence[Participant]) -> CallSchema:
    """Builds the schema of a call. `participants` are loaded with their users."""
    return CallSchema(
        id=call.pk,
        conversation_id=call.conversation_id,
        caller_id=call.caller_id,
        media=call.media,
        state=call.state,
        reason=call.reason,
        version=call.version,
        started_at=format_timestamp(call.started_at),
        answered_at=format_optional_timestamp(call.answered_at),
        ended_at=format_optional_timestamp(call.ended_at),
        participants=[
            CallParticipantSchema(user_schema(row.user), row.state, row.device, row.rang, row.is_silent)
            for row in participants
        ],
    )


def call_updated(schema: CallSchema, kind: str) -> list[EphemeralEvent]:
    """Returns the events that tell a call to its participants and, in a group, to the other members.

    `kind` is that of the conversation. Members who have blocked the caller, or whom the caller has blocked, do not
    learn of the call. Each event contains the whole call, so a client that reads slowly needs only the newest.
    """
    text, key = encode_frame("call.updated", CallEvent(schema)), f"call.{schema.id}"
    user_ids = tuple(participant.user.id for participant in schema.participants)
    events = [EphemeralEvent(f"user.{user_id}", text, key) for user_id in user_ids]
    if kind == Conversation.Kind.GROUP:
        group = f"conversation.{schema.conversation_id}"
        events.append(EphemeralEvent(group, text, key, skip_users=user_ids, subject_id=schema.caller_id, topic="calls"))
    return events


def session_description(type: str, user_id: int, event: SessionDescriptionEvent) -> UserEvent:
    """Returns the event with an offer or an answer (`type`) for the user `user_id`."""
    is_offer = type == "offer"
    return UserEvent(user_id, encode_frame("call.offer", event) if is_offer else encode_frame("call.answer", event))


def candidates(user_id: int, event: CandidatesEvent) -> UserEvent:
    return UserEvent(user_id, encode_frame("call.candidate", event))
