"""Remembers which browsers do not show the current state of a conversation yet, and claims them for sending."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from messenger.core.database import write_transaction
from notifications import subscriptions
from notifications.decisions import Outcome, Reason
from notifications.models import Notification, PendingPush, PushSubscription

CLAIM_SECONDS = 120  # for this long one worker process sends; then another one may
BATCH_SIZE = 100


MESSAGES = "messages"  # the kind of the push messages about the messages of a conversation


def add(keys: Iterable[tuple[int, int]], kind: str = MESSAGES, object_id: int = 0) -> bool:
    """Makes the browsers of users show the current state of a conversation. `keys`: (user id, conversation id).

    `kind` and `object_id` name something else of the conversation, such as a call (notifications/push/sources.py).

    Belongs to the current transaction. What each browser is to show is computed when it is sent. Returns whether there
    is such a browser; then the caller enqueues the task `send_pushes`.
    """
    conversation_ids: dict[int, list[int]] = {}
    for user_id, conversation_id in keys:
        conversation_ids.setdefault(user_id, []).append(conversation_id)
    if not conversation_ids:
        return False
    now = timezone.now()
    rows = [
        PendingPush(
            subscription_id=pk,
            conversation_id=conversation_id,
            kind=kind,
            object_id=object_id,
            due_at=now,
            created_at=now,
        )
        for pk, user_id in subscriptions.list_active(conversation_ids).values_list("pk", "user_id")
        for conversation_id in conversation_ids[user_id]
    ]
    if not rows:
        return False
    rows.sort(key=lambda row: (row.subscription_id, row.conversation_id))
    PendingPush.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    # Rows that existed already: their browser needs one more push message, also if one is being sent now.
    ids = {row.subscription_id for row in rows}, {row.conversation_id for row in rows}
    existing = PendingPush.objects.filter(
        subscription__in=ids[0], conversation__in=ids[1], kind=kind, object_id=object_id
    )
    existing.order_by().update(revision=F("revision") + 1, due_at=now, attempts=0)
    return True


def claim() -> list[PendingPush]:
    """Returns up to BATCH_SIZE due rows, which no other worker process gets for CLAIM_SECONDS."""
    now = timezone.now()
    with write_transaction():
        due = PendingPush.objects.filter(due_at__lte=now).order_by("due_at", "pk").select_for_update(skip_locked=True)
        ids = [row.pk for row in due[:BATCH_SIZE]]
        PendingPush.objects.filter(pk__in=ids).update(
            due_at=now + timedelta(seconds=CLAIM_SECONDS), attempts=F("attempts") + 1
        )
    rows = PendingPush.objects.filter(pk__in=ids).select_related("subscription__user", "subscription__sign_in")
    return list(rows.order_by("pk"))


def finish(rows: Iterable[PendingPush]) -> None:
    """Deletes rows after their browsers were brought up to date, except those with a change in the meantime."""
    pks_by_revision: dict[int, list[int]] = {}
    for row in rows:
        pks_by_revision.setdefault(row.revision, []).append(row.pk)
    for revision, pks in pks_by_revision.items():
        PendingPush.objects.filter(pk__in=pks, revision=revision).delete()


def retry(row: PendingPush, delay: float) -> None:
    PendingPush.objects.filter(pk=row.pk, revision=row.revision).update(
        due_at=timezone.now() + timedelta(seconds=delay)
    )


def remove_subscription(subscription: PushSubscription) -> None:
    """Deletes a subscription that its push service does not know any more, with all that waits for it.

    If it was the last one of its user, messages that were not pushed yet are decided as for a user without a browser.
    """
    user_id = subscription.user_id
    with write_transaction():
        PushSubscription.objects.filter(pk=subscription.pk).delete()
        if subscriptions.list_active([user_id]).exists():
            return
        unsent = Notification.objects.filter(user=user_id, outcome=Outcome.PUSH, pushed_at=None, cleared_at=None)
        unsent.filter(email_due_at__isnull=False).update(outcome=Outcome.EMAIL, reason=Reason.NO_DEVICE)
        unsent.update(outcome=Outcome.BADGE, reason=Reason.NO_DEVICE)
