"""The two applications, as a client sees them: where they are, what a send looks like, what a frame says."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from tests.scale.environment import PinnedServer, Stage


class Heard(NamedTuple):
    """A frame, as far as it is measured. `ref` names the send that it answers or brings."""

    answers: bool  # tells the sender that it is stored
    brings: bool  # is the message, for a reader
    ref: str
    place: int  # in the order of its conversation


NOTHING = Heard(False, False, "", 0)


class Side(Protocol):
    name: str
    ordered: bool  # whether it promises that everybody hears the same order, without holes
    ping: bytes  # the client's sign of life, due every five seconds; empty where there is none

    def __init__(self, stage: Stage): ...
    @property
    def server(self) -> PinnedServer: ...
    def path(self, conversation_id: int) -> str: ...
    def command(self, conversation_id: int, ref: str, body: str) -> bytes: ...
    def heard(self, frame: bytes) -> Heard: ...
    def stored(self, refs: set[str]) -> int: ...


# ── Ours ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class _Message(msgspec.Struct):
    seq: int
    client_id: str | None


class _Payload(msgspec.Struct):
    message: _Message | None = None


class _Frame(msgspec.Struct):
    type: str
    payload: msgspec.Raw


class Ours:
    name, ordered, ping = "ours", True, b'{"type":"ping","payload":{}}'

    def __init__(self, stage: Stage):
        self.server = stage.servers["ours"]
        self._orm = stage.site.orm
        self._frame = msgspec.json.Decoder(_Frame).decode
        self._payload = msgspec.json.Decoder(_Payload).decode

    def path(self, conversation_id: int) -> str:
        return "/ws/v1/"

    def command(self, conversation_id: int, ref: str, body: str) -> bytes:
        payload = {"conversation_id": conversation_id, "client_id": ref, "body": body}
        return msgspec.json.encode({"type": "message.send", "payload": payload, "ref": ref})

    def heard(self, frame: bytes) -> Heard:
        told = self._frame(frame)
        if told.type == "error":
            raise AssertionError(f"A command was refused: {frame.decode()}")
        if told.type not in ("ack", "message.created"):
            return NOTHING
        message = self._payload(told.payload).message
        if message is None:
            return NOTHING
        return Heard(told.type == "ack", told.type != "ack", message.client_id or "", message.seq)

    def stored(self, refs: set[str]) -> int:
        from chat.models import Message

        with self._orm():
            return _counted(Message.objects.values_list("client_id", flat=True), refs)


# ── The tutorial's ─────────────────────────────────────────────────────────────────────────────────────────────────
class _Event(msgspec.Struct):
    id: int
    ref: str


class Tutorial:
    """Its own message, come back by the group after the insert, is what tells a sender that it is stored."""

    name, ordered, ping = "tutorial", False, b""

    def __init__(self, stage: Stage):
        self.server = stage.servers["tutorial"]
        self._orm = stage.site.orm
        self._event = msgspec.json.Decoder(_Event).decode

    def path(self, conversation_id: int) -> str:
        return f"/ws/chat/{conversation_id}/"

    def command(self, conversation_id: int, ref: str, body: str) -> bytes:
        return msgspec.json.encode({"ref": ref, "body": body})

    def heard(self, frame: bytes) -> Heard:
        event = self._event(frame)
        return Heard(True, True, event.ref, event.id)

    def stored(self, refs: set[str]) -> int:
        from django.db import connection

        with self._orm(), connection.cursor() as cursor:
            cursor.execute("SELECT ref FROM tutorial_message")
            return _counted([ref for (ref,) in cursor.fetchall()], refs)


def _counted(stored, refs: set[str]) -> int:
    """How many of these are there once. Raises where one is there twice."""
    there = [str(ref) for ref in stored if str(ref) in refs]
    assert len(there) == len(set(there)), "A message is stored twice"
    return len(there)
