"""The envelope of every frame: `{"type", "payload", "ref"?}`, as JSON text."""

from __future__ import annotations

from typing import Any

import msgspec


class Frame(msgspec.Struct, omit_defaults=True):
    type: str
    payload: Any
    ref: str | None = None


class Incoming(msgspec.Struct):
    """A command before its payload is known: decoded in a second step by the command's own struct."""

    type: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    ref: str | None = None


_encoder = msgspec.json.Encoder()
decode_incoming = msgspec.json.Decoder(Incoming).decode


def encode_frame(type: str, payload: Any, ref: str | None = None) -> str:
    """Encoded once, however many read it."""
    return _encoder.encode(Frame(type, payload, ref)).decode()
