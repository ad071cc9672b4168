"""The push messages of reminders, and of scheduled messages that could not be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from chat.models import Conversation, Message
from chat.schemas.excerpts import make_excerpt
from chat.selectors import get_titles_by_conversation
from messenger.core.excerpts import shorten
from messenger.core.timestamps import format_timestamp
from notifications import facts
from notifications.models import GroupNotificationSettings
from notifications.push.content import PushAction, PushSchema, PushState
from scheduling.models import Reminder, ScheduledMessage


def build_reminders(users: Sequence[User], conversation_id: int, reminder_id: int) -> dict[int, PushState]:
    """Returns by user id what the browsers of these users are to show of a reminder. Only one user has it."""
    row = Reminder.objects.filter(pk=reminder_id).select_related("message__sender", "message__conversation").first()
    states = {}
    for user in users:
        push = PushSchema("clear", user.pk, f"reminder-{reminder_id}")
        is_due = row is not None and row.user_id == user.pk and row.notified_at is not None
        if row is None or not is_due or row.message.deleted_at is not None:
            states[user.pk] = PushState(push, was_shown=row is None or row.pushed_at is not None)
            continue
        language = user.language or settings.LANGUAGE_CODE
        with translation.override(language):
            states[user.pk] = PushState(_build_reminder(push, row.message, user, row), was_shown=False)
        push.lang = language
    return states


def _build_reminder(push: PushSchema, message: Message, user: User, row: Reminder) -> PushSchema:
    preferences = facts.get_preferences([user.pk])[user.pk]
    conversation = message.conversation
    hides_text = (
        not preferences.show_text
        or GroupNotificationSettings.objects.filter(conversation=conversation, hides_text=True).exists()
    )
    excerpt = shorten(make_excerpt(message.body_html, message.files))
    push.type = "show"
    push.title = _("Reminder")
    if conversation.kind == Conversation.Kind.GROUP:
        push.title = _("Reminder: %(title)s") % {"title": conversation.title}
    push.body = "" if hides_text else f"{message.sender.display_name}: {excerpt}"
    push.url = f"{reverse('conversation', args=[conversation.pk])}?at={message.seq}#m-{message.seq}"
    push.message_ids = [message.pk]
    push.reminder_id = row.pk
    push.sent_at = format_timestamp(row.notified_at or row.remind_at)
    push.sound = preferences.sound
    push.actions = [PushAction("snooze", _("In an hour")), PushAction("done", _("Done"))]
    return push


def store_reminders(object_id: int, _states: Iterable[PushState], now: datetime) -> None:
    Reminder.objects.filter(pk=object_id, notified_at__isnull=False).update(pushed_at=now)


def build_failures(users: Sequence[User], conversation_id: int, scheduled_id: int) -> dict[int, PushState]:
    """Returns by user id what the browsers of these users are to show of a scheduled message that was not sent."""
    row = ScheduledMessage.objects.filter(pk=scheduled_id).exclude(failure="").select_related("conversation").first()
    states = {}
    for user in users:
        push = PushSchema("clear", user.pk, f"scheduled-{scheduled_id}")
        if row is not None and row.user_id == user.pk:
            language = user.language or settings.LANGUAGE_CODE
            with translation.override(language):
                title = get_titles_by_conversation(user.pk).get(conversation_id)
                push.type, push.lang = "show", language
                push.title = title.name if title else row.conversation.title or str(settings.SITE_NAME)
                push.body = row.get_failure_display()
            push.url, push.sent_at = reverse("later"), format_timestamp(row.send_at)
        states[user.pk] = PushState(push, was_shown=False)
    return states


def store_nothing(object_id: int, states: Iterable[PushState], now: datetime) -> None:
    pass
