"""Encodes and decodes frames. Every frame in both directions is JSON text: `{"type", "payload", "ref"?}`."""

from __future__ import annotations

from typing import Any

import msgspec


class OutgoingEnvelope(msgspec.Struct, omit_defaults=True):
    type: str
    payload: Any
    ref: str | None = None


class IncomingFrame(msgspec.Struct):
    """A frame with a command from a client. Its payload is still raw JSON.

    The payload is decoded later, because its type depends on the command.
    """

    type: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    ref: str | None = None


_encoder = msgspec.json.Encoder()
decode_incoming = msgspec.json.Decoder(IncomingFrame).decode


def encode_frame(type: str, payload: Any, ref: str | None = None) -> str:
    """Returns a frame as JSON text. The text can be sent to any number of recipients."""
    return _encoder.encode(OutgoingEnvelope(type, payload, ref)).decode()


_TYPE_START = len('{"type":"')


def get_frame_type(text: str) -> str:
    """Returns the type of a frame that `encode_frame` has built, without decoding the frame: the type comes first."""
    return text[_TYPE_START : text.index('"', _TYPE_START)]
