"""What somebody missed: the rows changed since a version, of one conversation or of all that a device knows."""

from __future__ import annotations

import msgspec
from django.db.models import Q

from accounts.actions import contacts
from accounts.models import User
from accounts.schemas import ContactSchema, contact_schema
from chat.models import Conversation, Membership, Message
from chat.schemas import (
    ChangesSchema,
    ConversationSchema,
    MemberSchema,
    MessageSchema,
    MineSchema,
    ReceiptSchema,
    member_schema,
    message_schema,
    mine_schema,
)
from chat.selectors.conversations import get_membership
from chat.selectors.prefetch import conversation_schemas, count_unread_mentions, messages_with_relations
from chat.selectors.receipts import list_receipts

CHANGES, CHANGES_MAX = 200, 500


def get_changes(user_id: int, conversation_id: int, after: int, limit: int = CHANGES) -> ChangesSchema:
    """Rows changed since `after`, all kinds merged in order of version and cut at `limit`."""
    return changes_for_member(get_membership(user_id, conversation_id), after, max(1, min(limit, CHANGES_MAX)))


def changes_for_member(row: Membership, after: int, limit: int) -> ChangesSchema:
    conversation = row.conversation
    messages, members, info, version, complete = changed_rows(conversation, after, limit)
    shape = conversation_schemas([row], row.user_id)[0] if info else None
    return ChangesSchema(
        version=version,
        complete=complete,
        conversation=shape,
        messages=[message_schema(each) for each in messages],
        members=[member_schema(each) for each in members],
    )


def changed_rows(
    conversation: Conversation, after: int, limit: int
) -> tuple[list[Message], list[Membership], bool, int, bool]:
    """Messages, members and whether the shared fields changed since `after`; up to which version; whether that is all.

    `conversation` was read before, so rows newer than its version may come too: they are left for the next time.
    """
    now = conversation.version
    if after >= now:
        return [], [], False, now, True
    since = Q(version__gt=after, version__lte=now)
    messages = list(messages_with_relations().filter(since, conversation=conversation).order_by("version")[: limit + 1])
    members = list(conversation.memberships.filter(since).select_related("user").order_by("version")[: limit + 1])
    versions = sorted(
        [each.version for each in messages]
        + [each.version for each in members]
        + ([conversation.info_version] if conversation.info_version > after else [])
    )
    complete = len(versions) <= limit
    upto = now if complete else versions[limit - 1]
    return (
        [each for each in messages if each.version <= upto],
        [each for each in members if each.version <= upto],
        after < conversation.info_version <= upto,
        upto,
        complete,
    )


class SyncAnswerSchema(msgspec.Struct):
    """What a device missed. `removed` are those of its conversations that are its person's no more; `contacts` what
    people have become to its person since `me`, also those who are nothing any more.
    """

    conversations: list[SyncedConversation]
    mine: list[SyncedMine]
    removed: list[int]
    receipts: list[ReceiptSchema]
    contacts: list[ContactSchema]
    requests: int  # how many people ask to be in one's list
    me_version: int
    complete: bool


class SyncedConversation(msgspec.Struct):
    """As `Changes`, of one conversation. One that the device did not name is told whole, without rows."""

    conversation_id: int
    version: int
    complete: bool
    conversation: ConversationSchema | None
    messages: list[MessageSchema]
    members: list[MemberSchema]


class SyncedMine(msgspec.Struct):
    """What is one's own about a conversation, as of now."""

    conversation_id: int
    mine: MineSchema


def sync_client(
    user_id: int, cursors: dict[int, int], me: int, open_id: int | None, limit: int = CHANGES_MAX
) -> SyncAnswerSchema:
    """All that one device missed: in the conversations that it knows, those it does not know, and what is its own.

    A conversation that came since is told whole, at its version of now: its history is a page away. `limit` is over
    all rows together; where it cuts, `complete` is false and the device asks on with the versions it was given.
    """
    me_version, requests = User.objects.values_list("me_version", "request_count").get(pk=user_id)
    rows = {
        row.conversation_id: row
        for row in Membership.objects.filter(
            user_id=user_id, left_at=None, conversation__deleted_at=None
        ).select_related("conversation")
    }
    left, synced = limit, []
    unknown = [row for cid, row in rows.items() if cid not in cursors]
    behind = [row for cid, row in rows.items() if cid in cursors and cursors[cid] < row.conversation.version]
    # What is on the screen comes first.
    behind.sort(key=lambda row: (row.conversation_id != open_id, -row.conversation.active_at.timestamp()))
    complete = True
    for row in behind:
        if left <= 0:
            complete = False
            break
        found = changes_for_member(row, cursors[row.conversation_id], left)
        left -= len(found.messages) + len(found.members) + (found.conversation is not None)
        complete = complete and found.complete
        synced.append(
            SyncedConversation(
                row.conversation_id,
                found.version,
                found.complete,
                found.conversation,
                found.messages,
                found.members,
            )
        )
    for shape in conversation_schemas(unknown, user_id):
        synced.append(SyncedConversation(shape.id, shape.version, True, shape, [], []))
    # What is one's own is as of now, and so is told of a conversation once all of its changes are: counts of unread
    # that a device made by itself, from rows in order of version and not of seq, would be wrong.
    whole = {each.conversation_id for each in synced if each.complete}
    moved = [row for cid, row in rows.items() if cid in whole or (complete and row.me_version > me)]
    unread = count_unread_mentions(moved)
    return SyncAnswerSchema(
        conversations=synced,
        mine=[
            SyncedMine(cid, mine_schema(row, row.conversation, unread.get((cid, user_id), 0)))
            for row in moved
            for cid in [row.conversation_id]
        ],
        removed=sorted(cid for cid in cursors if cid not in rows),
        receipts=list_receipts(user_id, open_id) if open_id in rows and open_id is not None else [],
        contacts=[contact_schema(tie) for tie in contacts.changed_since(user_id, me)] if complete else [],
        requests=requests,
        me_version=me_version if complete else me,
        complete=complete,
    )


def list_versions(user_id: int) -> tuple[dict[int, int], int]:
    """Of all one's conversations, and one's own: what `welcome` says. Two queries."""
    me_version = User.objects.filter(pk=user_id).values_list("me_version", flat=True).first() or 0
    mine = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None).values_list(
        "conversation_id", "conversation__version"
    )
    return dict(mine), me_version
