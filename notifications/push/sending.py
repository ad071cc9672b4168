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
from notifications.push.content import PushState
from notifications.push.sources import get_push_source
from notifications.push.transport import Response, Result

log = logging.getLogger(__name__)

Key = tuple[int, int, str, int]  # user, conversation, kind, object

THREADS = 16
RUN_SECONDS = 80  # after this time a task ends, and the next one goes on
RETRY_DELAYS = (10, 30, 120, 600, 1800, 3600, 3600, 7200, 14400)  # seconds; afterwards the push message is given up
CLEAR_TTL = 3600  # seconds that a push service keeps a message that removes a notification
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
        sent = [row for row in to_send if responses[row.pk].result == Result.SENT]
        sent_keys = {_key(row) for row in sent}
        _store_states({key: state for key, state in states.items() if key in sent_keys or not state.is_shown})
        _store_success(sent)
        pending_pushes.finish(row for row in rows if row.pk not in responses)
        for row in to_send:
            if responses[row.pk].result != Result.SENT:
                _store_failure(row, responses[row.pk])
    return len(sent)


def _build_states(rows: list[PendingPush]) -> dict[Key, PushState]:
    """Returns the states. Each conversation, call and so on is read once for all its users."""
    users: dict[tuple[str, int, int], dict[int, User]] = {}  # by kind, conversation and object; then by user id
    for row in rows:
        of_object = users.setdefault((row.kind, row.conversation_id, row.object_id), {})
        of_object[row.subscription.user_id] = row.subscription.user
    return {
        (user_id, conversation_id, kind, object_id): state
        for (kind, conversation_id, object_id), members in users.items()
        for user_id, state in get_push_source(kind).build(list(members.values()), conversation_id, object_id).items()
    }


def _store_states(states: dict[Key, PushState]) -> None:
    by_object: dict[tuple[str, int], list[PushState]] = {}
    for (_user_id, _conversation_id, kind, object_id), state in states.items():
        by_object.setdefault((kind, object_id), []).append(state)
    for (kind, object_id), states_of_object in by_object.items():
        get_push_source(kind).store(object_id, states_of_object, timezone.now())


def _key(row: PendingPush) -> Key:
    return row.subscription.user_id, row.conversation_id, row.kind, row.object_id


def _is_sendable(row: PendingPush) -> bool:
    return sign_ins.is_active(row.subscription.sign_in, row.subscription.user)


def _must_send(row: PendingPush, state: PushState) -> bool:
    if state.is_shown:
        return True
    host = urlsplit(row.subscription.endpoint).hostname or ""
    return state.was_shown and not host.endswith(NO_SILENT_PUSHES)


def _send(row: PendingPush, state: PushState, session: transport.requests.Session) -> Response:
    return transport.send(
        session,
        row.subscription,
        content.encode(state.push),
        topic=content.topic_of(state.push.tag),
        ttl=state.ttl if state.is_shown else CLEAR_TTL,
        is_urgent=state.is_shown,
    )


def _store_success(rows: list[PendingPush]) -> None:
    subscriptions = PushSubscription.objects.filter(pk__in={row.subscription_id for row in rows})
    subscriptions.update(last_success_at=timezone.now(), last_error="")
    pending_pushes.finish(rows)


def _store_failure(row: PendingPush, response: Response) -> None:
    if response.result == Result.GONE:
        pending_pushes.remove_subscription(row.subscription)
        return
    is_given_up = row.attempts > len(RETRY_DELAYS) or timezone.now() - row.created_at > timedelta(days=2)
    if response.result == Result.REJECTED or is_given_up:
        pending_pushes.finish([row])
    else:
        pending_pushes.retry(row, max(RETRY_DELAYS[row.attempts - 1], min(response.retry_after, 3600.0)))
    if response.error:
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
