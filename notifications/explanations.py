"""Explains to users why they were notified of a message, or why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.models import Message
from chat.selectors.messages import get_message_row
from messenger.core.timestamps import format_optional_timestamp, format_timestamp
from notifications import facts
from notifications.decisions import Concern, Outcome, Reason, decide
from notifications.models import Notification
from notifications.schemas import ExplanationSchema


def explain(user_id: int, message_id: int) -> ExplanationSchema:
    """Returns what was decided about a message for a user. Raises `not_found` if the user cannot see the message.

    If nothing was stored, the decision is computed again from the settings of today, as for a message that was not read
    yet. What was pushed is stored, so a message that would have been pushed was read before.
    """
    message = get_message_row(user_id, message_id)
    row = Notification.objects.filter(user=user_id, message=message_id).first()
    return explain_stored(row) if row else _explain_computed(message, user_id)


def list_recent(user_id: int, *, before: int | None = None, limit: int = 50) -> list[Notification]:
    """Returns the stored decisions about messages that the user can see, newest first."""
    rows = Notification.objects.filter(
        user=user_id,
        conversation__deleted_at=None,
        conversation__memberships__user=user_id,
        conversation__memberships__left_at=None,
    )
    if before:
        rows = rows.filter(pk__lt=before)
    return list(rows.select_related("message__sender", "conversation").order_by("-pk")[:limit])


def explain_stored(row: Notification) -> ExplanationSchema:
    return ExplanationSchema(
        message_id=row.message_id,
        outcome=row.outcome,
        reason=row.reason,
        concern=row.concern,
        detail=_detail(row.outcome, row.reason, row.concern),
        is_recorded=True,
        decided_at=format_timestamp(row.created_at),
        pushed_at=format_optional_timestamp(row.pushed_at),
        cleared_at=format_optional_timestamp(row.cleared_at),
        email_due_at=format_optional_timestamp(row.email_due_at),
        emailed_at=format_optional_timestamp(row.emailed_at),
    )


def _explain_computed(message: Message, user_id: int) -> ExplanationSchema:
    found = facts.load_facts([message], [user_id], at=message.created_at)[message.pk, user_id]
    decision = decide(replace(found, is_read=False))
    if decision.outcome == Outcome.PUSH and _is_kept_until_now(message):
        decision = decide(found)
    return ExplanationSchema(
        message_id=message.pk,
        outcome=decision.outcome.value,
        reason=decision.reason.value,
        concern=Concern(found.concern).value,
        detail=_detail(decision.outcome, decision.reason, found.concern),
        is_recorded=False,
    )


def _is_kept_until_now(message: Message) -> bool:
    """Returns whether a push message about this message would still be known."""
    return message.created_at > timezone.now() - timedelta(days=settings.NOTIFICATION_DAYS)


def _detail(outcome: str, reason: str, concern: str) -> str:
    """Returns the explanation in the language of the user."""
    texts = {"concern": Concern(concern).label, "reason": Reason(reason).label, "outcome": Outcome(outcome).label}
    if reason == Reason.OWN:
        return str(texts["reason"])
    return _("%(concern)s %(reason)s") % texts
