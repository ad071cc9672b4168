"""The news of conversations: typed, encoded once, with no stray fields. Only verbs (and repairs) make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from chat.schemas import ConversationSchema, MemberSchema, MessageSchema, MineSchema
from chat.selectors.prefetch import HiddenReceipts
from messenger.live.events import ConversationEvent, EphemeralEvent, UserEvent
from messenger.live.frames import encode_frame


class MessagePayload(msgspec.Struct):
    """A message as it is now. A deleted one is an update too."""

    conversation_id: int
    after: int
    version: int
    message: MessageSchema


class ConversationPayload(msgspec.Struct):
    """What all members share, as it is now."""

    conversation_id: int
    after: int
    version: int
    conversation: ConversationSchema


class MemberPayload(msgspec.Struct):
    """A member who came, left (`left_at`), or has another role, name or picture."""

    conversation_id: int
    after: int
    version: int
    member: MemberSchema


class ConversationAdded(msgspec.Struct):
    """Mine from now on; or known and told anew: then it replaces what was known."""

    me_version: int
    conversation: ConversationSchema


class ConversationRemoved(msgspec.Struct):
    """Mine no more: left, removed, or the group was deleted."""

    me_version: int
    conversation_id: int


class MineUpdated(msgspec.Struct):
    """What is my own about a conversation, whole."""

    me_version: int
    conversation_id: int
    mine: MineSchema


class Receipt(msgspec.Struct):
    """How far a member has got and read. Marks only go forward; 0 and 0: they show theirs no more."""

    conversation_id: int
    user_id: int
    delivered_seq: int
    read_seq: int
    at: str


class MentionEvent(msgspec.Struct):
    """A message that names this person, or everybody."""

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


def message_created(message: MessageSchema, after: int | None = None) -> ConversationEvent:
    return _durable("message.created", MessagePayload, message.conversation_id, message.version, after, message)


def message_updated(message: MessageSchema, after: int | None = None) -> ConversationEvent:
    return _durable("message.updated", MessagePayload, message.conversation_id, message.version, after, message)


def conversation_updated(conversation: ConversationSchema, version: int, after: int | None = None) -> ConversationEvent:
    """What all members share. What is one's own (`mine`) is not in it."""
    return _durable("conversation.updated", ConversationPayload, conversation.id, version, after, conversation)


def member_updated(conversation_id: int, member: MemberSchema, after: int | None = None) -> ConversationEvent:
    news = _durable("member.updated", MemberPayload, conversation_id, member.version, after, member)
    if member.left_at is None:
        news.joined = member.user.id
    else:
        news.left = member.user.id
    return news


def _durable(
    name: str, event: type[Any], conversation_id: int, version: int, after: int | None, what: Any
) -> ConversationEvent:
    after = version - 1 if after is None else after
    return ConversationEvent(
        conversation_id, after, version, encode_frame(name, event(conversation_id, after, version, what))
    )


def conversation_added(user_id: int, me_version: int, conversation: ConversationSchema, joined_at: int) -> UserEvent:
    """`joined_at` is the version of the membership: what came before is history, not news."""
    text = encode_frame("conversation.added", ConversationAdded(me_version, conversation))
    return UserEvent(user_id, text, me_version, joins=conversation.id, version=joined_at, upto=conversation.version)


def conversation_removed(user_id: int, me_version: int, conversation_id: int, left_at: int) -> UserEvent:
    text = encode_frame("conversation.removed", ConversationRemoved(me_version, conversation_id))
    return UserEvent(user_id, text, me_version, leaves=conversation_id, version=left_at)


def mine_updated(user_id: int, conversation_id: int, mine: MineSchema) -> UserEvent:
    text = encode_frame("mine.updated", MineUpdated(mine.me_version, conversation_id, mine))
    return UserEvent(user_id, text, mine.me_version)


def mentioned(user_id: int, message: MessageSchema) -> UserEvent:
    return UserEvent(user_id, encode_frame("mention", MentionEvent(message)))


def receipts(told: Sequence[Receipt], hiding: HiddenReceipts) -> list[EphemeralEvent]:
    """To the members, but for those who hide their own, and to contacts alone where a person shows it to no others."""
    return [
        EphemeralEvent(
            f"conversation.{receipt.conversation_id}",
            encode_frame("receipt", receipt),
            f"receipt.{receipt.conversation_id}.{receipt.user_id}",
            skip_users=hiding.members.get(receipt.conversation_id, ()),
            about=receipt.user_id,
            matter="receipts",
            only=hiding.few.get(receipt.user_id),
            gathers=receipt.conversation_id,
        )
        for receipt in told
    ]


def hidden_receipts(told: Sequence[Receipt], hiding: HiddenReceipts) -> list[EphemeralEvent]:
    """Of those who show their receipts to contacts alone: to all others, that there are none any more."""
    return [
        EphemeralEvent(
            f"conversation.{receipt.conversation_id}",
            encode_frame("receipt", Receipt(receipt.conversation_id, receipt.user_id, 0, 0, receipt.at)),
            f"receipt.{receipt.conversation_id}.{receipt.user_id}.hidden",
            skip_users=(receipt.user_id, *hiding.few[receipt.user_id]),
        )
        for receipt in told
        if receipt.user_id in hiding.few
    ]


def receipt_to(viewer_id: int, receipt: Receipt) -> EphemeralEvent:
    """For one person alone, who may know this much."""
    key = f"receipt.{receipt.conversation_id}.{receipt.user_id}"
    return EphemeralEvent(f"user.{viewer_id}", encode_frame("receipt", receipt), key)
