"""WebSocket events of conversations: the payload of each event, and functions that build and encode an event.

Functions of chat.actions publish the events. chat.selectors.lost_events builds events again that were lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from chat.models import Membership
from chat.schemas import ConversationSchema, MemberSchema, MessageSchema, MineSchema, member_schema
from messenger.core.field_types import Timestamp
from messenger.live.events import ConversationEvent, EphemeralEvent, UserEvent
from messenger.live.frames import encode_frame


class MessagePayload(msgspec.Struct):
    """A message in its current state. A deleted message comes as the event `message.updated` with `deleted_at` set."""

    conversation_id: int
    after: int
    version: int
    message: MessageSchema


class ConversationPayload(msgspec.Struct):
    """The current fields of a conversation that are the same for all members.

    The field `mine` is absent, because it is different for each member (unread count, mute …).
    """

    conversation_id: int
    after: int
    version: int
    conversation: ConversationSchema


class MemberPayload(msgspec.Struct):
    """A member who has joined the conversation, has left it (`left_at` is set), or has a new role, name or avatar."""

    conversation_id: int
    after: int
    version: int
    member: MemberSchema


class ConversationAdded(msgspec.Struct):
    """The user who receives this event is a member of this conversation now.

    If the client already has the conversation, it must replace its copy by this one.
    """

    me_version: int
    conversation: ConversationSchema


class ConversationRemoved(msgspec.Struct):
    """The user who receives this event is no longer a member of the conversation.

    The user left or was removed, or the group was deleted.
    """

    me_version: int
    conversation_id: int


class MineUpdated(msgspec.Struct):
    """All that a conversation stores for this user only (unread count, mute, draft …), after some of it has changed."""

    me_version: int
    conversation_id: int
    mine: MineSchema


class Receipt(msgspec.Struct):
    """Which messages of a conversation a member has received and read.

    `delivered_seq` is the number (`seq`) of the newest message received, `read_seq` of the newest message read. They
    only increase. But if both are 0, the member no longer shows to others what he or she has received and read.
    """

    conversation_id: int
    user_id: int
    delivered_seq: int
    read_seq: int
    at: Timestamp


class MentionEvent(msgspec.Struct):
    """A message that mentions the user who receives this event, by name or with `@all`."""

    message: MessageSchema


EVENTS: dict[str, type[msgspec.Struct]] = {
    "message.created": MessagePayload,
    "message.updated": MessagePayload,
    "conversation.updated": ConversationPayload,
    "member.updated": MemberPayload,
    "conversation.added": ConversationAdded,
    "conversation.removed": ConversationRemoved,
    "mine.updated": MineUpdated,
    "receipt": Receipt,
    "mention": MentionEvent,
}


# Each function returns an event whose frame is encoded once, for all its receivers. `after` is the version of the
# conversation before the event.
def message_created(message: MessageSchema, after: int | None = None) -> ConversationEvent:
    return _conversation_event(
        "message.created", MessagePayload, message.conversation_id, message.version, after, message
    )


def message_updated(message: MessageSchema, after: int | None = None) -> ConversationEvent:
    return _conversation_event(
        "message.updated", MessagePayload, message.conversation_id, message.version, after, message
    )


def conversation_updated(conversation: ConversationSchema, version: int, after: int | None = None) -> ConversationEvent:
    """Builds the event `conversation.updated`, which tells all members about changed fields of a conversation.

    All members get the same event, so `conversation.mine` (what one member sees: unread count, mute …) must be absent.
    """
    return _conversation_event(
        "conversation.updated", ConversationPayload, conversation.id, version, after, conversation
    )


def member_updated(membership: Membership, after: int | None = None) -> ConversationEvent:
    """Builds the event `member.updated` for a member who has joined, has left, or has a new role, name or avatar.

    If the member has joined or left, the event also makes the member's WebSockets begin or stop to receive the events
    of the conversation. A member for whom a direct conversation does not exist yet receives no events.
    """
    conversation_id, member = membership.conversation_id, member_schema(membership)
    event = _conversation_event("member.updated", MemberPayload, conversation_id, member.version, after, member)
    if membership.left_at is None:
        event.joined_user_id = membership.user_id
    elif not membership.is_unopened:
        event.left_user_id = membership.user_id
    return event


def _conversation_event(
    name: str, payload: type[Any], conversation_id: int, version: int, after: int | None, content: Any
) -> ConversationEvent:
    after = version - 1 if after is None else after
    return ConversationEvent(
        conversation_id, after, version, encode_frame(name, payload(conversation_id, after, version, content))
    )


def conversation_added(
    user_id: int, me_version: int, conversation: ConversationSchema, joined_version: int
) -> UserEvent:
    """Builds the event `conversation.added`, which tells a user that he or she is now a member of a conversation.

    `joined_version` is the version of the conversation (number of its newest change) when the user joined. The user
    then receives all events with a higher version. `me_version` is the version of the user's own data.
    """
    text = encode_frame("conversation.added", ConversationAdded(me_version, conversation))
    return UserEvent(
        user_id,
        text,
        me_version,
        joined_conversation_id=conversation.id,
        version=joined_version,
        conversation_version=conversation.version,
    )


def conversation_removed(user_id: int, me_version: int, conversation_id: int, left_version: int) -> UserEvent:
    """Builds the event `conversation.removed`, which tells a user that he or she is not a member any more.

    `left_version` is the version of the conversation (number of its newest change) when the user left. The user
    receives only events with a lower version. `me_version` is the version of the user's own data.
    """
    text = encode_frame("conversation.removed", ConversationRemoved(me_version, conversation_id))
    return UserEvent(user_id, text, me_version, left_conversation_id=conversation_id, version=left_version)


def mine_updated(user_id: int, conversation_id: int, member_state: MineSchema) -> UserEvent:
    text = encode_frame("mine.updated", MineUpdated(member_state.me_version, conversation_id, member_state))
    return UserEvent(user_id, text, member_state.me_version)


def user_mentioned(user_id: int, message: MessageSchema) -> UserEvent:
    return UserEvent(user_id, encode_frame("mention", MentionEvent(message)))


class HiddenReceipts(NamedTuple):
    """Which users must not learn what other members have received and read (receipts), because of privacy settings.

    `hiding_members` has, for each conversation, the members who hide their own receipts: they get no receipts of
    others. `contacts_only` has, for each user who shows receipts to contacts only, these contacts: nobody else gets the
    user's receipts.
    """

    hiding_members: dict[int, tuple[int, ...]]  # by conversation id: members who hide their receipts; they see none
    contacts_only: dict[int, tuple[int, ...]]  # by id of a user who shows receipts to contacts only: these contacts


def receipt_events(receipts: Sequence[Receipt], hidden: HiddenReceipts) -> list[EphemeralEvent]:
    """Builds the events that tell the members of a conversation what another member has received and read (receipts).

    Members who hide their own receipts do not get the events. If a user shows receipts to contacts only, only these
    contacts get the event about this user.
    """
    return [
        EphemeralEvent(
            f"conversation.{receipt.conversation_id}",
            encode_frame("receipt", receipt),
            f"receipt.{receipt.conversation_id}.{receipt.user_id}",
            skip_users=hidden.hiding_members.get(receipt.conversation_id, ()),
            subject_id=receipt.user_id,
            topic="receipts",
            allowed_users=hidden.contacts_only.get(receipt.user_id),
            combine_in_conversation=receipt.conversation_id,
        )
        for receipt in receipts
    ]


def hidden_receipt_events(receipts: Sequence[Receipt], hidden: HiddenReceipts) -> list[EphemeralEvent]:
    """Builds events for users who now show only to their contacts what they have received and read (receipts).

    The events tell all other members of the conversation that these receipts are no longer shown.
    """
    return [
        EphemeralEvent(
            f"conversation.{receipt.conversation_id}",
            encode_frame("receipt", Receipt(receipt.conversation_id, receipt.user_id, 0, 0, receipt.at)),
            f"receipt.{receipt.conversation_id}.{receipt.user_id}.hidden",
            skip_users=(receipt.user_id, *hidden.contacts_only[receipt.user_id]),
        )
        for receipt in receipts
        if receipt.user_id in hidden.contacts_only
    ]


def receipt_for_viewer(viewer_id: int, receipt: Receipt) -> EphemeralEvent:
    """Builds the event that tells one user, `viewer_id`, what another member has received and read (a receipt).

    The caller must have checked that the user `viewer_id` may see this receipt.
    """
    key = f"receipt.{receipt.conversation_id}.{receipt.user_id}"
    return EphemeralEvent(f"user.{viewer_id}", encode_frame("receipt", receipt), key)
