"""Builds what a push message contains: the notification of a conversation, or that it is to be removed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.selectors.languages import language_for
from chat import selectors
from chat.models import Conversation, Message
from chat.schemas.excerpts import make_excerpt
from messenger.core.excerpts import shorten
from messenger.core.timestamps import format_timestamp
from notifications import facts
from notifications.decisions import Outcome, decide
from notifications.models import GroupNotificationSettings, Notification

SHOW_TTL = 24 * 3600
MAX_LINES = 4  # messages whose text a notification shows; the newest
MAX_MESSAGES = 50  # unread messages that are looked at


class PushAction(msgspec.Struct):
    """A button of the notification. With `placeholder`, the user writes a text in it."""

    action: str
    title: str
    placeholder: str | None = None


class PushSchema(msgspec.Struct, omit_defaults=True):
    """The content of a push message, as the service worker (static/js/service-worker.js) gets it.

    `type` is `show` (show or replace the notification with this `tag`), `clear` (remove it) or `test`.
    """

    type: str
    user_id: int
    tag: str
    unread: int = 0  # number for the icon of the app
    title: str = ""
    body: str = ""
    lang: str = ""
    url: str = ""
    icon: str = ""
    conversation_id: int = 0
    message_ids: list[int] = []  # all that the notification stands for, newest last
    seq: int = 0  # of the newest message
    sent_at: str = ""
    sound: bool = False
    stays: bool = False  # until the user reacts
    reminder_id: int = 0
    call_id: int = 0
    actions: list[PushAction] = []


encode = msgspec.json.Encoder().encode


@dataclass
class PushState:
    """What the browsers of one user are to show of something, and whether they show something of it already."""

    push: PushSchema
    was_shown: bool = False
    ttl: int = SHOW_TTL  # seconds that a push service keeps the push message

    @property
    def is_shown(self) -> bool:
        return self.push.type != "clear"


@dataclass
class ConversationState(PushState):
    """What the browsers of one user are to show of the messages of one conversation."""

    shown: list[Notification] = field(default_factory=list)  # that the notification stands for
    ended: list[Notification] = field(default_factory=list)  # that are read, deleted or not wanted any more


def topic_of(tag: str) -> str:
    """Returns the topic of the push messages with a tag. It does not reveal what they are about."""
    digest = salted_hmac("notifications.topic", tag, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()  # 32 characters, as RFC 8030 allows at most


def build_states(users: Sequence[User], conversation_id: int, object_id: int = 0) -> dict[int, ConversationState]:
    """Returns by user id what the browsers of these users are to show of the messages of a conversation.

    Decides again about all messages that the browsers show, or are to show. So nothing is sent that was deleted or
    read, or of a conversation that the user has left or muted in the meantime.
    """
    user_ids = [user.pk for user in users]
    rows: dict[int, list[Notification]] = {user_id: [] for user_id in user_ids}
    on_devices = Notification.objects.filter(outcome=Outcome.PUSH, cleared_at=None, conversation=conversation_id)
    for row in on_devices.filter(user__in=user_ids).order_by("seq"):
        rows[row.user_id].append(row)
    recent_ids = {row.message_id for user_rows in rows.values() for row in user_rows[-MAX_MESSAGES:]}
    messages = Message.objects.select_related("conversation", "reply_to", "sender").in_bulk(recent_ids)
    all_facts = facts.load_facts(list(messages.values()), user_ids)
    preferences = facts.get_preferences(user_ids)
    group_hides_text = GroupNotificationSettings.objects.filter(conversation=conversation_id, hides_text=True).exists()
    states = {}
    for user in users:
        shown, ended = [], rows[user.pk][:-MAX_MESSAGES]
        for row in rows[user.pk][-MAX_MESSAGES:]:
            decision = decide(all_facts[row.message_id, user.pk])
            if decision.outcome == Outcome.PUSH:
                shown.append(row)
                continue
            if row.pushed_at is None:
                row.outcome, row.reason = decision.outcome, decision.reason
            ended.append(row)
        unread = sum(summary.badge_count for summary in selectors.list_conversation_summaries(user.pk))
        push = PushSchema("clear", user.pk, f"conversation-{conversation_id}", unread)
        if shown:
            hides_text = group_hides_text or not preferences[user.pk].show_text
            language = language_for(user)
            with translation.override(language):
                push = _build_push(push, [messages[row.message_id] for row in shown], hides_text)
            push.lang, push.sound = language, preferences[user.pk].sound
        was_shown = any(row.pushed_at for row in (*shown, *ended))
        states[user.pk] = ConversationState(push, was_shown, shown=shown, ended=ended)
    return states


def _build_push(cleared: PushSchema, messages: list[Message], hides_text: bool) -> PushSchema:
    """Returns the push message that shows these messages, in the active language."""
    newest = messages[-1]
    conversation = newest.conversation
    is_group = conversation.kind == Conversation.Kind.GROUP
    if hides_text:
        body = ngettext("%(n)d new message", "%(n)d new messages", len(messages)) % {"n": len(messages)}
    else:
        body = "\n".join(_line(message, is_group) for message in messages[-MAX_LINES:])
        if len(messages) > MAX_LINES:
            rest = len(messages) - MAX_LINES
            body += "\n" + ngettext("and %(n)d more", "and %(n)d more", rest) % {"n": rest}
    return PushSchema(
        type="show",
        user_id=cleared.user_id,
        tag=cleared.tag,
        unread=cleared.unread,
        title=conversation.title if is_group else newest.sender.display_name,
        body=body,
        url=f"{reverse('conversation', args=[conversation.pk])}?at={messages[0].seq}#m-{messages[0].seq}",
        conversation_id=conversation.pk,
        message_ids=[message.pk for message in messages],
        seq=newest.seq,
        sent_at=format_timestamp(newest.created_at),
        actions=[
            PushAction("reply", _("Reply"), _("Write a message")),
            PushAction("read", _("Mark as read")),
        ],
    )


def _line(message: Message, is_group: bool) -> str:
    excerpt = shorten(make_excerpt(message.body_html, message.files))
    return f"{message.sender.display_name}: {excerpt}" if is_group else excerpt


def build_test(user: User) -> PushSchema:
    """Builds the push message of the button that tests a browser."""
    with translation.override(language_for(user)):
        return PushSchema(
            type="test",
            user_id=user.pk,
            tag="test",
            title=str(settings.SITE_NAME),
            body=_("Notifications work in this browser."),
            lang=language_for(user),
            url=reverse("notification_settings"),
            sent_at=format_timestamp(timezone.now()),
        )


def store(object_id: int, states: Iterable[ConversationState], now: datetime) -> None:
    """Stores what became of the notifications after the push messages were sent."""
    rows = [(state.shown, state.ended) for state in states]
    shown_ids = [row.pk for shown, _ended in rows for row in shown]
    ended = [row for _shown, ended in rows for row in ended]
    Notification.objects.filter(pk__in=shown_ids, pushed_at=None).update(pushed_at=now)
    for row in ended:
        if row.pushed_at is None:
            Notification.objects.filter(pk=row.pk).update(outcome=row.outcome, reason=row.reason)
    Notification.objects.filter(pk__in=[row.pk for row in ended]).update(cleared_at=now)
