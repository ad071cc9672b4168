"""Lets users report messages and people, and lets moderators decide about the cases."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts import actions as account_actions
from accounts.models import Notice, User
from accounts.selectors import contact_lists, privacy
from audit import actions as audit
from chat.actions.messages import require_not_deleted
from chat.actions.transaction import message_transaction, moderation_transaction
from chat.actions.validation import check_storable
from chat.message_kinds import KINDS
from chat.models import GRAVITY_BY_KIND, Gravity, Message, Report, ReportCase, ReportKind
from chat.selectors import filter_users_sharing_conversations
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, invalid, not_found
from messenger.core.timestamps import format_timestamp

REASON_LIMIT = 500  # characters
FLAG_GRAVITY = Gravity.MEDIUM  # of a message that a word list has found
CONTEXT_MESSAGES = 5  # messages before and after the reported one that are copied with a report


def report_message(user_id: int, message_id: int, reason: str = "", kind: str = ReportKind.OTHER) -> None:
    """Reports a message to the moderators, and stores a copy of its text and of the messages around it.

    All reports of a message are one case until a moderator has decided. If the same user reports it again, the second
    report replaces the first one.
    """
    _check(reason, kind)
    rate_limits.require("report", user_id)
    with message_transaction(message_id, user_id) as (tx, message):
        require_not_deleted(message)
        tx.require("report" in KINDS[message.kind].actions)
        tx.require(message.sender_id != user_id)
        # The lock on the conversation prevents two cases from concurrent reports.
        case = ReportCase.objects.filter(message=message, settled_at=None).first()
        if case is None:
            case = ReportCase.objects.create(
                user_id=message.sender_id, message=message, created_at=tx.now, context=_copy_context(message)
            )
        _add_report(case, user_id, reason, kind, message.body)


def report_user(user_id: int, reported_id: int, reason: str = "", kind: str = ReportKind.OTHER) -> None:
    """Reports a person to the moderators. Raises `not_found` for a person whom the user cannot see."""
    _check(reason, kind)
    rate_limits.require("report", user_id)
    if reported_id == user_id:
        raise forbidden()
    with write_transaction():
        # The lock on the reported user prevents two cases from concurrent reports.
        user = User.objects.select_for_update(no_key=True).filter(pk=reported_id, deleted_at=None).first()
        if user is None or not _can_see(user_id, reported_id):
            raise not_found()
        case = ReportCase.objects.filter(user=user, message=None, settled_at=None).first()
        if case is None:
            case = ReportCase.objects.create(user=user, created_at=timezone.now())
        _add_report(case, user_id, reason, kind, "")


def flag_message(message_id: int, words: str) -> None:
    """Adds a message in which a word list has found words to the queue of the moderators."""
    with moderation_transaction(message_id) as (tx, message):
        if message.deleted_at or ReportCase.objects.filter(message=message, settled_at=None).exists():
            return
        ReportCase.objects.create(
            user_id=message.sender_id,
            message=message,
            gravity=FLAG_GRAVITY,
            note=words[:200],
            created_at=tx.now,
            context=_copy_context(message),
        )


def _check(reason: str, kind: str) -> None:
    check_storable(reason, REASON_LIMIT, "reason")
    if kind not in ReportKind.values:
        raise invalid(kind="Not a kind of report.")


def _can_see(user_id: int, other_id: int) -> bool:
    return (
        contact_lists.find_relationship(user_id, other_id) is not None
        or other_id in privacy.discoverable_users(user_id, [other_id])
        or other_id in filter_users_sharing_conversations(user_id, [other_id])
    )


def _add_report(case: ReportCase, user_id: int, reason: str, kind: str, body: str) -> None:
    values = {"reason": reason, "kind": kind, "body": body, "created_at": timezone.now()}
    Report.objects.update_or_create(case=case, reporter_id=user_id, defaults=values)
    kinds = list(case.reports.values_list("kind", flat=True))
    gravities = [GRAVITY_BY_KIND[ReportKind(kind)] for kind in kinds]
    case.report_count, case.gravity = len(kinds), max([*gravities, FLAG_GRAVITY if case.note else Gravity.LOW])
    case.save(update_fields=["report_count", "gravity"])


def _copy_context(message: Message) -> list[dict[str, Any]]:
    """Returns a copy of the message and of those before and after it. Deleted messages have no text."""
    rows = Message.objects.filter(conversation=message.conversation_id, kind=Message.Kind.TEXT)
    before = rows.filter(seq__lt=message.seq).order_by("-seq")[:CONTEXT_MESSAGES]
    after = rows.filter(seq__gt=message.seq).order_by("seq")[:CONTEXT_MESSAGES]
    return [
        {
            "id": row.pk,
            "sender_id": row.sender_id,
            "at": format_timestamp(row.created_at),
            "body": "" if row.deleted_at else row.body,
            "files": [] if row.deleted_at else [file["name"] for file in row.files],
        }
        for row in [*reversed(before), message, *after]
    ]


# ── Decisions ────────────────────────────────────────────────────────────────────────────────────────────────────
def settle_case(moderator_id: int, case_id: int, reason: str = "", outcome: str = ReportCase.Outcome.DISMISSED) -> None:
    """Closes a case, and tells those who have reported what came of it. Does nothing if the case is closed already."""
    with write_transaction():
        case = _lock_case(moderator_id, case_id)
        if case.settled_at is not None:
            return
        case.settled_at, case.settled_by_id, case.outcome = timezone.now(), moderator_id, outcome
        case.save(update_fields=["settled_at", "settled_by", "outcome"])
        _record("report.settle", case, moderator_id, reason, after={"outcome": outcome})
        kind = Notice.Kind.REPORT_ACTED if outcome == ReportCase.Outcome.ACTED else Notice.Kind.REPORT_DISMISSED
        for reporter_id in case.reports.order_by("reporter_id").values_list("reporter_id", flat=True):
            account_actions.add_notice(reporter_id, kind)


def reopen_case(moderator_id: int, case_id: int, reason: str = "") -> None:
    """Opens a closed case again. Does nothing if it is open, or if a newer case of the same message or person is."""
    with write_transaction():
        case = _lock_case(moderator_id, case_id)
        same = ReportCase.objects.filter(user=case.user_id, message=case.message_id, settled_at=None)
        if case.settled_at is None or same.exists():
            return
        before = {"outcome": case.outcome}
        case.settled_at, case.settled_by_id, case.outcome = None, None, ""
        case.save(update_fields=["settled_at", "settled_by", "outcome"])
        _record("report.reopen", case, moderator_id, reason, before=before)


def _lock_case(moderator_id: int, case_id: int) -> ReportCase:
    """Locks and returns a case about which the moderator may decide.

    Locks the reported user and the reporters first, who get notices, in the order of their ids.
    """
    user_id = ReportCase.objects.filter(pk=case_id).values_list("user_id", flat=True).first() or 0
    reporter_ids = Report.objects.filter(case=case_id).values_list("reporter_id", flat=True)
    users = User.objects.select_for_update(no_key=True).filter(pk__in=[user_id, *reporter_ids])
    list(users.order_by("pk").values_list("pk"))
    account_actions.get_moderated_user(user_id, moderator_id, "chat.change_reportcase")
    cases = ReportCase.objects.select_for_update(no_key=True, of=("self",)).select_related("message")
    return cases.get(pk=case_id)


def _record(action: str, case: ReportCase, moderator_id: int, reason: str, **values: dict[str, Any]) -> None:
    conversation_id = case.message.conversation_id if case.message else None
    audit.record(action, moderator_id, case, conversation_id=conversation_id, reason=reason, **values)
