"""The protocols of the two applications whose speed is compared: our messenger and the chat of the Channels tutorial.

For each application, a class knows the URL of the WebSocket, how to send a message, and how to read a received frame.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from tests.scale.environment import Environment, PinnedServer


class ReceivedFrame(NamedTuple):
    """What a received frame (WebSocket message) means, in the protocol of one of the two compared applications.

    A frame answers a message that this client has sent, or delivers a message, or both. `ref` is the id of this
    message.
    """

    answers: bool  # tells the sender that the message is stored
    delivers: bool  # delivers the message to a reader
    ref: str
    position: int  # of the message in its conversation


UNRELATED_FRAME = ReceivedFrame(False, False, "", 0)


class Contender(Protocol):
    name: str
    ordered: bool  # whether all readers get all messages in the same order, without gaps
    ping: bytes  # heartbeat, which clients send every five seconds; empty if there is none

    def __init__(self, environment: Environment): ...
    @property
    def server(self) -> PinnedServer: ...
    def path(self, conversation_id: int) -> str: ...
    def command(self, conversation_id: int, ref: str, body: str) -> bytes: ...
    def parse_frame(self, frame: bytes) -> ReceivedFrame: ...
    def stored(self, refs: set[str]) -> int: ...


# ── Our application ────────────────────────────────────────────────────────────────────────────────────────────────
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

    def __init__(self, environment: Environment):
        self.server = environment.servers["ours"]
        self._orm = environment.site.orm
        self._decode_frame = msgspec.json.Decoder(_Frame).decode
        self._decode_payload = msgspec.json.Decoder(_Payload).decode

    def path(self, conversation_id: int) -> str:
        return "/ws/v1/"

    def command(self, conversation_id: int, ref: str, body: str) -> bytes:
        payload = {"conversation_id": conversation_id, "client_id": ref, "body": body}
        return msgspec.json.encode({"type": "message.send", "payload": payload, "ref": ref})

    def parse_frame(self, frame: bytes) -> ReceivedFrame:
        decoded = self._decode_frame(frame)
        if decoded.type == "error":
            raise AssertionError(f"A command was refused: {frame.decode()}")
        if decoded.type not in ("ack", "message.created"):
            return UNRELATED_FRAME
        message = self._decode_payload(decoded.payload).message
        if message is None:
            return UNRELATED_FRAME
        return ReceivedFrame(decoded.type == "ack", decoded.type != "ack", message.client_id or "", message.seq)

    def stored(self, refs: set[str]) -> int:
        from chat.models import Message

        with self._orm():
            return _count_stored(Message.objects.values_list("client_id", flat=True), refs)


# ── The tutorial's application ─────────────────────────────────────────────────────────────────────────────────────
class _Event(msgspec.Struct):
    id: int
    ref: str


class Tutorial:
    """The protocol of the chat from the Channels tutorial, in which the server sends no acknowledgements.

    The server sends each stored message to all members of the chat. When the sender receives its own message, it knows
    that the message is stored.
    """

    name, ordered, ping = "tutorial", False, b""

    def __init__(self, environment: Environment):
        self.server = environment.servers["tutorial"]
        self._orm = environment.site.orm
        self._decode_event = msgspec.json.Decoder(_Event).decode

    def path(self, conversation_id: int) -> str:
        return f"/ws/chat/{conversation_id}/"

    def command(self, conversation_id: int, ref: str, body: str) -> bytes:
        return msgspec.json.encode({"ref": ref, "body": body})

    def parse_frame(self, frame: bytes) -> ReceivedFrame:
        event = self._decode_event(frame)
        return ReceivedFrame(True, True, event.ref, event.id)

    def stored(self, refs: set[str]) -> int:
        from django.db import connection

        with self._orm(), connection.cursor() as cursor:
            cursor.execute("SELECT ref FROM tutorial_message")
            return _count_stored([ref for (ref,) in cursor.fetchall()], refs)


def _count_stored(stored, refs: set[str]) -> int:
    """Returns how many of the message ids `refs` occur in the list `stored`.

    Raises AssertionError if one of them occurs twice.
    """
    found = [str(ref) for ref in stored if str(ref) in refs]
    assert len(found) == len(set(found)), "A message is stored twice"
    return len(found)
