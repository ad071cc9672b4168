"""Output schemas of chat (msgspec structs), and functions that build them from model instances.

Web pages, REST responses and WebSocket messages use the same schemas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from accounts.models import User
from accounts.schemas import ContactState, UserSchema, user_schema
from chat.models import Attachment, Conversation, Level, Membership, Message, Role
from chat.text.language import detect_language
from chat.text.truncation import is_long
from messenger.core.excerpts import html_to_text, shorten
from messenger.core.field_types import Timestamp, UUIDText, one_of
from messenger.core.timestamps import format_optional_timestamp, format_timestamp
from presence.schemas import PresenceSchema

FILE_KIND_EMOJI = {"image": "🖼️", "video": "🎬", "audio": "🎵", "file": "📎"}  # as in static/js/lib/wording.js
VOICE_NOTE_EMOJI = "🎤"

ConversationKind = Annotated[str, one_of(Conversation.Kind.values)]
MessageKind = Annotated[str, one_of(Message.Kind.values)]
AttachmentKind = Annotated[str, one_of(Attachment.Kind.values)]
RoleName = Annotated[str, one_of(Role.values)]
LevelName = Annotated[str, one_of(Level.values)]
SYSTEM_EVENTS = ("joined", "left", "removed", "renamed", "described", "pictured", "announced", "owner", "role")


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


class AttachmentSchema(msgspec.Struct):
    """A file of a message. `url`: path on this site; needs authorization.

    `size` is in bytes, `width` and `height` in pixels, `duration` in seconds. While the server processes the file
    (removes metadata), `ready` is false and `url` responds with 503; the event `message.updated` follows when the file
    is ready. `preview_url`: large version of an image; `thumbnail_url`: small version. `alt`: description of the image
    for users who cannot see it.
    """

    id: int
    kind: AttachmentKind
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
    """

    name: Annotated[str, one_of(SYSTEM_EVENTS)]
    actor_id: int | None = None
    user_ids: list[int] = []
    old: str | None = None
    new: str | None = None
    by_id: int | None = None


class MessageSchema(msgspec.Struct):
    """A message. `event` is the content of a system message (such as "Ann added Ben"); it is null for text messages.

    `seq` is the number of the message in its conversation, `version` the number of its newest change. A deleted message
    keeps its ids, `seq`, `kind`, sender and times. All its other fields are empty. `client_id` is null for system
    messages.

    `excerpt` is the beginning of the text without Markdown, as in quotes; without text, the kind and name of the first
    file. `language` is that of the text, for its `lang` attribute: `zh-Hans` for Chinese, `en` for Latin letters, `und`
    for others, empty for a text without words. `is_long`: the text has so many lines that clients may collapse it.
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
    excerpt: str
    language: str
    is_long: bool


class SearchHitSchema(msgspec.Struct):
    """A message that was found by a search. `highlights` are the parts of its `body` that match words of the query.

    Each part is a list of its start and end, counted in code points (characters of Python and UTF-32).
    """

    message: MessageSchema
    highlights: list[list[int]]


class FoundMessagesSchema(msgspec.Struct):
    """Messages found by a search. `next` is the URL of the next page, null on the last page."""

    results: list[SearchHitSchema]
    next: str | None


class FoundUsersSchema(msgspec.Struct):
    """Users found by a search. `next` is always null: a longer name finds fewer users."""

    results: list[UserSchema]
    next: str | None


class MineSchema(msgspec.Struct):
    """What a conversation stores for one user only: newest message read, mute, draft and so on.

    `read_seq`: number (`seq`) of the newest message that the user has read. `unread_count`: number of text messages of
    other members after it and up to `last_seq`, the newest message when the server counted; clients add the messages
    that they know after `last_seq`. `receipts`: whether the user shows to others in this conversation what he or she
    has read; only then the user sees what others have read. The announcement is unread while `announcement_seen` is
    less than `announced_version` of the conversation. `added_by_id`: the member who has added the user to the group;
    null after the user has opened the group. The command `read` with any `seq`, or a message of the
    user, sets it to null.
    """

    role: RoleName
    read_seq: int
    unread_count: int
    unread_mention_count: int
    muted: bool
    level: LevelName
    favourite: bool
    archived: bool
    draft: str
    me_version: int
    announcement_seen: int = 0
    receipts: bool = True
    last_seq: int = 0
    added_by_id: int | None = None


class ConversationSchema(msgspec.Struct):
    """A direct conversation (`peer` is the other user) or a group.

    `mine` is what the conversation stores for the current user only (unread count, mute …); it is absent in events that
    go to all members. `version`: number of the newest change. `announced_version`: the version at the last change of
    the announcement. `announcement` is Markdown, `announcement_html` its sanitised HTML (as `body_html` of a message).
    """

    id: int
    kind: ConversationKind
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
    created_at: Timestamp
    # The version of the conversation at the last change of the announcement.
    announced_version: int = 0
    announcement_html: str = ""
    # Absent where all members get the same data (event conversation.updated, changes).
    mine: MineSchema | msgspec.UnsetType | None = msgspec.UNSET


class TitleSchema(msgspec.Struct):
    """The title of a conversation, with which a client can search for the conversation.

    A search text matches if `title` contains it or if one of `keys` begins with it. `keys` are ways to type a Chinese
    title in Latin letters: as pinyin (Latin spelling) or as the first letters of the pinyin. There are keys for the
    whole title and for the part that begins at each later character.
    """

    id: int
    kind: ConversationKind
    title: str
    keys: list[str]
    avatar_url: str | None
    peer: UserSchema | None


class FoundConversationsSchema(msgspec.Struct):
    """Conversations found by their titles. `next` is the URL of the next page, null on the last page."""

    results: list[TitleSchema]
    next: str | None


class SearchResultsSchema(msgspec.Struct):
    """What a search has found, each kind in a list of its own. With `kind` in the request, the other lists are null."""

    messages: FoundMessagesSchema | None = None
    people: FoundUsersSchema | None = None
    conversations: FoundConversationsSchema | None = None
    files: FoundFilesSchema | None = None


class MemberSchema(msgspec.Struct):
    """A member of a conversation. `left_at` is the time when a former member left; it is null for current members.

    All changes in a conversation are numbered. `version` is the number of the newest change of this member.
    """

    user: UserSchema
    role: RoleName
    joined_at: Timestamp
    left_at: Timestamp | None
    version: int


class ReceiptSchema(msgspec.Struct):
    """Which messages of a conversation a member has received and read.

    `delivered_seq` is the number (`seq`) of the newest message received, `read_seq` of the newest message read.
    `read_at` is the time when the member read the message `read_seq`.
    """

    user_id: int
    delivered_seq: int
    read_seq: int
    read_at: Timestamp | None


class MessageReceiptSchema(msgspec.Struct):
    """The times when a member of the conversation received and read one message."""

    user_id: int
    delivered_at: Timestamp | None
    read_at: Timestamp | None


class FileSchema(msgspec.Struct):
    """A file sent in a conversation, with the message that contains it."""

    attachment: AttachmentSchema
    message_id: int
    seq: int
    sender: UserSchema
    created_at: Timestamp


class FoundFilesSchema(msgspec.Struct):
    """Files found by their names. `next` is the URL of the next page, null on the last page."""

    results: list[FileSchema]
    next: str | None


class UploadSchema(msgspec.Struct):
    """An upload of one file, which may be unfinished. `size` is the size of the complete file in bytes, `offset` the
    number of bytes that the server has stored so far.

    `attachment` is null until all bytes are stored. After that, the client can send a message with the id of this
    attachment.
    """

    id: str
    name: str
    size: int
    offset: int
    expires_at: Timestamp
    attachment: AttachmentSchema | None


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


class ChangesSchema(msgspec.Struct):
    """All messages and members of a conversation that have changed since the version that the client sent.

    A version is the number of a change. Each message and member is in its current state. `version` is the newest
    version that this answer includes. If `complete` is false, there are more changes: ask again with this `version`.
    `conversation` has the fields that do not depend on who asks, such as the title; it is null if they are unchanged.
    """

    version: int
    complete: bool
    conversation: ConversationSchema | None
    messages: list[MessageSchema]
    members: list[MemberSchema]


def make_excerpt(body_html: str, files: Sequence[AttachmentSchema | dict[str, Any]] = ()) -> str:
    """Returns the beginning of a message as one line without Markdown. `body_html` is its rendered text.

    If there is no text, returns an emoji for the kind of the first file, and the name of this file. For a voice note,
    its duration is returned instead of the name.
    """
    line = shorten(html_to_text(body_html))
    if line or not files:
        return line
    first = files[0] if isinstance(files[0], AttachmentSchema) else AttachmentSchema(**files[0])
    if is_voice_note(first):
        line = f"{VOICE_NOTE_EMOJI} {format_duration(first.duration)}"
    else:
        line = f"{FILE_KIND_EMOJI.get(first.kind, FILE_KIND_EMOJI['file'])} {first.name}"
    return shorten(f"{line} +{len(files) - 1}" if len(files) > 1 else line)


# The names that the recorder of the page gives, in each language (static/js/composer/files/voice-recorder.js).
_VOICE_NOTE_NAME = re.compile(r".+ \d{4}-\d\d-\d\d \d\d\.\d\d\.(webm|ogg|m4a)", re.ASCII)


def is_voice_note(attachment: AttachmentSchema) -> bool:
    """Returns True if an audio file is a voice note, which was recorded on this site and not chosen as a file.

    Voice notes are recognized by their file name. In the browser, static/js/lib/wording.js does the same.
    """
    return attachment.kind == "audio" and bool(attachment.duration and _VOICE_NOTE_NAME.fullmatch(attachment.name))


def format_duration(seconds: float | None) -> str:
    """Formats a duration in seconds as `0:07` or `1:02:03`. Returns "" if the duration is unknown or 0."""
    if not seconds:
        return ""
    minutes, rest = divmod(max(int(seconds + 0.5), 1), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def reply_schema(quoted: Message) -> ReplySchema:
    deleted = quoted.deleted_at is not None
    return ReplySchema(
        quoted.pk,
        quoted.seq,
        user_schema(quoted.sender),
        "" if deleted else make_excerpt(quoted.body_html, quoted.files),
        deleted,
    )


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
        excerpt=make_excerpt(body_html, attachments or ()),
        language=detect_language(body),
        is_long=is_long(body),
    )


def message_schema(message: Message, sender: User | None = None, *, fresh: bool = False) -> MessageSchema:
    """Builds the output schema of a message, whose related rows must be loaded already (see `messages_with_relations`).

    `sender` is used instead of `message.sender` if it is given. With `fresh`, the message has just been created: no
    query looks for reactions, because there are none.
    """
    deleted = message.deleted_at is not None
    reply = None if deleted or message.reply_to is None else reply_schema(message.reply_to)
    forward = None
    if message.forwarded_at and message.forwarded_sender and not deleted:
        forward = ForwardSchema(user_schema(message.forwarded_sender), format_timestamp(message.forwarded_at))
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
        forwarded_from=forward,
        attachments=[] if deleted else [AttachmentSchema(**file) for file in message.files],
        reactions=[] if deleted or fresh else reaction_schemas(message),
        pinned=message.pinned_at is not None,
        created_at=format_timestamp(message.created_at),
        edited_at=format_optional_timestamp(message.edited_at),
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
        last_seq=conversation.last_seq,
        added_by_id=membership.added_by_id,
    )


def group_avatar_url(conversation_id: int, name: str | None) -> str | None:
    """Returns the path of a group's avatar on this site, None for a group without avatar.

    `name` is the name of the image file in the storage.
    """
    return f"/avatars/rooms/{conversation_id}/{name.rsplit('/', 1)[-1]}" if name else None


def conversation_schema(
    conversation: Conversation,
    *,
    last_message: MessageSchema | None,
    peer: User | None = None,
    mine: MineSchema | msgspec.UnsetType | None = msgspec.UNSET,
    announcement_html: str = "",
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
        announcement_html=announcement_html,
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
    """A user in a list of contacts. `presence` tells whether this user is online.

    `presence` is null if the user is not a contact yet, for example after a contact request that is not accepted.
    """

    user: UserSchema
    state: ContactState
    blocked: bool
    since: Timestamp | None
    me_version: int
    presence: PresenceSchema | None = None
