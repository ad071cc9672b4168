"""The input of the commands about calls (msgspec structs). The actions check all permissions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.utils.translation import gettext_noop as _

from calls.schemas import CallMedia, CandidateSchema
from messenger.core.field_types import Id, described

MAX_SDP_LENGTH = 24_000  # a description with video and all candidates has about 8,000 characters
MAX_CANDIDATES = 30  # in one command

Device = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9-]+\Z", min_length=8, max_length=36),
    described(_("A random name that the client chooses for itself each time it starts.")),
]
Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SDP_LENGTH)]


class InvitePayload(msgspec.Struct):
    """Call the other members of a conversation. If a call is in progress there, join it."""

    conversation_id: Id
    device: Device
    media: CallMedia


class RingingPayload(msgspec.Struct):
    """Report that this device rings, so that the caller sees it."""

    call_id: Id


class AcceptPayload(msgspec.Struct):
    """Answer a call, join it, or return to it within 20 seconds, for example after a reload.

    If you are in the call with another device, that device leaves it.
    """

    call_id: Id
    device: Device


class DeclinePayload(msgspec.Struct):
    """Decline a call that rings. It stops ringing on all your devices."""

    call_id: Id


class HangUpPayload(msgspec.Struct):
    """Leave a call. A direct call ends then, a group call when nobody is left.

    Does nothing if you are in the call with another device.
    """

    call_id: Id
    device: Device


class AlivePayload(msgspec.Struct):
    """Report every few seconds that this device is still in the call. After 20 seconds without it, you leave the call.

    The error `not_found` means that this device is no longer in the call.
    """

    call_id: Id
    device: Device


class ListCallsPayload(msgspec.Struct):
    """List the calls in progress in your conversations. Send it after each connect."""


class OfferPayload(msgspec.Struct):
    """Send a WebRTC offer to another participant of a call. Both must be in the call with these devices."""

    call_id: Id
    device: Device
    to_user_id: Id
    to_device: Device
    sdp: Sdp


class AnswerPayload(msgspec.Struct):
    """Answer the offer of another participant of a call."""

    call_id: Id
    device: Device
    to_user_id: Id
    to_device: Device
    sdp: Sdp


class CandidatePayload(msgspec.Struct):
    """Send ICE candidates to another participant of a call, as many at once as are known."""

    call_id: Id
    device: Device
    to_user_id: Id
    to_device: Device
    candidates: Annotated[list[CandidateSchema], msgspec.Meta(min_length=1, max_length=MAX_CANDIDATES)]
