"""Data types for sending messages: the command, its outcome, and the data of a message while it is being stored."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from accounts.schemas import UserSchema
from chat.actions.rendering import RenderedText
from chat.attachments import message_files
from chat.payloads import SendPayload
from chat.schemas import ForwardSchema, MentionSchema, MessageSchema, ReplySchema
from messenger.core.batch_writer import Busy
from messenger.core.errors import ApplicationError


class SendCommand(msgspec.Struct, frozen=True):
    """A command of the user `user_id` to send a message. The same command again does not create a second message.

    Who sends a message has read what was written before it, unless `keeps_read_marker` is set: then the message was
    written earlier, and is sent without its author.
    """

    user_id: int
    payload: SendPayload
    keeps_read_marker: bool = False

    def digest(self) -> str:
        """Returns a hash of the message (text, files, reply …).

        If two commands have the same `client_id`, equal hashes show that the second command repeats the first. The hash
        is stored with each message, so the way of computing it must never change.
        """
        payload = self.payload
        content: tuple = (payload.conversation_id, payload.body, payload.reply_to_id, payload.forward_id)
        if payload.attachment_ids:
            content = (*content, tuple(payload.attachment_ids))
        return hashlib.blake2b(repr(content).encode(errors="surrogatepass"), digest_size=16).hexdigest()


class SentMessage(msgspec.Struct, frozen=True):
    """The outcome of a send command that was accepted.

    `created` is False if the sender had sent a message with this `client_id` before. Then `message` is that stored
    message.
    """

    message: MessageSchema
    created: bool


Outcome = SentMessage | ApplicationError | Busy


class LockedConversation(msgspec.Struct):
    """The counters of a conversation (newest message, newest change …) while a batch of messages is stored.

    The row of the conversation is locked. The counters increase with each message of the batch, and are saved after the
    last message.
    """

    id: int
    kind: str
    last_seq: int
    text_count: int
    version: int
    word_list_version: int = 0  # see chat.actions.word_filter
    slow_mode: int = 0  # seconds that members wait between two messages
    has_archived_members: bool = False  # a new text unarchives it for members who have not muted it
    has_unopened_member: bool = False  # a direct conversation begins to exist for its second user with the next text
    last_message_id: int | None = None

    @property
    def is_new_pair(self) -> bool:
        """Returns True for a direct conversation without messages. Maybe only one of its two users has opened it."""
        return self.kind == "direct" and self.last_seq == 0


class SenderMembership(msgspec.Struct):
    """A locked membership of a user who sends messages, with the public data of the user (name, avatar …)."""

    id: int
    role: str
    read_seq: int
    read_count: int
    user: UserSchema
    shows_receipts: bool
    is_active: bool
    muted_until: datetime | None
    group_muted_until: datetime | None
    is_new_account: bool
    sent_at: datetime | None  # the time of the newest message, if the conversation has slow mode
    pair_status: str  # see chat.actions.direct_rules
    has_blocks: bool  # this user has blocked somebody, or somebody has blocked this user
    sent_seq: int = 0  # of the newest message in this batch
    sent_text_count: int = 0  # the conversation's `text_count` at `sent_seq`
    keeps_read_marker: bool = False  # others had written since the read marker, and the command does not move it
    # Others had written since the read marker when this user sent, or somebody had added the user, who had not opened
    # the group.
    had_unread: bool = False


class PendingSend(msgspec.Struct):
    """A message that is being sent: sender, input, and the data that is collected until the message is stored.

    Each step of sending sets some fields. A step that rejects the command sets `outcome` to an error, and later steps
    skip this message.
    """

    user_id: int
    payload: SendPayload
    digest: str
    body: str  # of a forwarded message: empty until the message to forward is loaded
    keeps_read_marker: bool = False
    outcome: Outcome | None = None
    # Only in duplicates: the stored message, or the first send of this batch, with the same client_id.
    stored_message_id: int | None = None
    duplicate_of: PendingSend | None = None
    # Set by `lock_conversations` and `load_senders`; every send that passes these steps has both.
    conversation: LockedConversation = None  # type: ignore[assignment]
    membership: SenderMembership = None  # type: ignore[assignment]
    mention_keys: set[str] | None = None  # normalized user names in the text; None: not determined yet
    may_mention_everybody: bool = False
    rendered: RenderedText | None = None  # rendered before the conversation was locked
    body_html: str = ""
    mentions: list[MentionSchema] = []
    mentioned_ids: list[int] | None = None  # users to notify; None: not determined yet
    blocked_mention_ids: set[int] = set()  # users who are mentioned but not notified, because of a block
    reply: ReplySchema | None = None
    forward: ForwardSchema | None = None
    forwarded_at: datetime | None = None
    flagged_words: tuple[str, ...] = ()  # that word lists have found
    files: message_files.MessageFiles | None = None
    seq: int = 0
    version: int = 0
    message_id: int = 0


def list_undecided(sends: list[PendingSend]) -> list[PendingSend]:
    return [send for send in sends if send.outcome is None]
