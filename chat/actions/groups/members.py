"""Adds, removes and mutes members of groups, and sets their roles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import privacy
from chat import events
from chat.actions.groups.join_requests import remove_requests
from chat.actions.groups.settings import member_state_event, publish_conversation_info, require_group
from chat.actions.new_conversations import MAX_USERS_PER_CALL, require_all_found
from chat.actions.transaction import ConversationTransaction, conversation_transaction
from chat.models import Membership, Role
from chat.schemas import MemberSchema, member_schema
from chat.selectors import shared_conversation_schema, with_member_state
from messenger.core import rate_limits
from messenger.core.errors import invalid, not_found
from messenger.live.events import UserEvent

MEMBER_MUTE_SECONDS = (0, 3600, 86400, 604800)  # the choices; 0 ends a mute


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
        require_all_found(new_ids, users)
        member_ids = set(
            tx.conversation.memberships.filter(left_at=None, user__in=new_ids).values_list("user_id", flat=True)
        )
        privacy.require_allowed(user_id, [users[pk] for pk in new_ids if pk not in member_ids], "add_me")
        memberships = join_users(tx, [users[pk] for pk in new_ids], added_by=tx.actor)
        for membership in memberships:
            tx.record_act("member.add", membership.user)
        if memberships:
            tx.add_system_message(tx.actor, "joined", users=[membership.user for membership in memberships])
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
    remove_requests(tx, [user.pk for user in users])
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
        tx.add_system_message(tx.actor, event_name, users=[membership.user])
        tx.conversation.member_count -= 1
        tx.mark_changed("member_count")
        if tx.conversation.member_count == 0:
            tx.conversation.deleted_at = tx.now
            tx.mark_changed("deleted_at")
        else:
            publish_conversation_info(tx)
        end_memberships(tx, [membership])


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


def end_memberships(tx: ConversationTransaction, memberships: list[Membership]) -> None:
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
            tx.publish_to_user(row, member_state_event)
        if role == Role.OWNER:
            tx.add_system_message(tx.actor, "owner", users=[membership.user])
            publish_conversation_info(tx)
        else:
            tx.add_system_message(tx.actor, "role", users=[membership.user], old=old_role, new=role)
        return member_schema(membership)


def _get_member(tx: ConversationTransaction, target_id: int) -> Membership:
    membership = tx.conversation.memberships.filter(user_id=target_id, left_at=None).select_related("user").first()
    if membership is None:
        raise not_found()
    return membership
