"""Creates, changes and deletes groups, opens direct conversations, and adds and removes members.

The table of who may do what is in docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions.user_version import allocate_me_versions
from accounts.models import User
from accounts.schemas import user_schema
from accounts.selectors import mutes, privacy
from chat import events, permissions
from chat.actions import word_filter
from chat.actions.transaction import ConversationTransaction, conversation_transaction, outsider_transaction
from chat.actions.validation import clean_multiline, clean_single_line
from chat.models import Conversation, Membership, Role
from chat.schemas import ConversationSchema, MemberSchema, member_schema, mine_schema
from chat.selectors import conversation_schemas, count_unread_mentions, shared_conversation_schema, with_member_state
from chat.text.markdown import render_markdown
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found
from messenger.core.excerpts import html_to_text
from messenger.live.events import UserEvent, publish

TITLE_LIMIT, DESCRIPTION_LIMIT, ANNOUNCEMENT_LIMIT = 80, 500, 1000  # characters
MAX_USERS_PER_CALL = 500  # users that one call may add to a group


# ── Create ───────────────────────────────────────────────────────────────────────────────────────────────────────
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
    title = _filter_words(clean_single_line(title, TITLE_LIMIT, "title", required=True), "title")
    member_ids = [user_id, *dict.fromkeys(pk for pk in user_ids if pk != user_id)]
    if len(member_ids) > MAX_USERS_PER_CALL + 1:
        raise invalid(user_ids=_("At most %(limit)s people at once.") % {"limit": MAX_USERS_PER_CALL})
    rate_limits.require("group", user_id)
    users = privacy.discoverable_users(user_id, member_ids)
    _require_all_found(member_ids, users)
    mutes.require_not_muted(users[user_id])
    privacy.require_allowed(user_id, users.values(), "add_me")
    with write_transaction():
        conversation = _create_conversation(
            kind=Conversation.Kind.GROUP, title=title, owner=users[user_id], creator=users[user_id]
        )
        return _add_first_members(conversation, [users[pk] for pk in member_ids])[user_id]


def _require_all_found(user_ids: list[int], users: dict[int, User]) -> None:
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


# ── Change ───────────────────────────────────────────────────────────────────────────────────────────────────────
FIELD_CLEANERS: dict[str, Callable[[Any], Any]] = {
    "title": lambda text: clean_single_line(text, TITLE_LIMIT, "title", required=True),
    "description": lambda text: clean_multiline(text, DESCRIPTION_LIMIT, "description"),
    "announcement": lambda text: clean_multiline(text, ANNOUNCEMENT_LIMIT, "announcement"),
    "slow_mode": lambda seconds: _clean_slow_mode(seconds),
    **dict.fromkeys(permissions.SETTINGS, bool),
}

MEMBER_MUTE_SECONDS = (0, 3600, 86400, 604800)
SLOW_MODE_SECONDS = (0, 10, 30, 60, 300, 900, 3600)


def _clean_slow_mode(seconds: int) -> int:
    if seconds not in SLOW_MODE_SECONDS:
        raise invalid(slow_mode=_("Choose one of the options."))
    return seconds


TEXT_FIELDS = ("title", "description", "announcement")


def _filter_words(text: str, field: str, conversation_id: int | None = None) -> str:
    """Masks the words of word lists in a text of a group. Raises `invalid` for this field if they are not allowed."""
    try:
        return word_filter.clean(text, conversation_id).body
    except ApplicationError as error:
        raise invalid(**{field: error.detail}) from None


# Fields whose change adds a system message, with the name of the message, and whether it contains the old and new text.
LOGGED_FIELDS: dict[str, tuple[str, bool]] = {
    "title": ("renamed", True),
    "description": ("described", False),
    "announcement": ("announced", True),
}


def update_group(user_id: int, conversation_id: int, changes: dict[str, Any]) -> ConversationSchema:
    """Changes a group: title, description, announcement and what members may do. Returns the conversation.

    `changes` has the new values by field name; unknown names are ignored. Only the owner and admins may do this.
    """
    values = {name: FIELD_CLEANERS[name](value) for name, value in changes.items() if name in FIELD_CLEANERS}
    values |= {name: _filter_words(values[name], name, conversation_id) for name in TEXT_FIELDS if values.get(name)}
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        conversation = tx.conversation
        tx.require_allowed("change_group")
        changed = {name: value for name, value in values.items() if getattr(conversation, name) != value}
        if changed:
            old_values = {name: getattr(conversation, name) for name in changed}
            for name, value in changed.items():
                setattr(conversation, name, value)
            tx.mark_changed(*changed)
            tx.record_act("group.change", conversation, before=old_values, after=changed)
            for name, (event_name, has_texts) in LOGGED_FIELDS.items():
                if name in changed:
                    texts = {"old": old_values[name], "new": changed[name]} if has_texts else {}
                    if name == "announcement":  # system messages are plain text
                        texts = {key: _strip_markdown(text) for key, text in texts.items()}
                    tx.add_system_message(_get_actor(tx), event_name, **texts)
            if "announcement" in changed:
                _mark_announcement_new(tx)
            publish_conversation_info(tx)
        assert tx.membership
        tx.membership.conversation = conversation
        return conversation_schemas([tx.membership], user_id)[0]


def _strip_markdown(text: str) -> str:
    return html_to_text(render_markdown(text, {})[0], limit=None)


def _mark_announcement_new(tx: ConversationTransaction) -> None:
    """Marks the announcement of a group as new for all members except the user who has changed it."""
    conversation, membership = tx.conversation, tx.membership
    assert membership
    conversation.announced_version = conversation.version + 1  # the version that `publish_conversation_info` takes next
    tx.mark_changed("announced_version")
    tx.lock_memberships([membership])
    membership.announcement_seen = conversation.announced_version
    membership.conversation = conversation
    membership.save(update_fields=["announcement_seen"])
    tx.publish_to_user(membership, _member_state_event)


def publish_conversation_info(tx: ConversationTransaction) -> None:
    """Publishes the event `conversation.updated` with the fields of a conversation that are the same for all members.

    Call this after all other changes of the transaction `tx`, because the event contains the new counts and the new
    version (number of the newest change).
    """
    conversation = tx.conversation
    conversation.info_version = tx.next_version()
    tx.mark_changed("info_version")
    tx.publish(events.conversation_updated(shared_conversation_schema(conversation), conversation.info_version))


def _get_actor(tx: ConversationTransaction) -> User:
    assert tx.membership
    return tx.membership.user


def require_group(tx: ConversationTransaction) -> None:
    """Raises `forbidden` if the conversation of this transaction is not a group."""
    tx.require(tx.conversation.kind == Conversation.Kind.GROUP, _("This is only possible in groups."))


# ── Members ──────────────────────────────────────────────────────────────────────────────────────────────────────
def add_members(user_id: int, conversation_id: int, user_ids: Iterable[int]) -> list[MemberSchema]:
    """Adds users to a group and returns the new members. Users who are members already are skipped."""
    new_ids = list(dict.fromkeys(user_ids))
    if not new_ids:
        raise invalid(user_ids=_("Choose at least one person."))
    if len(new_ids) > MAX_USERS_PER_CALL:
        raise invalid(user_ids=_("At most %(limit)s people at once.") % {"limit": MAX_USERS_PER_CALL})
    rate_limits.require("group.change", user_id)
    users = privacy.discoverable_users(user_id, new_ids)
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("add_people")
        _require_all_found(new_ids, users)
        member_ids = set(
            tx.conversation.memberships.filter(left_at=None, user__in=new_ids).values_list("user_id", flat=True)
        )
        privacy.require_allowed(user_id, [users[pk] for pk in new_ids if pk not in member_ids], "add_me")
        memberships = join_users(tx, [users[pk] for pk in new_ids], added_by=_get_actor(tx))
        for membership in memberships:
            tx.record_act("member.add", membership.user)
        if memberships:
            tx.add_system_message(_get_actor(tx), "joined", users=[membership.user for membership in memberships])
            publish_conversation_info(tx)  # for the number of members
        return [member_schema(membership) for membership in memberships]


def join_users(tx: ConversationTransaction, users: list[User], added_by: User | None = None) -> list[Membership]:
    """Makes users members of a group and returns the memberships of those who were not members before.

    Does not check permission. If a user was a member earlier, the old membership row is used again. `added_by` is the
    member who adds them; None if they join by themselves.
    """
    conversation = tx.conversation
    existing = {
        row.user_id: row
        for row in Membership.objects.filter(conversation=conversation, user__in=users).select_related("user")
    }
    tx.lock_memberships(row for row in existing.values() if row.left_at)
    created, rejoined = [], []
    for user in users:
        row = existing.get(user.pk)
        if row and row.left_at is None:
            continue
        if row is None:
            created.append(row := Membership(conversation=conversation, user=user))
        else:
            rejoined.append(row)
        row.role, row.joined_at, row.left_at, row.version = Role.MEMBER, tx.now, None, tx.next_version()
        row.was_removed, row.added_by = False, added_by
        # Messages from before the user joined count as read.
        row.read_seq = row.delivered_seq = conversation.last_seq
        row.read_count = conversation.text_count
    Membership.objects.bulk_create(created)
    fields = ["role", "joined_at", "left_at", "was_removed", "added_by", "version"]
    Membership.objects.bulk_update(rejoined, [*fields, "read_seq", "delivered_seq", "read_count"])
    conversation.member_count += len(created) + len(rejoined)
    tx.mark_changed("member_count")
    memberships = sorted([*created, *rejoined], key=lambda row: row.version)
    # The schema is built once for all new members, at the end of the transaction, when counts and versions are final.
    shared_schema = cache(lambda: shared_conversation_schema(conversation))

    def joined_event(row: Membership) -> UserEvent:
        schema = with_member_state(shared_schema(), row)
        return events.conversation_added(row.user_id, row.me_version, schema, row.version)

    for row in memberships:
        row.conversation = conversation
        tx.publish(events.member_updated(row))
        tx.publish_to_user(row, joined_event)
    return memberships


def remove_member(user_id: int, conversation_id: int, target_id: int) -> None:
    """Removes a member from a group. If `target_id` is `user_id`, the user leaves the group.

    When the last member leaves, the group is deleted. After the removal the user receives no more events of the group.
    """
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        require_group(tx)
        membership = _get_member(tx, target_id)
        if target_id == user_id:
            tx.require_allowed("leave")
        else:
            tx.require_allowed("remove_member", f"target_{membership.role}")
            tx.record_act("member.remove", membership.user)
        event_name = "left" if target_id == user_id else "removed"
        membership.was_removed = event_name == "removed"
        tx.add_system_message(_get_actor(tx), event_name, users=[membership.user])
        tx.conversation.member_count -= 1
        tx.mark_changed("member_count")
        if tx.conversation.member_count == 0:
            tx.conversation.deleted_at = tx.now
            tx.mark_changed("deleted_at")
        else:
            publish_conversation_info(tx)
        _end_memberships(tx, [membership])


def mute_member(user_id: int, conversation_id: int, target_id: int, seconds: int) -> MemberSchema:
    """Mutes a member of a group for a time: the member may read, but not write there. 0 ends it. Returns the member.

    Who may remove a member may also mute the member.
    """
    if seconds not in MEMBER_MUTE_SECONDS:
        raise invalid(seconds=_("Choose one of the options."))
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        require_group(tx)
        membership = _get_member(tx, target_id)
        tx.require_allowed("remove_member", f"target_{membership.role}", *({"self"} if target_id == user_id else ()))
        old, new = membership.muted_until, tx.now + timedelta(seconds=seconds) if seconds else None
        if old is None and new is None:
            return member_schema(membership)
        membership.muted_until, membership.version = new, tx.next_version()
        membership.save(update_fields=["muted_until", "version"])
        values = [{"muted_until": value.isoformat() if value else None} for value in (old, new)]
        tx.record_act("member.mute", membership.user, before=values[0], after=values[1])
        tx.publish(events.member_updated(membership))
        return member_schema(membership)


def _end_memberships(tx: ConversationTransaction, memberships: list[Membership]) -> None:
    tx.lock_memberships(memberships)
    for row in memberships:
        row.left_at, row.role, row.version = tx.now, Role.MEMBER, tx.next_version()
    Membership.objects.bulk_update(memberships, ["left_at", "role", "version", "was_removed"])
    for row in memberships:
        tx.publish(events.member_updated(row))
        tx.publish_to_user(row, _removed_event)


def _removed_event(membership: Membership) -> UserEvent:
    return events.conversation_removed(
        membership.user_id, membership.me_version, membership.conversation_id, membership.version
    )


def set_role(user_id: int, conversation_id: int, target_id: int, role: str) -> MemberSchema:
    """Sets the role of a member and returns the member. Only the owner may do this.

    The role `owner` transfers the group: the member becomes the owner, and the previous owner becomes an admin.
    """
    if role not in Role.values:
        raise invalid(role=_("Choose owner, admin or member."))
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        require_group(tx)
        membership = _get_member(tx, target_id)
        is_unchanged = membership.role == role
        tx.require_allowed("set_role", *({"self"} if target_id == user_id and not is_unchanged else ()))
        if is_unchanged:
            return member_schema(membership)
        changed, old_role = [membership], membership.role
        if role == Role.OWNER:
            assert tx.membership
            tx.membership.role = Role.ADMIN
            changed.append(tx.membership)
            tx.conversation.owner = membership.user
            tx.mark_changed("owner")
        membership.role = role
        tx.record_act("member.role", membership.user, before={"role": old_role}, after={"role": role})
        tx.lock_memberships(changed)
        for row in changed:
            row.version = tx.next_version()
            row.save(update_fields=["role", "version"])
            tx.publish(events.member_updated(row))
            row.conversation = tx.conversation
            tx.publish_to_user(row, _member_state_event)
        if role == Role.OWNER:
            tx.add_system_message(_get_actor(tx), "owner", users=[membership.user])
            publish_conversation_info(tx)
        else:
            tx.add_system_message(_get_actor(tx), "role", users=[membership.user], old=old_role, new=role)
        return member_schema(membership)


def _member_state_event(membership: Membership) -> UserEvent:
    """Returns the event `mine.updated`, which is sent to the user of `membership` only.

    It contains what the conversation stores for this user: role, newest message read, mute and so on.
    """
    key = (membership.conversation_id, membership.user_id)
    mention_count = count_unread_mentions([membership]).get(key, 0)
    member_state = mine_schema(membership, membership.conversation, mention_count)
    return events.mine_updated(membership.user_id, membership.conversation_id, member_state)


def delete_group(user_id: int, conversation_id: int) -> None:
    """Deletes a group for all members. Only the owner may do this. The database rows are kept for moderators."""
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("delete_group")
        memberships = list(tx.conversation.memberships.filter(left_at=None).select_related("user").order_by("pk"))
        tx.conversation.member_count, tx.conversation.deleted_at = 0, tx.now
        tx.mark_changed("member_count", "deleted_at")
        tx.record_act("group.delete", tx.conversation, before={"title": tx.conversation.title})
        _end_memberships(tx, memberships)


def _get_member(tx: ConversationTransaction, target_id: int) -> Membership:
    membership = tx.conversation.memberships.filter(user_id=target_id, left_at=None).select_related("user").first()
    if membership is None:
        raise not_found()
    return membership


# ── A user's new name or avatar ──────────────────────────────────────────────────────────────────────────────────
def publish_profile_change(user_id: int) -> None:
    """Publishes a user's new name or avatar as the event `member.updated` in each conversation of the user.

    Uses one short transaction per conversation.
    """
    memberships = Membership.objects.filter(Membership.LISTED, user_id=user_id, conversation__deleted_at=None)
    for conversation_id in memberships.values_list("conversation_id", flat=True):
        publish_profile_change_in(user_id, conversation_id)


def publish_profile_change_in(user_id: int, conversation_id: int) -> None:
    with outsider_transaction(conversation_id) as tx:
        memberships = tx.conversation.memberships.filter(Membership.LISTED, user_id=user_id)
        membership = memberships.select_related("user").first()
        if membership is None:
            raise not_found()
        membership.version = tx.next_version()
        membership.save(update_fields=["version"])
        tx.publish(events.member_updated(membership))
