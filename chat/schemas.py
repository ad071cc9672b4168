"""Output schemas of chat, and functions that build them.

Pages, REST responses, WebSocket events and catch-up use the same schemas.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from accounts.models import User
from accounts.schemas import ContactState, UserSchema, user_schema
from chat.models import Conversation, Membership, Message
from messenger.core.timestamps import Timestamp, format_optional_timestamp, format_timestamp
from presence.schemas import PresenceSchema

EXCERPT_LENGTH = 120  # code points of a quoted message
FILE_KIND_EMOJI = {"image": "🖼️", "video": "🎬", "audio": "🎵", "file": "📎"}  # as in static/js/lib/wording.js


class MentionSchema(msgspec.Struct):
    """A mention in the body of a message.

    It begins at code point `start` and ends before code point `end`. `user_id` is the mentioned user, null for `@all`.
    """

    user_id: int | None
    start: int
    end: int


class ReplySchema(msgspec.Struct):
    """The message that is quoted by a reply.

    It is in the state in which it was when the response or event was made. `excerpt` is a short text without Markdown.
    """

    id: int
    seq: int
    sender: UserSchema
    excerpt: str
    deleted: bool


class ForwardSchema(msgspec.Struct):
    """The original author of a forwarded message, and the time when it was first sent."""

    sender: UserSchema
    created_at: str | None


class AttachmentSchema(msgspec.Struct):
    """A file of a message. `url`: path on this site; needs authorization. `kind`: image, video, audio or file.

    `size` is in bytes, `width` and `height` in pixels, `duration` in seconds. While a file is being processed, `ready`
    is false and its `url` responds with 503; the event `message.updated` follows when it is ready. `preview_url`: large
    image; `thumbnail_url`: small image. `alt`: description of the image for users who cannot see it.
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
    """One emoji and the ids of the users who reacted with it, in the order of their reactions."""

    emoji: str
    user_ids: list[int]


class SystemEvent(msgspec.Struct):
    """The content of a system message. Clients translate it into a sentence.

    `name` is joined, left, removed, renamed, described, pictured, announced, owner or role. `by_id`: with `joined`, the
    user who created the invite link. `old` and `new`: with `role`, the roles before and after.
    """

    name: str
    actor_id: int | None = None
    user_ids: list[int] = []
    old: str | None = None
    new: str | None = None
    by_id: int | None = None


class MessageSchema(msgspec.Struct):
    """A message. `event` is the content of a system message; it is null for text messages.

    A deleted message keeps its ids, `seq`, `kind`, sender and times. All its other fields are empty. `client_id` is
    null for system messages.
    """

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
    """The member state: what only this user sees of the conversation.

    `unread_count`: number of text messages of other members after `read_seq`. `receipts`: whether the user shows read
    receipts in this conversation; only then the user sees the receipts of others. The announcement is unread while
    `announcement_seen` is less than `announced_version` of the conversation.
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
    """A direct conversation (`peer` is the other user) or a group.

    `mine` is the user's own state in it; it is absent in events that go to all members. `announced_version`: the
    conversation version at the last change of the announcement.
    """

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
    # The version of the conversation at the last change of the announcement.
    announced_version: int = 0
    # Absent where all members get the same data (event conversation.updated, changes).
    mine: MineSchema | msgspec.UnsetType | None = msgspec.UNSET


class TitleSchema(msgspec.Struct):
    """The title of a conversation, for searching on the client. A query matches if `title` contains it or if one of
    `keys` starts with it.

    `keys` are ways to type a Chinese title: by pinyin and by initials, starting at each character.
    """

    id: int
    kind: str
    title: str
    keys: list[str]
    avatar_url: str | None
    peer: UserSchema | None


class MemberSchema(msgspec.Struct):
    """A member of a conversation. `left_at` is the time when a former member left; it is null for current members."""

    user: UserSchema
    role: str
    joined_at: str
    left_at: str | None
    version: int


class ReceiptSchema(msgspec.Struct):
    """How far a member has received and read a conversation.

    `read_at` is the time when the member read up to `read_seq`.
    """

    user_id: int
    delivered_seq: int
    read_seq: int
    read_at: str | None


class MessageReceiptSchema(msgspec.Struct):
    """The times when a member received and read one message."""

    user_id: int
    delivered_at: str | None
    read_at: str | None


class FileSchema(msgspec.Struct):
    """A file sent in a conversation, with the message that contains it."""

    attachment: AttachmentSchema
    message_id: int
    seq: int
    sender: UserSchema
    created_at: str


class UploadSchema(msgspec.Struct):
    """An upload. `size` is in bytes. `offset` is the number of bytes stored so far.

    `attachment` is null until all bytes are stored. After that, a message can be sent with the id of this attachment.
    """

    id: str
    name: str
    size: int
    offset: int
    expires_at: str
    attachment: AttachmentSchema | None


class RevisionSchema(msgspec.Struct):
    """An earlier version of an edited message: its text, and the time when it was written."""

    body: str
    body_html: str
    written_at: str


class HistorySchema(msgspec.Struct):
    """A page of messages, ascending by `seq`.

    `version` is the version of the conversation, read before the messages. So the messages contain all changes up to
    `version`, and maybe later ones.
    """

    results: list[MessageSchema]
    has_before: bool
    has_after: bool
    version: int


class ChangesSchema(msgspec.Struct):
    """All that changed in a conversation since a version, up to `version`. Each item is in its current state.

    `conversation` is null if none of its shared fields has changed. If `complete` is false, request the rest: ask again
    with `version`.
    """

    version: int
    complete: bool
    conversation: ConversationSchema | None
    messages: list[MessageSchema]
    members: list[MemberSchema]


# Markdown that excerpts leave out. static/js/lib/wording.js does the same; tests/shared_cases/excerpts.json tests both.
_MARKDOWN_CHARACTERS = re.compile(r"[*_`~\[\\]")
_CODE = re.compile(r"(```[^`]*(?:```|\Z)|`[^`\n]+`)")
_FENCE = re.compile(r"^```[ \t]*[A-Za-z0-9_+#.-]*[ \t]*\n|^```|```\Z|^`|`\Z")
_EMPHASIS_OR_LINK = re.compile(
    r"\\[!-/:-@\[-`{-~]|\*\*(?=\S)([^*\n]*[^*\s])\*\*|\*(?=\S)([^*\n]*[^*\s])\*|~~(?=\S)([^~\n]*[^~\s])~~"
    r"|(?<!\w)__(?=\S)([^_\n]*[^_\s])__(?!\w)|(?<!\w)_(?=\S)([^_\n]*[^_\s])_(?!\w)"
    r"|\[([^\[\]\n]+)\]\([^()\s]*\)"
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def _strip_markdown(body: str) -> str:
    """Removes the marks of emphasis, code and links from a text. Nested emphasis is removed two levels deep.

    Text inside code stays as it is.
    """
    if not _MARKDOWN_CHARACTERS.search(body):
        return body
    parts = _CODE.split(body)
    for index, part in enumerate(parts):
        if index % 2:  # a match of _CODE
            parts[index] = _FENCE.sub("", part)
        else:
            for _ in range(2):
                part = _EMPHASIS_OR_LINK.sub(lambda match: match[match.lastindex or 0], part)
            parts[index] = _ESCAPED.sub(r"\1", part)
    return "".join(parts)


def make_excerpt(body: str, files: Sequence[AttachmentSchema | dict[str, Any]] = ()) -> str:
    """Returns a message text as one line without Markdown.

    If there is no text, returns an emoji for the kind of file, and the file name.
    """
    line = " ".join(_strip_markdown(body).split())
    if not line and files:
        first = files[0] if isinstance(files[0], AttachmentSchema) else AttachmentSchema(**files[0])
        line = f"{FILE_KIND_EMOJI.get(first.kind, FILE_KIND_EMOJI['file'])} {first.name}"
        if len(files) > 1:
            line += f" +{len(files) - 1}"
    return line if len(line) <= EXCERPT_LENGTH else line[: _find_cut(line, EXCERPT_LENGTH - 1)] + "…"


# Code points that belong to the character before them: marks, joiners, skin tones, and the letters in flags of regions.
_CONTINUES = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_HALF_FLAGS = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")


def _find_cut(line: str, end: int) -> int:
    """Returns the last index up to `end` where a line can be cut without dividing an emoji or a letter with marks."""
    cut = end
    while cut > 0 and (
        unicodedata.category(line[cut])[0] == "M" or _CONTINUES.match(line[cut]) or line[cut - 1] == "\u200d"
    ):
        cut -= 1
    half_flags = _HALF_FLAGS.search(line[:cut])
    if half_flags and len(half_flags[0]) % 2 and "\U0001f1e6" <= line[cut] <= "\U0001f1ff":
        cut -= 1
    return cut or end


def reply_schema(quoted: Message) -> ReplySchema:
    deleted = quoted.deleted_at is not None
    return ReplySchema(
        quoted.pk,
        quoted.seq,
        user_schema(quoted.sender),
        "" if deleted else make_excerpt(quoted.body, quoted.files),
        deleted,
    )


def message_schema(message: Message, sender: User | None = None, *, fresh: bool = False) -> MessageSchema:
    """Builds the output schema of a message. The relations of the message must be loaded
    (`messages_with_relations`).

    `sender` replaces `message.sender`. With `fresh` (the message is new), no query looks for reactions.
    """
    deleted = message.deleted_at is not None
    reply = None if deleted or message.reply_to is None else reply_schema(message.reply_to)
    forward = None
    if message.forwarded_at and message.forwarded_sender and not deleted:
        forward = ForwardSchema(user_schema(message.forwarded_sender), format_timestamp(message.forwarded_at))
    return MessageSchema(
        id=message.pk,
        conversation_id=message.conversation_id,
        seq=message.seq,
        version=message.version,
        client_id=str(message.client_id) if message.client_id else None,
        kind=str(message.kind),
        sender=user_schema(sender or message.sender),
        body="" if deleted else message.body,
        body_html="" if deleted else message.body_html,
        mentions=[] if deleted else [MentionSchema(**mention) for mention in message.mentions],
        reply_to=reply,
        forwarded_from=forward,
        attachments=[] if deleted else [AttachmentSchema(**file) for file in message.files],
        reactions=[] if deleted or fresh else reaction_schemas(message),
        pinned=message.pinned_at is not None and not deleted,
        created_at=format_timestamp(message.created_at),
        edited_at=None if deleted else format_optional_timestamp(message.edited_at),
        deleted_at=format_optional_timestamp(message.deleted_at),
        event=SystemEvent(**message.event) if message.event else None,
    )


def reaction_schemas(message: Message) -> list[ReactionSchema]:
    """Returns the reactions of a message, grouped by emoji. The emoji that was used first comes first."""
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


def group_avatar_url(conversation_id: int, name: str | None) -> str | None:
    """Returns the path of a group's avatar on this site, None for a group without avatar.

    `name` is the name of the image in the storage.
    """
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
        avatar_url=group_avatar_url(conversation.pk, conversation.avatar.name),
        owner_id=conversation.owner_id,
        member_count=conversation.member_count,
        members_may_add=conversation.members_may_add,
        members_may_pin=conversation.members_may_pin,
        revisions_visible=conversation.revisions_visible,
        peer=user_schema(peer) if peer else None,
        last_seq=conversation.last_seq,
        version=conversation.version,
        last_message=last_message,
        created_at=format_timestamp(conversation.created_at),
        announced_version=conversation.announced_version,
        mine=mine,
    )


def member_schema(membership: Membership) -> MemberSchema:
    return MemberSchema(
        user=user_schema(membership.user),
        role=str(membership.role),
        joined_at=format_timestamp(membership.joined_at),
        left_at=None if membership.is_unopened else format_optional_timestamp(membership.left_at),
        version=membership.version,
    )


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────
class ListedContactSchema(msgspec.Struct):
    """A contact with its presence. Presence is null for a user who is not a contact yet (a contact request)."""

    user: UserSchema
    state: ContactState
    blocked: bool
    since: Timestamp | None
    me_version: int
    presence: PresenceSchema | None = None
