"""Reads from the database all facts on which the decisions about messages and users depend (notifications.decisions).

The same facts are read when a message is sent, again before a push message or an e-mail leaves the site, and when a
user asks why he or she was notified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import Relationship, User
from accounts.selectors.timezones import available_zone_names, time_zone_for
from chat.message_kinds import WRITTEN_KINDS
from chat.models import Conversation, Membership, Mention, Message
from notifications import decisions, subscriptions
from notifications.decisions import Concern, Facts
from notifications.models import EmailMode, NotificationPreferences

Key = tuple[int, int]  # (message id, user id)


def load_facts(
    messages: Sequence[Message],
    user_ids: Iterable[int],
    viewer_ids: Mapping[int, Iterable[int]] | None = None,
    at: datetime | None = None,
) -> dict[Key, Facts]:
    """Returns the facts for each of these messages and users, by (message id, user id).

    `messages` need `conversation` and `reply_to`. `viewer_ids` has, by message id, the users who had the conversation
    on the screen when the message was sent. `at` is the time for quiet hours, do not disturb and browsers that get push
    messages, now by default. Makes the same number of queries for any number of users.
    """
    ids = list(user_ids)
    users = User.objects.in_bulk(ids)
    conversations = {message.conversation_id: message.conversation for message in messages}
    memberships = {
        (row.conversation_id, row.user_id): row
        for row in Membership.objects.filter(conversation__in=conversations, user__in=ids)
    }
    mentioned = set(
        Mention.objects.filter(message__in=[message.pk for message in messages], user__in=ids).values_list(
            "message_id", "user_id"
        )
    )
    blocks = _blocks({message.sender_id for message in messages}, ids)
    preferences = get_preferences(ids)
    now = at or timezone.now()
    devices = subscriptions.list_active(ids).filter(created_at__lte=now)
    with_device = set(devices.values_list("user_id", flat=True))
    with_address = _users_with_address(ids)
    facts: dict[Key, Facts] = {}
    for user_id, user in users.items():
        chosen = preferences[user_id]
        is_quiet = decisions.is_quiet_time(chosen.quiet_hours, now.astimezone(quiet_zone(chosen, user)))
        is_do_not_disturb = chosen.do_not_disturb_until is not None and chosen.do_not_disturb_until > now
        for message in messages:
            membership = memberships.get((message.conversation_id, user_id))
            conversation = message.conversation
            is_member = membership is not None and membership.left_at is None and conversation.deleted_at is None
            facts[message.pk, user_id] = Facts(
                concern=_concern(
                    message,
                    user_id,
                    chosen,
                    is_mentioned=(message.pk, user_id) in mentioned,
                    is_sender_blocking=(message.sender_id, user_id) in blocks,
                ),
                is_own=message.sender_id == user_id,
                is_member=is_member and user.is_active,
                is_deleted=message.deleted_at is not None,
                is_system=message.kind not in WRITTEN_KINDS,
                is_blocked=(user_id, message.sender_id) in blocks,
                level=membership.level if membership else "all",
                is_muted=membership is not None and membership.muted,
                is_read=membership is not None and membership.read_seq >= message.seq,
                is_viewing=user_id in (viewer_ids or {}).get(message.pk, ()),
                is_do_not_disturb=is_do_not_disturb,
                is_quiet=is_quiet,
                is_sender_allowed=message.sender_id in chosen.allowed_user_ids,
                has_device=user_id in with_device,
                wants_email=user_id in with_address and chosen.email != EmailMode.NEVER,
            )
    return facts


def get_preferences(user_ids: Iterable[int]) -> dict[int, NotificationPreferences]:
    """Returns the preferences of users by user id; those of a user who has chosen nothing are the defaults."""
    ids = list(user_ids)
    stored = NotificationPreferences.objects.in_bulk(ids)
    return {pk: stored.get(pk) or NotificationPreferences(user_id=pk) for pk in ids}


def quiet_zone(preferences: NotificationPreferences, user: User) -> ZoneInfo:
    """Returns the time zone of the quiet hours of a user."""
    if preferences.quiet_time_zone in available_zone_names():
        return ZoneInfo(preferences.quiet_time_zone)
    return time_zone_for(user, {})


def _concern(
    message: Message,
    user_id: int,
    preferences: NotificationPreferences,
    *,
    is_mentioned: bool,
    is_sender_blocking: bool,
) -> Concern:
    """Returns in which way a message concerns a user.

    What a sender writes who has blocked the user concerns the user like any other message of the conversation. So the
    user cannot notice the block; such a sender mentions nobody either (chat.actions.sending.persist).
    """
    if is_mentioned and any(mention["user_id"] == user_id for mention in message.mentions):
        return Concern.MENTION
    if message.conversation.kind == Conversation.Kind.DIRECT:
        return Concern.DIRECT
    if message.reply_to is not None and message.reply_to.sender_id == user_id and not is_sender_blocking:
        return Concern.REPLY
    if is_mentioned:
        return Concern.EVERYONE
    if preferences.keywords and decisions.find_keyword(preferences.keywords, message.body):
        return Concern.KEYWORD
    return Concern.MESSAGE


def _blocks(sender_ids: set[int], user_ids: list[int]) -> set[tuple[int, int]]:
    """Returns the blocks between senders and users: (who blocks, who is blocked)."""
    rows = Relationship.objects.filter(
        Q(user__in=sender_ids, person__in=user_ids) | Q(user__in=user_ids, person__in=sender_ids),
        blocked_at__isnull=False,
    )
    return set(rows.values_list("user_id", "person_id"))


def _users_with_address(user_ids: list[int]) -> set[int]:
    """Returns the users who have a confirmed e-mail address. Without a mail server, nobody has one."""
    if not settings.NOTIFICATION_EMAILS:
        return set()
    return set(EmailAddress.objects.filter(user__in=user_ids, verified=True).values_list("user_id", flat=True))
