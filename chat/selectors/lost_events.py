"""Reads what the hub (the part of each process that sends events to WebSockets) needs to find lost events.

The hub compares the version (number of the newest change) of the last event that it has sent with the version in the
database. If events are missing, it builds them again from the changed rows.
"""

from __future__ import annotations

from itertools import pairwise

from accounts.actions import contacts, me_updated_event
from accounts.models import Relationship, User
from accounts.selectors import contact_lists
from chat import events
from chat.models import Conversation, Membership, Message
from chat.schemas import MessageSchema
from chat.selectors.prefetch import conversation_schemas, shared_conversation_schema
from chat.selectors.sync import get_changed_rows
from messenger.live.events import ConversationEvent, UserEvent

LIMIT = 1000  # changed rows that are sent as events; if there are more, clients are told to `sync`


def get_conversation_versions(conversation_ids: list[int]) -> dict[int, int]:
    return dict(Conversation.objects.filter(pk__in=conversation_ids).values_list("pk", "version"))


def get_user_versions(user_ids: list[int]) -> dict[int, int]:
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "me_version"))


def build_missed_conversation_events(conversation_id: int, after: int) -> tuple[list[ConversationEvent], int]:
    """Returns events for all changes of a conversation after the version `after`, oldest first, and the newest version.

    A version is the number of a change. Each event contains a changed row as it is now, with the version of its newest
    change. If the changes cannot be sent as events, for example because there are too many, returns one event that
    makes clients ask for the changes with the WebSocket command `sync`.
    """
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None:
        return [], after
    messages, members, info_changed, version, complete = get_changed_rows(conversation, after, LIMIT)
    new_messages = Message.objects.filter(conversation=conversation, version__gt=after, first_version__gt=after)
    new_ids = set(new_messages.values_list("pk", flat=True)) if messages else set()
    if not complete or _is_out_of_order([message for message in messages if message.id in new_ids]):
        return [_build_sync_event(conversation, after)], conversation.version
    rows: list[MessageSchema | Membership | Conversation] = [*messages, *members]
    if info_changed:
        rows.append(conversation)
    missed_events: list[ConversationEvent] = []
    previous = after
    for row in sorted(rows, key=_row_version):
        if isinstance(row, MessageSchema):
            build_event = events.message_created if row.id in new_ids else events.message_updated
            missed_events.append(build_event(row, previous))
        elif isinstance(row, Membership):
            missed_events.append(events.member_updated(row, previous))
        else:
            schema = shared_conversation_schema(conversation)
            missed_events.append(events.conversation_updated(schema, row.info_version, previous))
        previous = _row_version(row)
    if previous < version:  # the rows of the last versions have changed again since, beyond `version`
        return [_build_sync_event(conversation, after)], conversation.version
    return missed_events, previous


def _row_version(row: MessageSchema | Membership | Conversation) -> int:
    return row.info_version if isinstance(row, Conversation) else row.version


def _is_out_of_order(new_messages: list[MessageSchema]) -> bool:
    """Returns True if one of the messages sent since the last check was changed after a later one of them was sent.

    Then the order of the new messages by version (number of the newest change) is not the order by `seq` (number of the
    message).
    """
    return any(message.seq > following.seq for message, following in pairwise(new_messages))


def _build_sync_event(conversation: Conversation, after: int) -> ConversationEvent:
    """Returns an event that makes clients ask for missed changes with the WebSocket command `sync`.

    All changes of a conversation have consecutive numbers (versions). The event has the newest version, which is not
    the next number for the clients, so they see that they have missed changes. `after` is the version of the last event
    that the hub (the part of the process that sends events) has sent.
    """
    event = events.conversation_updated(shared_conversation_schema(conversation), conversation.version)
    event.after = after
    return event


def build_missed_user_events(user_id: int, after: int) -> tuple[list[UserEvent], int]:
    """Returns events for all changes of a user's own data after the version `after`, and the newest version.

    A version is the number of a change. The events contain conversations that were added, removed or changed for this
    user only, and contacts that changed. If the newest version belongs to none of these, the last event contains the
    user's profile.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return [], after
    memberships = list(Membership.objects.filter(user_id=user_id, me_version__gt=after).select_related("conversation"))
    current = [row for row in memberships if row.left_at is None and row.conversation.deleted_at is None]
    schemas = {schema.id: schema for schema in conversation_schemas(current, user_id)}
    rows: list[Membership | Relationship] = [*memberships, *contact_lists.list_changed_since(user_id, after)]
    missed_events: list[UserEvent] = []
    for row in sorted(rows, key=lambda row: row.me_version):
        if isinstance(row, Relationship):
            missed_events.append(contacts.contact_updated_event(row, user.request_count))
        elif row.conversation_id in schemas:
            schema = schemas[row.conversation_id]
            missed_events.append(events.conversation_added(user_id, row.me_version, schema, row.version))
        else:
            missed_events.append(events.conversation_removed(user_id, row.me_version, row.conversation_id, row.version))
    if not missed_events or missed_events[-1].me_version < user.me_version:
        missed_events.append(me_updated_event(user))
    return missed_events, user.me_version
