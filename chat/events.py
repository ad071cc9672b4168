"""Events of conversations: the payloads of their frames, and functions that build and encode them.

Actions publish them, and reconciling builds missed ones (chat.selectors.reconcile).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from chat.schemas import ConversationSchema, MemberSchema, MessageSchema, MineSchema
from messenger.live.events import ConversationEvent, EphemeralEvent, UserEvent
from messenger.live.frames import encode_frame


class MessagePayload(msgspec.Struct):
    """A message in its current state. A deletion is a `message.updated` with `deleted_at`."""

    conversation_id: int
    after: int
    version: int
    message: MessageSchema


class ConversationPayload(msgspec.Struct):
    """The current fields of a conversation that are the same for all members, without `mine`."""

    conversation_id: int
    after: int
    version: int
    conversation: ConversationSchema


class MemberPayload(msgspec.Struct):
    """A member who joined, left (then `left_at` is set), or has a new role, name or avatar."""

    conversation_id: int
    after: int
    version: int
    member: MemberSchema


class ConversationAdded(msgspec.Struct):
    """The user is a member of this conversation now. If the client has the conversation already, replace it with this
    one.
    """

    me_version: int
    conversation: ConversationSchema


class ConversationRemoved(msgspec.Struct):
    """The user is no longer a member: they left, were removed, or the group was deleted."""

    me_version: int
    conversation_id: int


class MineUpdated(msgspec.Struct):
    """The complete member state of the user in a conversation, after a change."""

    me_version: int
    conversation_id: int
    mine: MineSchema


class Receipt(msgspec.Struct):
    """How far a member has received and read a conversation. Both numbers only increase. If both are 0, the member no
    longer shows receipts.
    """

    conversation_id: int
    user_id: int
    delivered_seq: int
    read_seq: int
    at: str


class MentionEvent(msgspec.Struct):
    """A message that mentions the user, by name or with `@all`."""

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


# Each function returns an event whose frame is encoded once. `after`: the version that the event follows.
def message_created(message: MessageSchema, after: int | None = None) -> ConversationEvent:
    return _conversation_event(
        "message.created", MessagePayload, message.conversation_id, message.version, after, message
    )


def message_updated(message: MessageSchema, after: int | None = None) -> ConversationEvent:
    return _conversation_event(
        "message.updated", MessagePayload, message.conversation_id, message.version, after, message
    )


def conversation_updated(conversation: ConversationSchema, version: int, after: int | None = None) -> ConversationEvent:
    """`conversation` has the shared fields only, without member state (`mine`)."""
    return _conversation_event(
        "conversation.updated", ConversationPayload, conversation.id, version, after, conversation
    )


def member_updated(conversation_id: int, member: MemberSchema, after: int | None = None) -> ConversationEvent:
    event = _conversation_event("member.updated", MemberPayload, conversation_id, member.version, after, member)
    if member.left_at is None:
        event.joined_user_id = member.user.id
    else:
        event.left_user_id = member.user.id
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
    """`joined_version`: version of the membership. The user receives the events after it."""
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
    """`left_version`: version of the membership. The user receives the events before it."""
    text = encode_frame("conversation.removed", ConversationRemoved(me_version, conversation_id))
    return UserEvent(user_id, text, me_version, left_conversation_id=conversation_id, version=left_version)


def mine_updated(user_id: int, conversation_id: int, member_state: MineSchema) -> UserEvent:
    text = encode_frame("mine.updated", MineUpdated(member_state.me_version, conversation_id, member_state))
    return UserEvent(user_id, text, member_state.me_version)


def user_mentioned(user_id: int, message: MessageSchema) -> UserEvent:
    return UserEvent(user_id, encode_frame("mention", MentionEvent(message)))


class HiddenReceipts(NamedTuple):
    """Who must not receive which receipts."""

    hiding_members: dict[int, tuple[int, ...]]  # by conversation id: members who hide theirs, and so see none
    contacts_only: dict[int, tuple[int, ...]]  # by id of a user who shows theirs to contacts only: the contacts


def receipt_events(receipts: Sequence[Receipt], hidden: HiddenReceipts) -> list[EphemeralEvent]:
    """To the members except those who hide their own receipts; to contacts only where the user's setting says so."""
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
    """For users who show receipts to contacts only: tells all other members that there are none any more."""
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
    """To one user alone. The caller has checked that they may see it."""
    key = f"receipt.{receipt.conversation_id}.{receipt.user_id}"
    return EphemeralEvent(f"user.{viewer_id}", encode_frame("receipt", receipt), key)
