"""The envelope of every frame in both directions: `{"type", "payload", "ref"?}`, as JSON text."""

from __future__ import annotations

from typing import Any

import msgspec


class OutgoingEnvelope(msgspec.Struct, omit_defaults=True):
    type: str
    payload: Any
    ref: str | None = None


class IncomingFrame(msgspec.Struct):
    """A command whose payload is still raw JSON: the payload struct of the command decodes it in a second step."""

    type: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    ref: str | None = None


_encoder = msgspec.json.Encoder()
decode_incoming = msgspec.json.Decoder(IncomingFrame).decode


def encode_frame(type: str, payload: Any, ref: str | None = None) -> str:
    """Return the frame as JSON text. It is encoded once for any number of recipients."""
    return _encoder.encode(OutgoingEnvelope(type, payload, ref)).decode()
