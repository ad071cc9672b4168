"""What a batch of sends is made of: the commands, where they go, who gives them, and what becomes of each."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime

import msgspec

from accounts.schemas import UserSchema
from chat.attachments import message_files as files
from chat.schemas import ForwardSchema, MentionSchema, MessageSchema, ReplySchema
from messenger.core.batch_writer import Busy
from messenger.core.errors import ApplicationError


class Send(msgspec.Struct, frozen=True):
    """A command to send. `client_id` is the sender's own name for the message: a repeat stores nothing."""

    user_id: int
    conversation_id: int
    client_id: uuid.UUID
    body: str = ""
    reply_to_id: int | None = None
    forward_id: int | None = None
    attachment_ids: tuple[int, ...] = ()

    def digest(self) -> str:
        what: tuple = (self.conversation_id, self.body, self.reply_to_id, self.forward_id)
        if self.attachment_ids:
            what = (*what, self.attachment_ids)
        return hashlib.blake2b(repr(what).encode(errors="surrogatepass"), digest_size=16).hexdigest()


class Sent(msgspec.Struct, frozen=True):
    message: MessageSchema
    created: bool


class Room(msgspec.Struct):
    """A conversation as the batch counts it on."""

    id: int
    kind: str
    last_seq: int
    text_count: int
    version: int
    put_away: bool = False  # somebody has it in the archive, not muted: a text brings it back
    last_message_id: int | None = None
    touched: bool = False


class Seat(msgspec.Struct):
    """A sender's membership, with what the wire shows of the sender."""

    id: int
    role: str
    read_seq: int
    sender: UserSchema
    shows_receipts: bool
    active: bool
    standing: str  # to the other one of a pair: chat.actions.direct_rules
    apart: bool  # there are blocks between this person and somebody
    sent_seq: int = 0
    sent_count: int = 0
    was_behind: bool = False


class Draft(msgspec.Struct):
    """A command that is being made a message."""

    place: int  # in the batch
    command: Send
    digest: str
    room: Room
    seat: Seat
    body: str = ""
    body_html: str = ""
    mentions: list[MentionSchema] = []
    named: list[int] | None = None  # who hears of it; None: not asked yet
    unheard: set[int] = set()  # who is named and does not: there is a block between
    reply: ReplySchema | None = None
    forward: ForwardSchema | None = None
    forwarded_at: datetime | None = None
    brought: files.Wanted | None = None
    seq: int = 0
    version: int = 0
    id: int = 0


Outcome = Sent | ApplicationError | Busy
