"""Reads the changes that a client has missed after a version (number of a change), in one or in all conversations."""

from __future__ import annotations

import msgspec
from django.db.models import Q

from accounts.models import User
from accounts.schemas import ContactSchema, contact_schema
from accounts.selectors import contact_lists
from chat.models import Conversation, DatabaseEpoch, Membership
from chat.schemas import (
    ChangesSchema,
    ConversationSchema,
    MemberSchema,
    MessageSchema,
    MineSchema,
    ReceiptSchema,
    member_schema,
    mine_schema,
)
from chat.selectors.conversations import get_membership
from chat.selectors.message_rows import list_message_schemas
from chat.selectors.prefetch import conversation_schemas, count_unread_mentions
from chat.selectors.receipts import list_receipts
from messenger.core import rate_limits

CHANGES, CHANGES_MAX = 200, 500


def get_changes(user_id: int, conversation_id: int, after: int, limit: int = CHANGES) -> ChangesSchema:
    """Returns the changes of a conversation after the version (number of a change) `after`, at most `limit` rows.

    Messages, members and the conversation itself count as rows. If there are more changes, the oldest ones are
    returned.
    """
    return get_changes_for_member(get_membership(user_id, conversation_id), after, limit)


def get_changes_for_member(membership: Membership, after: int, limit: int) -> ChangesSchema:
    """Returns the changes of a conversation after the version (number of a change) `after`, at most `limit` rows.

    Does the same as `get_changes`, for a user whose membership is loaded already.
    """
    conversation = membership.conversation
    messages, members, info_changed, version, complete = get_changed_rows(conversation, after, limit)
    return ChangesSchema(
        version=version,
        complete=complete,
        conversation=conversation_schemas([membership], membership.user_id)[0] if info_changed else None,
        messages=messages,
        members=[member_schema(member) for member in members],
    )


def get_changed_rows(
    conversation: Conversation, after: int, limit: int
) -> tuple[list[MessageSchema], list[Membership], bool, int, bool]:
    """Returns (messages, members, info_changed, version, complete): the rows that changed after the version `after`.

    A version is the number of a change. `info_changed` is True if title, settings or other shared fields of the
    conversation have changed. Messages that retention has removed are left out: clients remove all messages up to
    `removed_seq` of the conversation, which has changed with them. All changes up to `version` are included. `complete`
    is False if there are more changes than `limit`. Changes after `conversation.version`, the version when the
    conversation was loaded, are not included.
    """
    newest = conversation.version
    if after >= newest:
        return [], [], False, newest, True
    is_changed = Q(version__gt=after, version__lte=newest)
    messages = list_message_schemas(
        "m.conversation_id = %s AND m.version > %s AND m.version <= %s AND m.seq > %s",
        (conversation.pk, after, newest, conversation.removed_seq),
        "m.version",
        limit + 1,
    )
    members = list(conversation.memberships.filter(is_changed).select_related("user").order_by("version")[: limit + 1])
    versions = sorted(
        [message.version for message in messages]
        + [member.version for member in members]
        + ([conversation.info_version] if conversation.info_version > after else [])
    )
    complete = len(versions) <= limit
    version = newest if complete else versions[limit - 1]
    return (
        [message for message in messages if message.version <= version],
        [member for member in members if member.version <= version],
        after < conversation.info_version <= version,
        version,
        complete,
    )


class SyncAnswerSchema(msgspec.Struct):
    """The changes that a client has missed. If `complete` is false, there are more changes: send `sync` again.

    `removed` has the ids of conversations that the client has named in the request, but of which the user is no longer
    a member. `contacts` has all contacts, requests and blocks that changed after the version (number of a change) `me`
    of the request, including those that have ended.
    """

    conversations: list[SyncedConversation]
    mine: list[SyncedMine]
    removed: list[int]
    receipts: list[ReceiptSchema]
    contacts: list[ContactSchema]
    requests: int  # number of contact requests to the user
    me_version: int
    complete: bool


class SyncedConversation(msgspec.Struct):
    """The messages and members of one conversation that changed after the version that the client has named in `sync`.

    `version` is the number of the newest change that is included. If the client has not named this conversation, the
    whole conversation is included, but no messages and members.
    """

    conversation_id: int
    version: int
    complete: bool
    conversation: ConversationSchema | None
    messages: list[MessageSchema]
    members: list[MemberSchema]


class SyncedMine(msgspec.Struct):
    """What a conversation stores for the user only: newest message read, mute, draft and so on."""

    conversation_id: int
    mine: MineSchema


def sync_client(
    user_id: int, cursors: dict[int, int], me: int, open_id: int | None, limit: int = CHANGES_MAX
) -> SyncAnswerSchema:
    """Returns all changes that a client has missed, in all conversations of the user and in the user's own data.

    `cursors` has, for each conversation, the last version (number of a change) that the client knows, and `me` the last
    version of the user's own data. Changes of the conversation `open_id`, which is on the screen, come first. A
    conversation that is not in `cursors` is included completely, but without messages: the client loads them when the
    user opens it. At most `limit` rows are returned. If there are more, `complete` is False, and the client must ask
    again with the returned versions. Raises `rate_limited` if a user sends too many requests.
    """
    rate_limits.require("sync", user_id)
    me_version, requests = User.objects.values_list("me_version", "request_count").get(pk=user_id)
    memberships = {
        row.conversation_id: row
        for row in Membership.objects.filter(
            user_id=user_id, left_at=None, conversation__deleted_at=None
        ).select_related("conversation")
    }
    remaining, synced = limit, []
    unknown = [row for pk, row in memberships.items() if pk not in cursors]
    behind = [row for pk, row in memberships.items() if pk in cursors and cursors[pk] < row.conversation.version]
    behind.sort(key=lambda row: (row.conversation_id != open_id, -row.conversation.active_at.timestamp()))
    complete = True
    for row in behind:
        if remaining <= 0:
            complete = False
            break
        changes = get_changes_for_member(row, cursors[row.conversation_id], remaining)
        remaining -= len(changes.messages) + len(changes.members) + (changes.conversation is not None)
        complete = complete and changes.complete
        synced.append(
            SyncedConversation(
                row.conversation_id,
                changes.version,
                changes.complete,
                changes.conversation,
                changes.messages,
                changes.members,
            )
        )
    for schema in conversation_schemas(unknown, user_id):
        synced.append(SyncedConversation(schema.id, schema.version, True, schema, [], []))
    # The member state is the current one, so it is sent only together with the last changes of its conversation.
    # Clients cannot count unread messages from these rows, because the rows are in the order of version and not of seq.
    complete_ids = {conversation.conversation_id for conversation in synced if conversation.complete}
    with_state = [row for pk, row in memberships.items() if pk in complete_ids or (complete and row.me_version > me)]
    mention_counts = count_unread_mentions(with_state)
    return SyncAnswerSchema(
        conversations=synced,
        mine=[
            SyncedMine(pk, mine_schema(row, row.conversation, mention_counts.get((pk, user_id), 0)))
            for row in with_state
            for pk in [row.conversation_id]
        ],
        removed=sorted(pk for pk in cursors if pk not in memberships),
        receipts=list_receipts(user_id, open_id) if open_id in memberships and open_id is not None else [],
        contacts=[contact_schema(relationship) for relationship in contact_lists.list_changed_since(user_id, me)]
        if complete
        else [],
        requests=requests,
        me_version=me_version if complete else me,
        complete=complete,
    )


def list_versions(user_id: int) -> tuple[dict[int, int], int]:
    """Returns the versions of all conversations of a user by conversation id, and the version of the user. Two queries.

    A version is the number of the newest change. The server sends these versions to a client that connects, in the
    frame `welcome`, so that the client can find out whether it has missed changes.
    """
    me_version = User.objects.filter(pk=user_id).values_list("me_version", flat=True).first() or 0
    memberships = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    return dict(memberships.values_list("conversation_id", "conversation__version")), me_version


def get_epoch() -> str:
    """Returns the current epoch of the database: the first frame tells it to clients. See `DatabaseEpoch`."""
    return str(DatabaseEpoch.objects.order_by("-pk").first() or "")
