"""Opens direct conversations and creates groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions.user_version import allocate_me_versions
from accounts.models import User
from accounts.schemas import user_schema
from accounts.selectors import mutes, privacy
from chat import events
from chat.actions import word_filter
from chat.actions.groups.settings import TITLE_LIMIT
from chat.actions.transaction import outsider_transaction
from chat.actions.validation import clean_single_line
from chat.models import Conversation, Membership, Role
from chat.schemas import ConversationSchema
from chat.selectors import conversation_schemas, shared_conversation_schema, with_member_state
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found
from messenger.live.events import UserEvent, publish

MAX_USERS_PER_CALL = 500  # users that one call may add to a group


def open_direct_conversation(user_id: int, other_id: int) -> tuple[ConversationSchema, bool]:
    """Returns the direct conversation of two users, and True if it did not exist for the user `user_id` before.

    Until its first message, it exists only for a user who has opened it. If both users open it, at the same time or one
    after the other, both get the same conversation, and neither learns that the other has opened it.
    """
    if user_id == other_id:
        raise invalid(user_id=_("You can’t do this to yourself."))
    pair = "{}:{}".format(*sorted((user_id, other_id)))
    rows = Membership.objects.select_related("conversation").filter(conversation__pair=pair, user_id=user_id)
    membership = rows.first()
    if membership is not None and membership.left_at is None:
        return conversation_schemas([membership], user_id)[0], False
    users = privacy.discoverable_users(user_id, [user_id, other_id])
    if other_id not in users or user_id not in users:
        raise not_found()
    privacy.require_allowed(user_id, [users[other_id]], "write_to_me")
    rate_limits.require("direct", user_id)
    if membership is None:
        try:
            with write_transaction():
                conversation = _create_conversation(kind=Conversation.Kind.DIRECT, pair=pair, owner=None)
                schemas = _add_first_members(conversation, [users[user_id], users[other_id]])
                return schemas[user_id], True
        except IntegrityError:  # a concurrent call created it first
            membership = rows.get()
    return _open_existing_direct_conversation(membership)


def _open_existing_direct_conversation(membership: Membership) -> tuple[ConversationSchema, bool]:
    """Opens a direct conversation for the user of `membership`, after the other user has opened it.

    Returns the conversation, and True if it was not open for this user before. The user's other devices get the event
    `conversation.added`.
    """
    with outsider_transaction(membership.conversation_id) as tx:
        membership = tx.conversation.memberships.get(pk=membership.pk)
        membership.conversation = tx.conversation
        is_new = membership.is_unopened  # unless another call or the first message was faster
        if is_new:
            membership.left_at = None
            membership.save(update_fields=["left_at"])
            tx.publish_to_user(membership, added_event)
    return conversation_schemas([membership], membership.user_id)[0], is_new


def added_event(membership: Membership) -> UserEvent:
    """Returns the event `conversation.added`, which is sent to the user of `membership` only.

    It contains the conversation as this user sees it. `membership.conversation` must be loaded.
    """
    schema = conversation_schemas([membership], membership.user_id)[0]
    return events.conversation_added(membership.user_id, membership.me_version, schema, membership.version)


def create_group(user_id: int, title: str, user_ids: Iterable[int]) -> ConversationSchema:
    title = word_filter.clean_field(clean_single_line(title, TITLE_LIMIT, "title", required=True), "title")
    member_ids = [user_id, *dict.fromkeys(pk for pk in user_ids if pk != user_id)]
    if len(member_ids) > MAX_USERS_PER_CALL + 1:
        raise invalid(user_ids=_("At most %(limit)s people at once.") % {"limit": MAX_USERS_PER_CALL})
    rate_limits.require("group", user_id)
    users = privacy.discoverable_users(user_id, member_ids)
    require_all_found(member_ids, users)
    mutes.require_not_muted(users[user_id])
    privacy.require_allowed(user_id, users.values(), "add_me")
    with write_transaction():
        conversation = _create_conversation(
            kind=Conversation.Kind.GROUP, title=title, owner=users[user_id], creator=users[user_id]
        )
        return _add_first_members(conversation, [users[pk] for pk in member_ids])[user_id]


def require_all_found(user_ids: list[int], users: dict[int, User]) -> None:
    if missing_ids := [pk for pk in user_ids if pk not in users]:
        raise invalid(user_ids=_("There is no user with the ID %(id)s.") % {"id": missing_ids[0]})


def _create_conversation(**fields: Any) -> Conversation:
    now = timezone.now()
    return Conversation.objects.create(**fields, created_at=now, active_at=now, version=1, info_version=1)


def _add_first_members(conversation: Conversation, users: list[User]) -> dict[int, ConversationSchema]:
    """Creates the memberships of a new conversation. Returns the conversation as each member sees it, by user id.

    Publishes the event `conversation.added` to each member. The event `member.updated` is not necessary, because no
    WebSocket receives the events of the new conversation yet. A direct conversation is opened only for the first user
    in `users`; the other user gets it later, by opening it or with its first message.
    """
    opening_users = users[:1] if conversation.pair else users
    me_versions = allocate_me_versions(user.pk for user in opening_users)
    memberships = []
    for user in users:
        conversation.version += 1
        memberships.append(
            Membership(
                conversation=conversation,
                user=user,
                role=Role.OWNER if conversation.owner_id == user.pk else Role.MEMBER,
                added_by=conversation.creator if user.pk != conversation.creator_id else None,
                joined_at=conversation.created_at,
                left_at=None if user in opening_users else conversation.created_at,
                version=conversation.version,
                me_version=me_versions[user.pk][0] if user in opening_users else 0,
            )
        )
    Membership.objects.bulk_create(memberships)
    conversation.member_count = len(memberships)
    conversation.save(update_fields=["version", "member_count"])
    shared_schema = shared_conversation_schema(conversation)
    schemas, added_events = {}, []
    for membership in memberships[: len(opening_users)]:
        schema = with_member_state(shared_schema, membership)
        if conversation.pair:
            schema.peer = next(user_schema(user) for user in users if user.pk != membership.user_id)
        schemas[membership.user_id] = schema
        added_events.append(
            events.conversation_added(membership.user_id, membership.me_version, schema, membership.version)
        )
    publish(added_events)
    return schemas
