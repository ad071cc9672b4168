"""Structs of sending: the command, its outcome, and the state that a batch keeps while it is being stored."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime

import msgspec

from accounts.schemas import UserSchema
from chat.attachments import message_files
from chat.schemas import ForwardSchema, MentionSchema, MessageSchema, ReplySchema
from messenger.core.batch_writer import Busy
from messenger.core.errors import ApplicationError


class SendCommand(msgspec.Struct, frozen=True):
    """A command to send a message. `client_id` is the idempotency key, chosen by the sender."""

    user_id: int
    conversation_id: int
    client_id: uuid.UUID
    body: str = ""
    reply_to_id: int | None = None
    forward_id: int | None = None
    attachment_ids: tuple[int, ...] = ()

    def digest(self) -> str:
        """Returns a hash of the content, to tell a repetition from another message with the same `client_id`.

        It is stored with each message, so its input must never change.
        """
        content: tuple = (self.conversation_id, self.body, self.reply_to_id, self.forward_id)
        if self.attachment_ids:
            content = (*content, self.attachment_ids)
        return hashlib.blake2b(repr(content).encode(errors="surrogatepass"), digest_size=16).hexdigest()


class SentMessage(msgspec.Struct, frozen=True):
    """The outcome of an accepted command. `created` is False if this `client_id` had been sent before."""

    message: MessageSchema
    created: bool


Outcome = SentMessage | ApplicationError | Busy


class LockedConversation(msgspec.Struct):
    """The counters of a locked conversation. They advance with each message of the batch and are stored at its end."""

    id: int
    kind: str
    last_seq: int
    text_count: int
    version: int
    has_archived_members: bool = False  # some member archived it without muting it: a new text unarchives it
    last_message_id: int | None = None


class SenderMembership(msgspec.Struct):
    """The membership of a sender, with the user's public data."""

    id: int
    role: str
    read_seq: int
    user: UserSchema
    shows_receipts: bool
    is_active: bool
    pair_status: str  # see chat.actions.direct_rules
    has_blocks: bool  # this user has blocked somebody, or somebody has blocked this user
    sent_seq: int = 0  # of the newest message in this batch
    sent_text_count: int = 0  # the conversation's `text_count` at `sent_seq`
    had_unread: bool = False  # others had written since the read marker when this user sent


class PendingSend(msgspec.Struct):
    """One command of a batch. Each step of sending fills in its part, or sets `outcome`, which ends it."""

    command: SendCommand
    digest: str
    outcome: Outcome | None = None
    # Duplicates: the stored message with this client_id, or the first command of this batch with it.
    stored_message_id: int | None = None
    duplicate_of: PendingSend | None = None
    # Set by `lock_conversations` and `load_senders`; every send that passes these steps has both.
    conversation: LockedConversation = None  # type: ignore[assignment]
    membership: SenderMembership = None  # type: ignore[assignment]
    body: str = ""
    body_html: str = ""
    mentions: list[MentionSchema] = []
    mentioned_ids: list[int] | None = None  # users to notify; None: not determined yet
    blocked_mention_ids: set[int] = set()  # users who are mentioned but not notified, because of a block
    reply: ReplySchema | None = None
    forward: ForwardSchema | None = None
    forwarded_at: datetime | None = None
    files: message_files.MessageFiles | None = None
    seq: int = 0
    version: int = 0
    message_id: int = 0


def list_undecided(sends: list[PendingSend]) -> list[PendingSend]:
    return [send for send in sends if send.outcome is None]
