"""Sends the push messages that are due, many at a time, and handles what the push services answer."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from accounts.auth import sign_ins
from accounts.models import User
from messenger.core.database import write_transaction
from notifications import pending_pushes
from notifications.models import PendingPush, PushSubscription
from notifications.push import content, transport, vapid
from notifications.push.content import ConversationState
from notifications.push.transport import Response, Result

log = logging.getLogger(__name__)

THREADS = 16
RUN_SECONDS = 80  # after this time a task ends, and the next one goes on
RETRY_DELAYS = (10, 30, 120, 600, 1800, 3600, 3600, 7200, 14400)  # seconds; afterwards the push message is given up
SHOW_TTL, CLEAR_TTL = 24 * 3600, 3600  # seconds that a push service keeps a message
# Safari ends a subscription after a few push messages that show nothing.
NO_SILENT_PUSHES = (".push.apple.com",)


def send_due_pushes() -> int:
    """Sends all push messages that are due. Returns how many a push service has accepted."""
    if not vapid.private_key():
        return 0
    count, started = 0, time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool, transport.create_session() as session:
        while time.monotonic() - started < RUN_SECONDS and (rows := pending_pushes.claim()):
            count += _send_batch(rows, pool, session)
    return count


def _send_batch(rows: list[PendingPush], pool: ThreadPoolExecutor, session: transport.requests.Session) -> int:
    states = _build_states(rows)
    to_send = [row for row in rows if _is_sendable(row) and _must_send(row, states[_key(row)])]
    responses: dict[int, Response] = {}
    for row, response in zip(
        to_send, pool.map(lambda row: _send(row, states[_key(row)], session), to_send), strict=True
    ):
        responses[row.pk] = response
    with write_transaction():
        sent_keys = {_key(row) for row in to_send if responses[row.pk].result == Result.SENT}
        content.store([state for key, state in states.items() if key in sent_keys or not state.shown], timezone.now())
        for row in rows:
            _store_response(row, responses.get(row.pk))
    return sum(response.result == Result.SENT for response in responses.values())


def _build_states(rows: list[PendingPush]) -> dict[tuple[int, int], ConversationState]:
    """Returns the states by (user id, conversation id). Each conversation is read once for all its users."""
    users: dict[int, dict[int, User]] = {}  # by conversation id and user id
    for row in rows:
        users.setdefault(row.conversation_id, {})[row.subscription.user_id] = row.subscription.user
    return {
        (user_id, conversation_id): state
        for conversation_id, members in users.items()
        for user_id, state in content.build_states(list(members.values()), conversation_id).items()
    }


def _key(row: PendingPush) -> tuple[int, int]:
    return row.subscription.user_id, row.conversation_id


def _is_sendable(row: PendingPush) -> bool:
    return sign_ins.is_active(row.subscription.sign_in, row.subscription.user)


def _must_send(row: PendingPush, state: ConversationState) -> bool:
    if state.shown:
        return True
    host = urlsplit(row.subscription.endpoint).hostname or ""
    return state.was_shown and not host.endswith(NO_SILENT_PUSHES)


def _send(row: PendingPush, state: ConversationState, session: transport.requests.Session) -> Response:
    is_shown = bool(state.shown)
    return transport.send(
        session,
        row.subscription,
        content.encode(state.push),
        topic=content.topic_of(row.conversation_id),
        ttl=SHOW_TTL if is_shown else CLEAR_TTL,
        is_urgent=is_shown,
    )


def _store_response(row: PendingPush, response: Response | None) -> None:
    if response is None or response.result == Result.REJECTED:
        pending_pushes.finish(row)
    elif response.result == Result.SENT:
        PushSubscription.objects.filter(pk=row.subscription_id).update(last_success_at=timezone.now(), last_error="")
        pending_pushes.finish(row)
    elif response.result == Result.GONE:
        pending_pushes.remove_subscription(row.subscription)
    elif row.attempts > len(RETRY_DELAYS) or timezone.now() - row.created_at > timedelta(days=2):
        pending_pushes.finish(row)
    else:
        pending_pushes.retry(row, max(RETRY_DELAYS[row.attempts - 1], min(response.retry_after, 3600.0)))
    if response is not None and response.error and response.result != Result.GONE:
        PushSubscription.objects.filter(pk=row.subscription_id).update(last_error=response.error[:100])


def send_test(subscription: PushSubscription) -> Response:
    """Sends a push message that tests one browser, at once."""
    if not vapid.private_key():
        return Response(Result.FAILED, "no key")
    with transport.create_session() as session:
        data = content.encode(content.build_test(subscription.user))
        response = transport.send(session, subscription, data, topic="test", ttl=60)
    if response.result == Result.GONE:
        pending_pushes.remove_subscription(subscription)
    return response
