"""WebSocket events of conversations: the payload of each event, and functions that build and encode the event.

Actions publish the events. chat.selectors.reconcile builds the events that a client has missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from chat.models import Membership
from chat.schemas import ConversationSchema, MemberSchema, MessageSchema, MineSchema, member_schema
from messenger.live.events import ConversationEvent, EphemeralEvent, UserEvent
from messenger.live.frames import encode_frame


class MessagePayload(msgspec.Struct):
    """A message in its current state. A deleted message comes as `message.updated` with `deleted_at` set."""

    conversation_id: int
    after: int
    version: int
    message: MessageSchema


class ConversationPayload(msgspec.Struct):
    """The current fields of a conversation that are the same for all members. The field `mine` is absent."""

    conversation_id: int
    after: int
    version: int
    conversation: ConversationSchema


class MemberPayload(msgspec.Struct):
    """A member who has joined, has left (`left_at` is set), or has a new role, name or avatar."""

    conversation_id: int
    after: int
    version: int
    member: MemberSchema


class ConversationAdded(msgspec.Struct):
    """The user is a member of this conversation now.

    If the client already has this conversation, it must replace its copy.
    """

    me_version: int
    conversation: ConversationSchema


class ConversationRemoved(msgspec.Struct):
    """The user is no longer a member of this conversation: the user left or was removed, or the group was deleted."""

    me_version: int
    conversation_id: int


class MineUpdated(msgspec.Struct):
    """The complete member state of the user in a conversation (what only this user sees of it), after a change."""

    me_version: int
    conversation_id: int
    mine: MineSchema


class Receipt(msgspec.Struct):
    """How far a member has received and read a conversation.

    Both numbers (`delivered_seq`, `read_seq`) only increase. If both are 0, this member no longer shows receipts.
    """

    conversation_id: int
    user_id: int
    delivered_seq: int
    read_seq: int
    at: str


class MentionEvent(msgspec.Struct):
    """A message that mentions the user by name or with `@all`."""

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
    """Builds the event for changed fields of a conversation.

    All members get the same event, so `mine` must be absent.
    """
    return _conversation_event(
        "conversation.updated", ConversationPayload, conversation.id, version, after, conversation
    )


def member_updated(membership: Membership, after: int | None = None) -> ConversationEvent:
    """Builds the event for a member who has joined, has left, or has changed.

    After it, the connections of the user receive the events of the conversation, or no longer receive them. The user of
    a direct conversation that does not exist for this user yet still receives none.
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
    """Builds the event that tells a user about a new conversation.

    `joined_version` is the version of the conversation at which the user joined. The user then receives the later
    events.
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
    """Builds the event that tells a user that the conversation is gone for this user.

    `left_version` is the version of the conversation at which the user left. The user receives only the events before
    it.
    """
    text = encode_frame("conversation.removed", ConversationRemoved(me_version, conversation_id))
    return UserEvent(user_id, text, me_version, left_conversation_id=conversation_id, version=left_version)


def mine_updated(user_id: int, conversation_id: int, member_state: MineSchema) -> UserEvent:
    text = encode_frame("mine.updated", MineUpdated(member_state.me_version, conversation_id, member_state))
    return UserEvent(user_id, text, member_state.me_version)


def user_mentioned(user_id: int, message: MessageSchema) -> UserEvent:
    return UserEvent(user_id, encode_frame("mention", MentionEvent(message)))


class HiddenReceipts(NamedTuple):
    """The users who must not receive certain receipts, because of the privacy settings of the members."""

    hiding_members: dict[int, tuple[int, ...]]  # by conversation id: members who hide their receipts; they see none
    contacts_only: dict[int, tuple[int, ...]]  # by id of a user who shows receipts to contacts only: these contacts


def receipt_events(receipts: Sequence[Receipt], hidden: HiddenReceipts) -> list[EphemeralEvent]:
    """Builds the events that show receipts to the members of a conversation.

    Members who hide their own receipts get none. If a user shows receipts only to contacts, only these contacts get
    them.
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
    """Builds the events for users who show receipts to contacts only: all other members learn that these receipts
    are gone.
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
    """Builds the event that sends a receipt to one user only.

    The caller must have checked that this user may see it.
    """
    key = f"receipt.{receipt.conversation_id}.{receipt.user_id}"
    return EphemeralEvent(f"user.{viewer_id}", encode_frame("receipt", receipt), key)
