"""Output schemas of messages, and functions that build them from model instances."""

from __future__ import annotations

from typing import Annotated

import msgspec

from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from chat.message_kinds import KIND_NAMES
from chat.models import Message
from chat.schemas.attachments import AttachmentSchema
from chat.schemas.excerpts import make_excerpt
from chat.text.language import detect_language, is_emoji_only
from chat.text.truncation import is_long
from messenger.core.field_types import Timestamp, UUIDText, one_of
from messenger.core.timestamps import format_optional_timestamp, format_timestamp

# Not `one_of`, which would copy the names: apps add kinds later.
MessageKind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": KIND_NAMES})]
SYSTEM_EVENTS = ("joined", "left", "removed", "renamed", "described", "pictured", "announced", "owner", "role")
# The sentences of system messages. An event of another name than those above, of an older version, is `changed`.
SYSTEM_SENTENCES = (
    *("joined", "added", "linked", "left", "removed", "renamed", "described", "pictured", "unpictured"),
    *("announced", "unannounced", "promoted", "demoted", "owner", "changed"),
)


class MentionSchema(msgspec.Struct):
    """A mention, such as `@bob`, in the text (`body`) of a message.

    It begins at code point `start` of the text and ends before code point `end`. `user_id` is the mentioned user, null
    for `@all`.
    """

    user_id: int | None
    start: int
    end: int


class ReplySchema(msgspec.Struct):
    """The message that a reply quotes, as it was when this response or event was built.

    `excerpt` is the beginning of the quoted text without Markdown. Clients hide it if the user has blocked its sender.
    """

    id: int
    seq: int
    sender: UserSchema
    excerpt: str
    deleted: bool


class ForwardSchema(msgspec.Struct):
    """The user who first sent the message that was forwarded, and the time when this user sent it."""

    sender: UserSchema
    created_at: Timestamp | None


class FileSchema(msgspec.Struct):
    """A file sent in a conversation, with the message that contains it.

    Clients hide it like the message, if the user has blocked its sender or the author of a forwarded message.
    """

    attachment: AttachmentSchema
    message_id: int
    seq: int
    sender: UserSchema
    forwarded_from: ForwardSchema | None
    created_at: Timestamp


class ReactionSchema(msgspec.Struct):
    """An emoji, and the ids of the users who reacted to the message with it, in the order of their reactions.

    The emoji has the variation selectors that Unicode recommends (`❤️`), also if it was sent without them (`❤`).
    """

    emoji: str
    user_ids: list[int]


class SystemEvent(msgspec.Struct):
    """The content of a system message, such as "Ann added Ben". Clients translate it into a sentence.

    `actor_id`: the user who did it. `user_ids`: the users who joined, were removed and so on. `by_id`: with `joined`,
    the user who created the invite link. `old` and `new`: the titles (with `renamed`), announcements (with `announced`,
    without the signs of Markdown) or roles (with `role`) before and after.

    `sentence`: what a client says, such as `added` (users joined, and another user did it), `linked` (joined with an
    invite link), `promoted` or `demoted` (the role), `unannounced` and `unpictured` (removed). It follows from the
    other fields.
    """

    name: Annotated[str, one_of(SYSTEM_EVENTS)]
    actor_id: int | None = None
    user_ids: list[int] = []
    old: str | None = None
    new: str | None = None
    by_id: int | None = None
    sentence: Annotated[str, one_of(SYSTEM_SENTENCES)] = "changed"

    def __post_init__(self) -> None:
        self.sentence = self._choose_sentence()

    @property
    def other_ids(self) -> list[int]:
        """The users in the sentence beside the one who did it."""
        return [user_id for user_id in (self.by_id, *self.user_ids) if user_id not in (self.actor_id, None)]

    def _choose_sentence(self) -> str:
        match self.name:
            case "joined" if self.by_id:
                return "linked"
            case "joined" if self.other_ids:
                return "added"
            case "announced" | "pictured" if not self.new:
                return f"un{self.name}"
            case "role":
                return "promoted" if self.new == "admin" else "demoted"
        return self.name if self.name in SYSTEM_SENTENCES else "changed"


class MessageSchema(msgspec.Struct):
    """A message. `event` is the content of a system message (such as "Ann added Ben"); it is null for other messages.

    `kind` is `text`, `system`, or a kind of its own for what another part of the server records, with the content in
    `data`: `call` and `missed` are calls, with `media` (`audio` or `video`), `reason` (as in `Call`), `call_id`, and
    `seconds` if somebody answered. `missed` counts as unread like a text. Show an unknown kind as a short notice.

    `seq` is the number of the message in its conversation, `version` the number of its newest change. A deleted message
    keeps its ids, `seq`, `kind`, sender and times. All its other fields are empty. `client_id` is null for system
    messages.

    `excerpt` is the beginning of the text without Markdown, as in quotes; without text, the kind and name of the first
    file. `language` is that of the text, for its `lang` attribute: `zh-Hans` for Chinese, `en` for Latin letters, `und`
    for others, empty for a text without words. `is_long`: the text has so many lines that clients may collapse it.
    `is_emoji_only`: it consists of one to three emoji, which clients may show large.
    """

    id: int
    conversation_id: int
    seq: int
    version: int
    client_id: UUIDText | None
    kind: MessageKind
    sender: UserSchema
    body: str
    body_html: str
    mentions: list[MentionSchema]
    reply_to: ReplySchema | None
    forwarded_from: ForwardSchema | None
    attachments: list[AttachmentSchema]
    reactions: list[ReactionSchema]
    pinned: bool
    created_at: Timestamp
    edited_at: Timestamp | None
    deleted_at: Timestamp | None
    event: SystemEvent | None
    data: dict[str, str] | None
    excerpt: str
    language: str
    is_long: bool
    is_emoji_only: bool


class RevisionSchema(msgspec.Struct):
    """An earlier version of an edited message: its text, and the time when it was written."""

    body: str
    body_html: str
    written_at: Timestamp


class HistorySchema(msgspec.Struct):
    """A page of messages, in ascending order of their numbers (`seq`).

    `version` is the version of the conversation (number of its newest change), read before the messages. So the
    messages contain all changes up to `version`, and maybe later changes.
    """

    results: list[MessageSchema]
    has_before: bool
    has_after: bool
    version: int


def reply_schema(quoted: Message) -> ReplySchema:
    deleted = quoted.deleted_at is not None
    return ReplySchema(
        quoted.pk,
        quoted.seq,
        user_schema(quoted.sender),
        "" if deleted else make_excerpt(quoted.body_html, quoted.files),
        deleted,
    )


def forward_schema(message: Message) -> ForwardSchema | None:
    """Returns who first sent a forwarded message; None if it is not forwarded, or if this user does not exist."""
    if not (message.forwarded_at and message.forwarded_sender):
        return None
    return ForwardSchema(user_schema(message.forwarded_sender), format_timestamp(message.forwarded_at))


def build_message_schema(
    *,
    id: int,
    conversation_id: int,
    seq: int,
    version: int,
    client_id: str | None,
    kind: str,
    sender: UserSchema,
    created_at: str,
    body: str = "",
    body_html: str = "",
    mentions: list[MentionSchema] | None = None,
    reply_to: ReplySchema | None = None,
    forwarded_from: ForwardSchema | None = None,
    attachments: list[AttachmentSchema] | None = None,
    reactions: list[ReactionSchema] | None = None,
    pinned: bool = False,
    edited_at: str | None = None,
    deleted_at: str | None = None,
    event: SystemEvent | None = None,
    data: dict[str, str] | None = None,
) -> MessageSchema:
    """Builds the output schema of a message. All messages are built here.

    Computes what is the same for all readers and follows from the text and the files. Nothing in the schema depends on
    the reader. A deleted message has no content, whatever is passed.
    """
    if deleted_at is not None:
        body, body_html, mentions, reply_to, forwarded_from = "", "", None, None, None
        attachments, reactions, pinned, edited_at = None, None, False, None
    return MessageSchema(
        id=id,
        conversation_id=conversation_id,
        seq=seq,
        version=version,
        client_id=client_id,
        kind=kind,
        sender=sender,
        body=body,
        body_html=body_html,
        mentions=mentions or [],
        reply_to=reply_to,
        forwarded_from=forwarded_from,
        attachments=attachments or [],
        reactions=reactions or [],
        pinned=pinned,
        created_at=created_at,
        edited_at=edited_at,
        deleted_at=deleted_at,
        event=event,
        data=data,
        excerpt=make_excerpt(body_html, attachments or ()),
        language=detect_language(body),
        is_long=is_long(body),
        is_emoji_only=is_emoji_only(body),
    )


def message_schema(message: Message, sender: User | None = None, *, fresh: bool = False) -> MessageSchema:
    """Builds the output schema of a message, whose related rows must be loaded already (see `messages_with_relations`).

    `sender` is used instead of `message.sender` if it is given. With `fresh`, the message has just been created: no
    query looks for reactions, because there are none.
    """
    deleted = message.deleted_at is not None
    reply = None if deleted or message.reply_to is None else reply_schema(message.reply_to)
    return build_message_schema(
        id=message.pk,
        conversation_id=message.conversation_id,
        seq=message.seq,
        version=message.version,
        client_id=str(message.client_id) if message.client_id else None,
        kind=str(message.kind),
        sender=user_schema(sender or message.sender),
        body=message.body,
        body_html=message.body_html,
        mentions=[] if deleted else [MentionSchema(**mention) for mention in message.mentions],
        reply_to=reply,
        forwarded_from=None if deleted else forward_schema(message),
        attachments=[] if deleted else [AttachmentSchema(**file) for file in message.files],
        reactions=[] if deleted or fresh else reaction_schemas(message),
        pinned=message.pinned_at is not None,
        created_at=format_timestamp(message.created_at),
        edited_at=format_optional_timestamp(message.edited_at),
        deleted_at=format_optional_timestamp(message.deleted_at),
        event=SystemEvent(**message.event) if message.event and message.kind == Message.Kind.SYSTEM else None,
        data=message.event if message.kind not in Message.Kind.values else None,
    )


def reaction_schemas(message: Message) -> list[ReactionSchema]:
    """Returns the reactions of a message, grouped by emoji. The emoji that was used first comes first."""
    by_emoji: dict[str, list[int]] = {}
    for reaction in message.reactions.all():
        by_emoji.setdefault(reaction.emoji, []).append(reaction.user_id)
    return [ReactionSchema(emoji, user_ids) for emoji, user_ids in by_emoji.items()]
