"""The truth, when something was missed: what the hub compares itself with, and the same news made from the rows."""

from __future__ import annotations

from itertools import pairwise

from accounts.actions import contacts, me_updated
from accounts.models import Tie, User
from chat import events
from chat.models import Conversation, Membership, Message
from chat.schemas import member_schema, message_schema
from chat.selectors.prefetch import conversation_schemas, shared_conversation_schema
from chat.selectors.sync import changed_rows
from messenger.live.events import ConversationEvent, UserEvent

LIMIT = 1000  # rows told at once; of more, readers ask for what they need


def conversation_versions(conversation_ids: list[int]) -> dict[int, int]:
    return dict(Conversation.objects.filter(pk__in=conversation_ids).values_list("pk", "version"))


def user_versions(user_ids: list[int]) -> dict[int, int]:
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "me_version"))


def missed_conversation_events(conversation_id: int, after: int) -> list[ConversationEvent]:
    """What happened in a conversation since a version, as it is now, in order; each follows the one before."""
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None:
        return []
    messages, members, info, upto, complete = changed_rows(conversation, after, LIMIT)
    if not complete or _out_of_order([row for row in messages if row.first_version > after]):
        return [_ask(conversation, after)]
    rows: list[tuple[int, str, object]] = [(row.version, "message", row) for row in messages]
    rows += [(row.version, "member", row) for row in members]
    if info:
        rows.append((conversation.info_version, "conversation", conversation))
    told = []
    last = after
    for version, kind, row in sorted(rows, key=lambda each: each[0]):
        if kind == "message":
            make = events.message_created if row.first_version > after else events.message_updated  # type: ignore[attr-defined]
            told.append(make(message_schema(row), last))  # type: ignore[arg-type]
        elif kind == "member":
            told.append(events.member_updated(conversation_id, member_schema(row), last))  # type: ignore[arg-type]
        else:
            told.append(events.conversation_updated(shared_conversation_schema(conversation), version, last))
        last = version
    if last < upto:  # what stood between was changed again since, and comes with its newer version
        return [_ask(conversation, after)]
    return told


def _out_of_order(came: list[Message]) -> bool:
    """A message that came and was changed before we could tell of it stands behind those that came after it."""
    return any(one.seq > other.seq for one, other in pairwise(came))


def _ask(conversation: Conversation, after: int) -> ConversationEvent:
    """Where the rows cannot be told as news, readers hear of a hole and ask for what they miss (`sync`)."""
    news = events.conversation_updated(shared_conversation_schema(conversation), conversation.version)
    news.after = after  # for the hub it follows what was told; in the frame it does not
    return news


def missed_user_events(user_id: int, after: int) -> tuple[list[UserEvent], int]:
    """What is one person's own since their version, and the version that this brings them to.

    Conversations that came, went, or changed for them, people who became something else to them; and, always, the
    person's own settings.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return [], after
    rows = list(Membership.objects.filter(user_id=user_id, me_version__gt=after).select_related("conversation"))
    here = [row for row in rows if row.left_at is None and row.conversation.deleted_at is None]
    shapes = {shape.id: shape for shape in conversation_schemas(here, user_id)}
    told = []
    both: list[Membership | Tie] = [*rows, *contacts.changed_since(user_id, after)]
    for row in sorted(both, key=lambda each: each.me_version):
        if isinstance(row, Tie):
            told.append(contacts.contact_updated(row, user.request_count))
        elif row.conversation_id in shapes:
            shape = shapes[row.conversation_id]
            told.append(events.conversation_added(user_id, row.me_version, shape, row.version))
        else:
            told.append(events.conversation_removed(user_id, row.me_version, row.conversation_id, row.version))
    if not told or told[-1].me_version < user.me_version:
        told.append(me_updated(user))
    return told, user.me_version
