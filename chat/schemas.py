"""The one shape of everything in a conversation: the same in a page, a REST answer, a live event and a catch-up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from accounts.models import User
from accounts.schemas import ContactState, Moment, UserSchema, user_schema
from chat.models import Conversation, Membership, Message
from presence.schemas import PresenceSchema

EXCERPT = 120  # code points of a quoted message
FILE_SIGNS = {"image": "🖼️", "video": "🎬", "audio": "🎵", "file": "📎"}  # static/js/lib/wording.js has the same


def moment(value: datetime) -> str:
    """`2026-11-21T01:02:03.456Z`: UTC, milliseconds, always the same length, so that texts sort as times."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def moment_or_none(value: datetime | None) -> str | None:
    return moment(value) if value else None


class MentionSchema(msgspec.Struct):
    """`start` and `end` count code points of the body. `user_id` is null where everybody is meant (@all)."""

    user_id: int | None
    start: int
    end: int


class ReplySchema(msgspec.Struct):
    """The quoted message as it is now."""

    id: int
    seq: int
    sender: UserSchema
    excerpt: str
    deleted: bool


class ForwardSchema(msgspec.Struct):
    """Who wrote a forwarded text first, and when."""

    sender: UserSchema
    created_at: str | None


class AttachmentSchema(msgspec.Struct):
    """A file of a message. `url` is a path of this site, which asks who wants it. `kind`: image, video, audio, file.

    Width and height are pixels, duration seconds. Until a picture is `ready` its url answers 503: it is being redrawn,
    and `message.updated` says when it is done. `preview_url` fills a screen, `thumbnail_url` a place in the log.
    """

    id: int
    kind: str
    name: str
    content_type: str
    size: int
    url: str
    ready: bool = True
    thumbnail_url: str | None = None
    preview_url: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    alt: str = ""


class ReactionSchema(msgspec.Struct):
    """One emoji, and who put it there, first come first."""

    emoji: str
    user_ids: list[int]


class SystemEvent(msgspec.Struct):
    """A system line, worded by the reader's page: joined, left, removed, renamed, described, pictured, announced,
    owner, role … `by_id` of somebody who joined: whose link it was. Of `role`, `old` and `new` are roles."""

    name: str
    actor_id: int | None = None
    user_ids: list[int] = []
    old: str | None = None
    new: str | None = None
    by_id: int | None = None


class MessageSchema(msgspec.Struct):
    """One line of a conversation. Deleted, it keeps ids, seq, kind, sender and times, and loses all else."""

    id: int
    conversation_id: int
    seq: int
    version: int
    client_id: str | None
    kind: str
    sender: UserSchema
    body: str
    body_html: str
    mentions: list[MentionSchema]
    reply_to: ReplySchema | None
    forwarded_from: ForwardSchema | None
    attachments: list[AttachmentSchema]
    reactions: list[ReactionSchema]
    pinned: bool
    created_at: str
    edited_at: str | None
    deleted_at: str | None
    event: SystemEvent | None


class MineSchema(msgspec.Struct):
    """What is one's own about a conversation. `unread_count`: other people's texts after `read_seq`.

    `receipts`: shows here how far they have got and read, and sees it of the others.
    The announcement is new to this person while `announcement_seen` is below the conversation's `announced_version`.
    """

    role: str
    read_seq: int
    unread_count: int
    unread_mention_count: int
    muted: bool
    level: str
    favourite: bool
    archived: bool
    draft: str
    me_version: int
    announcement_seen: int = 0
    receipts: bool = True


class ConversationSchema(msgspec.Struct):
    """A pair, whose `peer` is the other person, or a group. `mine` is absent where all are told alike."""

    id: int
    kind: str
    title: str
    description: str
    announcement: str
    avatar_url: str | None
    owner_id: int | None
    member_count: int
    members_may_add: bool
    members_may_pin: bool
    revisions_visible: bool
    peer: UserSchema | None
    last_seq: int
    version: int
    last_message: MessageSchema | None
    created_at: str
    # The version with which the announcement was put up or changed last.
    announced_version: int = 0
    # Absent in what all members hear alike (conversation.updated, changes).
    mine: MineSchema | msgspec.UnsetType | None = msgspec.UNSET


class TitleSchema(msgspec.Struct):
    """What a conversation is called. A search text finds it in `title`, or where one of `keys` begins with it.

    `keys` are how a Chinese title is typed: by pinyin and by initials, from each character on.
    """

    id: int
    kind: str
    title: str
    keys: list[str]
    avatar_url: str | None
    peer: UserSchema | None


class MemberSchema(msgspec.Struct):
    """A person in a conversation. `left_at` is null while they are in it."""

    user: UserSchema
    role: str
    joined_at: str
    left_at: str | None
    version: int


class ReceiptSchema(msgspec.Struct):
    """How far a member has got and read, and when they had read so far."""

    user_id: int
    delivered_seq: int
    read_seq: int
    read_at: str | None


class MessageReceiptSchema(msgspec.Struct):
    """Who got and read one message, and when."""

    user_id: int
    delivered_at: str | None
    read_at: str | None


class FileSchema(msgspec.Struct):
    """A file of a conversation, and the message that shows it."""

    attachment: AttachmentSchema
    message_id: int
    seq: int
    sender: UserSchema
    created_at: str


class UploadSchema(msgspec.Struct):
    """A file on its way; `offset` bytes are safely there. Once it is whole, `attachment` is what a message can name."""

    id: str
    name: str
    size: int
    offset: int
    expires_at: str
    attachment: AttachmentSchema | None


class RevisionSchema(msgspec.Struct):
    """What a message said before an edit, and when that was written."""

    body: str
    body_html: str
    written_at: str


class HistorySchema(msgspec.Struct):
    """A page by `seq`, ascending. `version` was read before the rows: they may be newer, never older."""

    results: list[MessageSchema]
    has_before: bool
    has_after: bool
    version: int


class ChangesSchema(msgspec.Struct):
    """Rows changed since a version, as they are now, up to `version`. Ask on until `complete`."""

    version: int
    complete: bool
    conversation: ConversationSchema | None
    messages: list[MessageSchema]
    members: list[MemberSchema]


# What a line leaves out of Markdown; static/js/lib/wording.js has the same, and tests/shared_cases/excerpts.json holds them together.
_MARKS = re.compile(r"[*_`~\[\\]")
_CODE = re.compile(r"(```[^`]*(?:```|\Z)|`[^`\n]+`)")
_FENCE = re.compile(r"^```[^\n]*\n|```\Z|^`|`\Z")
_MARKED = re.compile(
    r"\\[!-/:-@\[-`{-~]|\*\*(?=\S)([^*\n]*[^*\s])\*\*|\*(?=\S)([^*\n]*[^*\s])\*|~~(?=\S)([^~\n]*[^~\s])~~"
    r"|(?<!\w)__(?=\S)([^_\n]*[^_\s])__(?!\w)|(?<!\w)_(?=\S)([^_\n]*[^_\s])_(?!\w)"
    r"|\[([^\[\]\n]+)\]\([^()\s]*\)"
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def _unmarked(body: str) -> str:
    """The words, without the signs that Markdown reads: emphasis, code, the address behind a link's words.

    Emphasis inside emphasis goes two deep. Signs within code are the code's own, and stay.
    """
    if not _MARKS.search(body):
        return body
    parts = _CODE.split(body)
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = _FENCE.sub("", part)
        else:
            for _ in range(2):
                part = _MARKED.sub(lambda found: found[found.lastindex or 0], part)
            parts[at] = _ESCAPED.sub(r"\1", part)
    return "".join(parts)


def excerpt(body: str, files: Sequence[AttachmentSchema | dict[str, Any]] = ()) -> str:
    """One line of a text, without its Markdown; where there is none, a sign for the kind of file, and its name."""
    line = " ".join(_unmarked(body).split())
    if not line and files:
        first = files[0] if isinstance(files[0], AttachmentSchema) else AttachmentSchema(**files[0])
        line = f"{FILE_SIGNS.get(first.kind, FILE_SIGNS['file'])} {first.name}"
        if len(files) > 1:
            line += f" +{len(files) - 1}"
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def reply_schema(quoted: Message) -> ReplySchema:
    gone = quoted.deleted_at is not None
    return ReplySchema(
        quoted.pk, quoted.seq, user_schema(quoted.sender), "" if gone else excerpt(quoted.body, quoted.files), gone
    )


def message_schema(message: Message, sender: User | None = None, *, fresh: bool = False) -> MessageSchema:
    """`message` with sender, reply_to and forwarded_sender at hand; `fresh` spares looking for reactions."""
    gone = message.deleted_at is not None
    reply = None if gone or message.reply_to is None else reply_schema(message.reply_to)
    forward = None
    if message.forwarded_at and message.forwarded_sender and not gone:
        forward = ForwardSchema(user_schema(message.forwarded_sender), moment(message.forwarded_at))
    return MessageSchema(
        id=message.pk,
        conversation_id=message.conversation_id,
        seq=message.seq,
        version=message.version,
        client_id=str(message.client_id) if message.client_id else None,
        kind=str(message.kind),
        sender=user_schema(sender or message.sender),
        body="" if gone else message.body,
        body_html="" if gone else message.body_html,
        mentions=[] if gone else [MentionSchema(**mention) for mention in message.mentions],
        reply_to=reply,
        forwarded_from=forward,
        attachments=[] if gone else [AttachmentSchema(**file) for file in message.files],
        reactions=[] if gone or fresh else reaction_schemas(message),
        pinned=message.pinned_at is not None and not gone,
        created_at=moment(message.created_at),
        edited_at=None if gone else moment_or_none(message.edited_at),
        deleted_at=moment_or_none(message.deleted_at),
        event=SystemEvent(**message.event) if message.event else None,
    )


def reaction_schemas(message: Message) -> list[ReactionSchema]:
    """In the order in which each emoji first came."""
    by_emoji: dict[str, list[int]] = {}
    for reaction in message.reactions.all():
        by_emoji.setdefault(reaction.emoji, []).append(reaction.user_id)
    return [ReactionSchema(emoji, user_ids) for emoji, user_ids in by_emoji.items()]


def mine_schema(membership: Membership, conversation: Conversation, unread_mentions: int) -> MineSchema:
    return MineSchema(
        role=str(membership.role),
        read_seq=membership.read_seq,
        unread_count=max(conversation.text_count - membership.read_count, 0),
        unread_mention_count=unread_mentions,
        muted=membership.muted,
        level=str(membership.level),
        favourite=membership.favourite,
        archived=membership.archived,
        draft=membership.draft,
        me_version=membership.me_version,
        announcement_seen=membership.announcement_seen,
        receipts=membership.receipts,
    )


def room_picture(conversation_id: int, name: str | None) -> str | None:
    """Its address on this site, which asks who wants it; `name` is the stored file's."""
    return f"/avatars/rooms/{conversation_id}/{name.rsplit('/', 1)[-1]}" if name else None


def conversation_schema(
    conversation: Conversation,
    *,
    last_message: MessageSchema | None,
    peer: User | None = None,
    mine: MineSchema | msgspec.UnsetType | None = msgspec.UNSET,
) -> ConversationSchema:
    return ConversationSchema(
        id=conversation.pk,
        kind=str(conversation.kind),
        title=conversation.title,
        description=conversation.description,
        announcement=conversation.announcement,
        avatar_url=room_picture(conversation.pk, conversation.avatar.name),
        owner_id=conversation.owner_id,
        member_count=conversation.member_count,
        members_may_add=conversation.members_may_add,
        members_may_pin=conversation.members_may_pin,
        revisions_visible=conversation.revisions_visible,
        peer=user_schema(peer) if peer else None,
        last_seq=conversation.last_seq,
        version=conversation.version,
        last_message=last_message,
        created_at=moment(conversation.created_at),
        announced_version=conversation.announced_version,
        mine=mine,
    )


def member_schema(membership: Membership) -> MemberSchema:
    return MemberSchema(
        user=user_schema(membership.user),
        role=str(membership.role),
        joined_at=moment(membership.joined_at),
        left_at=moment_or_none(membership.left_at),
        version=membership.version,
    )


def as_uuid(text: str) -> UUID:
    return UUID(text)


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────
class ListedContactSchema(msgspec.Struct):
    """As `Contact`; `presence` is null of who is not in one's list yet."""

    user: UserSchema
    state: ContactState
    blocked: bool
    since: Moment | None
    me_version: int
    presence: PresenceSchema | None = None
