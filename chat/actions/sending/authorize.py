"""Checks whether messages may be sent: membership, blocks, privacy settings, content and rate limit."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from itertools import chain

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import actions as account_actions
from accounts.schemas import build_user_schema
from accounts.selectors.mutes import group_mute_error, mute_error
from chat.actions import direct_rules
from chat.actions.sending.locking import ARCHIVED_UNMUTED_SQL
from chat.actions.sending.types import PendingSend, SenderMembership, list_undecided
from chat.actions.validation import body_error
from chat.models import Role
from chat.payloads import SendPayload
from messenger.core import bulk_sql, rate_limits
from messenger.core.errors import ApplicationError, format_lazily, invalid, not_found, rate_limited

LINK_PATTERN = re.compile(r"https?://|\bwww\.", re.IGNORECASE)

# The time of the newest message of the member `m`.
_SENT_AT_SQL = (
    "(SELECT created_at FROM chat_message s WHERE s.conversation_id = m.conversation_id AND s.seq = m.sent_seq)"
)


def load_senders(sends: list[PendingSend]) -> list[PendingSend]:
    """Checks membership, blocks and content of messages to send, and returns those `sends` that are allowed.

    Sets the error of each message that is not allowed; it is `not_found` if the sender is not a member. Also locks the
    memberships of the senders and sets `membership` of each allowed message.
    """
    memberships = _lock_memberships(sends)
    for send in sends:
        payload = send.payload
        membership = memberships.get((payload.conversation_id, send.user_id))
        if membership is None or not membership.is_active:
            send.outcome = not_found()
            continue
        # Every message of the site comes here, so functions are called only where they may find an error.
        is_restricted = (
            membership.pair_status != direct_rules.OPEN or membership.muted_until or membership.group_muted_until
        )
        error = (
            (_restriction_error(membership) if is_restricted else None)
            or _content_error(payload)
            or (_link_error(payload, membership) if LINK_PATTERN.search(payload.body) else None)
        )
        if error:
            send.outcome = error
        else:
            send.membership = membership
    return list_undecided(sends)


def _lock_memberships(sends: list[PendingSend]) -> dict[tuple[int, int], SenderMembership]:
    """Locks the memberships of the senders and returns them by (conversation id, user id). One query.

    The query also locks memberships that the new messages change: of members who have archived the conversation (it is
    unarchived), and of the second user of a direct conversation that gets its first message. The locks are taken in the
    order of the ids, so that two transactions never wait for each other.
    """
    keys = {(send.payload.conversation_id, send.user_id) for send in sends}
    if not keys:
        return {}
    conversations = {send.conversation.id: send.conversation for send in sends if send.conversation}
    archived_ids = [pk for pk, conversation in conversations.items() if conversation.has_archived_members]
    new_pair_ids = [pk for pk, conversation in conversations.items() if conversation.is_new_pair]
    keys_sql = bulk_sql.placeholders(len(keys), 2)
    conditions = f"(m.left_at IS NULL AND (m.conversation_id, m.user_id) IN (VALUES {keys_sql}))"
    if archived_ids:
        conditions += (
            f" OR (m.conversation_id IN {bulk_sql.placeholders(1, len(archived_ids))} AND {ARCHIVED_UNMUTED_SQL})"
        )
    if new_pair_ids:
        conditions += (
            f" OR (m.conversation_id IN {bulk_sql.placeholders(1, len(new_pair_ids))} AND m.left_at IS NOT NULL)"
        )
    slow_mode = any(conversation.slow_mode for conversation in conversations.values())
    hours = settings.NEW_ACCOUNT_HOURS
    new_since = bulk_sql.adapt_datetime(timezone.now() - timedelta(hours=hours)) if hours else None
    rows = bulk_sql.fetch_all(
        "SELECT m.conversation_id, m.id, m.role, m.read_seq, m.read_count, u.id, u.username, u.name, u.avatar,"
        " u.show_receipts <> 'nobody' AND m.receipts, u.is_active, u.muted_until, m.muted_until,"
        " u.date_joined > %s, m.left_at IS NOT NULL,"
        f" m.added_by_id IS NOT NULL, {_SENT_AT_SQL if slow_mode else 'NULL'},"
        f" {direct_rules.PAIR_STATUS_SQL}, {direct_rules.HAS_BLOCKS_SQL}"
        f" FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id{direct_rules.PAIR_JOINS_SQL}"
        f" WHERE {conditions}"
        f" ORDER BY m.id{bulk_sql.for_update_clause('m')}",
        [new_since, *chain.from_iterable(keys), *archived_ids, *new_pair_ids],
    )
    memberships = {}
    for (
        conversation_id, pk, role, read_seq, read_count, user_id, username, name, avatar, shows_receipts, is_active,
        muted_until, group_muted_until, is_new_account, is_unopened, is_new, sent_at, pair_status, has_blocks,
    ) in rows:  # fmt: skip
        if is_unopened:
            conversations[conversation_id].has_unopened_member = True
            continue
        user = build_user_schema(user_id, username, name, avatar)
        memberships[conversation_id, user_id] = SenderMembership(
            pk,
            role,
            read_seq,
            read_count,
            user,
            bool(shows_receipts),
            bool(is_active),
            bulk_sql.read_datetime(muted_until) if muted_until else None,
            bulk_sql.read_datetime(group_muted_until) if group_muted_until else None,
            bool(is_new_account),  # NULL if accounts are not restricted at first
            bulk_sql.read_datetime(sent_at) if sent_at else None,
            pair_status,
            bool(has_blocks),
            had_unread=bool(is_new),
        )
    return memberships


def _restriction_error(membership: SenderMembership) -> ApplicationError | None:
    return (
        direct_rules.pair_status_error(membership.pair_status)
        or mute_error(membership.muted_until)
        or group_mute_error(membership.group_muted_until)
    )


def _content_error(payload: SendPayload) -> ApplicationError | None:
    if payload.forward_id is None:
        return body_error(payload.body, may_be_blank=bool(payload.attachment_ids))
    if payload.body or payload.attachment_ids:
        return invalid(body=_("A forwarded message can’t have text added to it."))
    return None


def _link_error(payload: SendPayload, membership: SenderMembership) -> ApplicationError | None:
    """Returns the error for a message with too many links. New accounts may write fewer."""
    limit = settings.LINKS_OF_NEW_ACCOUNTS if membership.is_new_account else settings.LINKS_PER_MESSAGE
    if len(LINK_PATTERN.findall(payload.body)) <= limit:
        return None
    return invalid(body=format_lazily(_("At most %(limit)s links in one message."), {"limit": limit}))


def apply_slow_mode(sends: list[PendingSend]) -> list[PendingSend]:
    """Returns those messages in `sends` that the slow mode of their groups allows, and sets the error of the others."""
    now = timezone.now()
    for send in sends:
        membership, seconds = send.membership, send.conversation.slow_mode
        if not seconds or membership.role != Role.MEMBER:
            continue
        if membership.sent_at and (wait := seconds - (now - membership.sent_at).total_seconds()) > 0:
            send.outcome = rate_limited(wait)
        else:
            membership.sent_at = now  # for further messages in this batch
    return list_undecided(sends)


def apply_rate_limit(sends: list[PendingSend]) -> list[PendingSend]:
    """Returns those messages in `sends` that the rate limit allows, and sets the error of the others.

    WebSocket, API and pages share one limit per user. This must be the last check, so that a command that is rejected
    for another reason does not count.
    """
    by_account: dict[bool, list[PendingSend]] = {False: [], True: []}
    for send in sends:
        by_account[send.membership.is_new_account].append(send)
    buckets = [
        *rate_limits.buckets("send", [send.user_id for send in by_account[False]]),
        *rate_limits.buckets("send.new", [send.user_id for send in by_account[True]]),
    ]
    refused_ids = []
    for send, wait in zip(by_account[False] + by_account[True], rate_limits.acquire_many(buckets), strict=True):
        if wait:
            send.outcome = rate_limited(wait)
            refused_ids.append(send.user_id)
    if refused_ids:
        transaction.on_commit(partial(account_actions.record_refused_sends, refused_ids), robust=True)
    return list_undecided(sends)
