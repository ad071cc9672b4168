"""Output schemas of conversations, members and receipts, and functions that build them from model instances."""

from __future__ import annotations

from typing import Annotated

import msgspec

from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from chat.models import Conversation, Level, Membership, Role
from chat.schemas.messages import MessageSchema
from messenger.core.field_types import Timestamp, one_of
from messenger.core.initials import Initials, initials_for
from messenger.core.timestamps import format_optional_timestamp, format_timestamp

ConversationKind = Annotated[str, one_of(Conversation.Kind.values)]
RoleName = Annotated[str, one_of(Role.values)]
LevelName = Annotated[str, one_of(Level.values)]


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
    the announcement. `slow_mode`: seconds that members wait between two messages, 0 for none; it does not apply to the
    owner and admins. `joins_need_approval`: people who follow an invite link wait until an admin lets them in;
    `join_request_count` is how many wait. `announcement` is Markdown, `announcement_html` its sanitised HTML (as
    `body_html` of a message). `retention_days`: days after which messages are removed, as the group has chosen; 0: as
    on the site. All messages up to number `removed_seq` have been removed by age: clients remove them, and show quotes
    of them as deleted. A direct conversation has no picture and no `initials` of its own: show those of `peer`.
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
    slow_mode: int
    peer: UserSchema | None
    last_seq: int
    version: int
    last_message: MessageSchema | None
    created_at: Timestamp
    # The version of the conversation at the last change of the announcement.
    announced_version: int = 0
    announcement_html: str = ""
    joins_need_approval: bool = False
    join_request_count: int = 0
    retention_days: int = 0
    removed_seq: int = 0
    initials: Initials | None = None
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
    initials: Initials | None


class MemberSchema(msgspec.Struct):
    """A member of a conversation. `left_at` is the time when a former member left; it is null for current members.

    All changes in a conversation are numbered. `version` is the number of the newest change of this member.
    Until `muted_until`, the admins of the group let this member read, but not write.
    """

    user: UserSchema
    role: RoleName
    joined_at: Timestamp
    left_at: Timestamp | None
    version: int
    muted_until: Timestamp | None = None


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


def group_initials(conversation_id: int, kind: str, title: str) -> Initials | None:
    """Returns what the avatar of a group shows, None for a direct conversation."""
    return initials_for(title, conversation_id, is_group=True) if kind == Conversation.Kind.GROUP else None


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
        slow_mode=conversation.slow_mode,
        peer=user_schema(peer) if peer else None,
        last_seq=conversation.last_seq,
        version=conversation.version,
        last_message=last_message,
        created_at=format_timestamp(conversation.created_at),
        announced_version=conversation.announced_version,
        announcement_html=announcement_html,
        joins_need_approval=conversation.joins_need_approval,
        join_request_count=conversation.join_request_count,
        retention_days=conversation.retention_days,
        removed_seq=conversation.removed_seq,
        initials=group_initials(conversation.pk, conversation.kind, conversation.title),
        mine=mine,
    )


def member_schema(membership: Membership) -> MemberSchema:
    return MemberSchema(
        user=user_schema(membership.user),
        role=str(membership.role),
        joined_at=format_timestamp(membership.joined_at),
        left_at=None if membership.is_unopened else format_optional_timestamp(membership.left_at),
        version=membership.version,
        muted_until=format_optional_timestamp(membership.muted_until),
    )
