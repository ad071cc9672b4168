"""Rules of who may call whom: blocks, the setting of each user, and the switch of each group."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from accounts.models import Audience, Relationship, User
from accounts.selectors import privacy
from calls.models import CallSettings, GroupCallSettings
from chat.actions import direct_rules
from chat.models import Conversation, Membership
from messenger.core.errors import forbidden, format_lazily

MAX_IN_CALL = 4  # each participant sends to each other one (mesh): with more, connections and processors give up
MAX_RUNG = 20  # larger groups do not ring; their members see that there is a call, and can join it


def get_audience(user_id: int) -> str:
    """Returns who may call this user: everyone, contacts or nobody."""
    setting = CallSettings.objects.filter(pk=user_id).values_list("call_me", flat=True).first()
    return setting or Audience.EVERYONE


def is_allowed_in_group(conversation_id: int) -> bool:
    return not GroupCallSettings.objects.filter(pk=conversation_id, is_allowed=False).exists()


def require_may_call(membership: Membership) -> None:
    """Raises `forbidden` or `blocked` if a member may not start a call in the conversation.

    In a direct conversation the other user must accept calls from this user. If that user has blocked this one, the
    error is the same as if the setting did not allow it.
    """
    conversation = membership.conversation
    if conversation.kind == Conversation.Kind.GROUP:
        if not is_allowed_in_group(conversation.pk):
            raise forbidden(_("Calls are switched off in this group."))
        return
    other = (
        Membership.objects.filter(conversation=conversation).exclude(user=membership.user_id).select_related("user")
    ).first()
    if other is None or other.left_at is not None:
        raise forbidden(_("Send a message first. Then you can call."))
    if direct_rules.get_pair_status(membership.pk) == direct_rules.BLOCKED:
        raise privacy.blocked_error(other.user.display_name)
    if direct_rules.get_pair_status(membership.pk) != direct_rules.OPEN or not filter_callable(
        membership.user_id, [other.user_id]
    ):
        raise forbidden(format_lazily(_("You can’t call %(name)s."), {"name": other.user.display_name}))


def filter_callable(caller_id: int, user_ids: Iterable[int]) -> set[int]:
    """Returns those of these users whom a call of the user `caller_id` may ring. Makes three queries."""
    ids = set(user_ids) - {caller_id}
    ids -= privacy.blocked_user_ids(caller_id)
    ids &= set(User.objects.filter(pk__in=ids, is_active=True).values_list("pk", flat=True))
    restricted = dict(
        CallSettings.objects.filter(pk__in=ids).exclude(call_me=Audience.EVERYONE).values_list("pk", "call_me")
    )
    with_contacts = [user_id for user_id, audience in restricted.items() if audience == Audience.CONTACTS]
    contacts = (
        Relationship.objects.filter(
            user__in=with_contacts, person=caller_id, state=Relationship.State.CONTACT, blocked_at=None
        ).values_list("user_id", flat=True)
        if with_contacts
        else ()
    )
    return (ids - restricted.keys()) | set(contacts)
