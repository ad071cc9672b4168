"""Sends e-mails about messages that stay unread: after some minutes by conversation, or all of them once a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urljoin

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils import timezone, translation

from accounts.email.notifications import get_confirmed_address
from accounts.models import User
from accounts.selectors.languages import language_for
from accounts.selectors.timezones import time_zone_for
from chat.models import Conversation, Membership, Message
from chat.schemas.excerpts import make_excerpt
from messenger.core.database import write_transaction
from messenger.core.excerpts import shorten
from notifications import facts
from notifications.decisions import Outcome, decide
from notifications.email_times import find_email_time, reschedule
from notifications.models import EmailMode, GroupNotificationSettings, Notification, NotificationPreferences

USER_BATCH = 100
MAX_MESSAGES = 20  # of one conversation in an e-mail; the newest
# After an e-mail about a conversation, the next one waits until the user has read something there, or for this long.
PAUSE = timedelta(hours=6)
_SALT = "notifications.unsubscribe"


class Digest(NamedTuple):
    """The unread messages of one conversation, as an e-mail shows them."""

    conversation: Conversation
    title: str
    url: str
    lines: list[dict[str, Any]]  # sender, time, text
    more: int  # messages that are left out
    hides_text: bool


def send_due_emails(now: datetime | None = None) -> int:
    """Sends all e-mails that are due. Returns their number.

    Each user is handled once. What another worker handles at this moment is left to it, or to the next run.
    """
    now = now or timezone.now()
    count, last_id = 0, 0
    due = Notification.objects.filter(email_due_at__lte=now).order_by("user_id").values_list("user_id", flat=True)
    while user_ids := list(due.filter(user__gt=last_id).distinct()[:USER_BATCH]):
        for user_id in user_ids:
            count += _send_to(user_id, now)
        last_id = user_ids[-1]
    return count


def _send_to(user_id: int, now: datetime) -> int:
    """Sends the e-mails of one user. They are queued and marked as sent in one transaction, so each is sent once."""
    with write_transaction():
        locked = _lock(user_id)
        if locked is None:
            return 0
        preferences, rows = locked
        user = User.objects.get(pk=user_id)
        address = get_confirmed_address(user)
        if address is None or preferences.email == EmailMode.NEVER or not user.is_active:
            _finish(rows)
            return 0
        messages, wanted = _select_wanted(user_id, rows)
        if preferences.email == EmailMode.DAILY:
            mails = _gather_for_the_day(preferences, user, wanted, now)
        else:
            mails = _gather_by_conversation(user_id, wanted, now)
        for groups in mails:
            _send_mail(user, address, preferences, [[messages[row.message_id] for row in group] for group in groups])
        sent = [row.pk for groups in mails for group in groups for row in group]
        Notification.objects.filter(pk__in=sent).update(emailed_at=now, email_due_at=None)
    return len(mails)


def _lock(user_id: int) -> tuple[NotificationPreferences, list[Notification]] | None:
    """Locks the preferences of a user and all messages that wait, and returns them. None: another worker has some."""
    stored = NotificationPreferences.objects.filter(user=user_id)
    preferences = stored.select_for_update(skip_locked=True).first()
    if preferences is None and stored.exists():
        return None
    waiting = Notification.objects.filter(user=user_id, email_due_at__isnull=False)
    rows = list(waiting.select_for_update(skip_locked=True, of=("self",)).order_by("pk"))
    if len(rows) < waiting.count():
        return None
    return preferences or NotificationPreferences(user_id=user_id), rows


def _gather_for_the_day(
    preferences: NotificationPreferences, user: User, rows: list[Notification], now: datetime
) -> list[list[list[Notification]]]:
    """Returns the daily e-mail, with all messages that wait, if its time has come. Otherwise, they go on waiting."""
    times = [find_email_time(preferences, user, row.created_at) for row in rows]
    if not any(time and time <= now for time in times):
        reschedule(preferences, rows)
        return []
    NotificationPreferences.objects.filter(pk=preferences.pk).update(digest_sent_at=now)
    return [_group_by_conversation(rows)]


def _gather_by_conversation(user_id: int, rows: list[Notification], now: datetime) -> list[list[list[Notification]]]:
    """Returns an e-mail for each conversation with a message whose time has come."""
    due = {row.conversation_id for row in rows if row.email_due_at and row.email_due_at <= now}
    rows = _postpone_repetitions(user_id, [row for row in rows if row.conversation_id in due], now)
    return [[group] for group in _group_by_conversation(rows)]


def _group_by_conversation(rows: list[Notification]) -> list[list[Notification]]:
    """Returns the messages of each conversation in their order, which may not be that in which they were handled."""
    groups: dict[int, list[Notification]] = {}
    for row in sorted(rows, key=lambda row: row.message_id):
        groups.setdefault(row.conversation_id, []).append(row)
    return list(groups.values())


def _select_wanted(user_id: int, rows: list[Notification]) -> tuple[dict[int, Message], list[Notification]]:
    """Decides again about all rows. Those that are read, deleted or not wanted any more get no e-mail."""
    queryset = Message.objects.select_related("conversation", "reply_to", "sender")
    messages = queryset.in_bulk([row.message_id for row in rows])
    all_facts = facts.load_facts(list(messages.values()), [user_id])
    wanted = [
        row for row in rows if decide(all_facts[row.message_id, user_id]).outcome in (Outcome.PUSH, Outcome.EMAIL)
    ]
    _finish(row for row in rows if row not in wanted)
    return messages, wanted


def _postpone_repetitions(user_id: int, rows: list[Notification], now: datetime) -> list[Notification]:
    """Postpones what belongs to a conversation about which the last e-mail was sent shortly before, and is unread."""
    ids = {row.conversation_id for row in rows}
    read_seqs = dict(
        Membership.objects.filter(user=user_id, conversation__in=ids).values_list("conversation_id", "read_seq")
    )
    sent = Notification.objects.filter(user=user_id, conversation__in=ids, emailed_at__gt=now - PAUSE)
    last_sent: dict[int, datetime] = {}
    for conversation_id, seq, emailed_at in sent.values_list("conversation_id", "seq", "emailed_at"):
        if emailed_at and seq > read_seqs.get(conversation_id, 0):
            last_sent[conversation_id] = max(emailed_at, last_sent.get(conversation_id, emailed_at))
    for conversation_id, emailed_at in last_sent.items():
        pks = [row.pk for row in rows if row.conversation_id == conversation_id]
        Notification.objects.filter(pk__in=pks).update(email_due_at=emailed_at + PAUSE)
    return [row for row in rows if row.conversation_id not in last_sent]


def _finish(rows: Iterable[Notification]) -> None:
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(email_due_at=None)


def _send_mail(user: User, address: str, preferences: NotificationPreferences, groups: list[list[Message]]) -> None:
    unsubscribe_url = urljoin(settings.SITE_URL, reverse("unsubscribe", args=[make_unsubscribe_token(user.pk)]))
    with translation.override(language_for(user)), timezone.override(time_zone_for(user, {})):
        digests = [_build_digest(messages, preferences) for messages in groups]
        senders = list(dict.fromkeys(message.sender.display_name for messages in groups for message in messages))
        context = {
            "user": user,
            "site_name": settings.SITE_NAME,
            "digests": digests,
            "count": sum(len(messages) for messages in groups),
            "senders": ", ".join(senders[:3]) + (" …" if len(senders) > 3 else ""),
            "title": digests[0].title,
            "is_group": digests[0].conversation.kind == Conversation.Kind.GROUP,
            "unsubscribe_url": unsubscribe_url,
        }
        headers = {
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        }
        template = "notifications/email/unread_messages" if len(groups) == 1 else "notifications/email/daily_digest"
        get_adapter().render_mail(template, address, context, headers).send()


def _build_digest(messages: list[Message], preferences: NotificationPreferences) -> Digest:
    conversation = messages[0].conversation
    is_group = conversation.kind == Conversation.Kind.GROUP
    hides_text = (
        not preferences.show_text
        or GroupNotificationSettings.objects.filter(conversation=conversation, hides_text=True).exists()
    )
    path = f"{reverse('conversation', args=[conversation.pk])}?at={messages[0].seq}#m-{messages[0].seq}"
    lines = [
        {
            "sender": message.sender.display_name,
            "at": message.created_at,
            "text": shorten(make_excerpt(message.body_html, message.files)),
        }
        for message in messages[-MAX_MESSAGES:]
    ]
    return Digest(
        conversation=conversation,
        title=conversation.title if is_group else messages[0].sender.display_name,
        url=urljoin(settings.SITE_URL, path),
        lines=[] if hides_text else lines,
        more=max(len(messages) - MAX_MESSAGES, 0),
        hides_text=hides_text,
    )


# ── Unsubscribing ───────────────────────────────────────────────────────────────────────────────────────────────
def make_unsubscribe_token(user_id: int) -> str:
    """Returns a token that ends e-mails about messages without signing in. It does not expire."""
    return signing.dumps(user_id, salt=_SALT)


def read_unsubscribe_token(token: str) -> int | None:
    """Returns the id of the user of a token, or None if it is not valid."""
    try:
        return signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None


def unsubscribe(user_id: int) -> None:
    with write_transaction():
        if User.objects.filter(pk=user_id, deleted_at=None).exists():
            row, _created = NotificationPreferences.objects.update_or_create(
                user_id=user_id, defaults={"email": EmailMode.NEVER}
            )
            reschedule(row)
