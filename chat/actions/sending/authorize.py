"""Checks whether messages may be sent: membership, blocks, privacy settings, content and rate limit."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.schemas import UserSchema, user_avatar_url
from chat.actions import direct_rules
from chat.actions.sending.locking import ARCHIVED_UNMUTED_SQL
from chat.actions.sending.types import PendingSend, SenderMembership, list_undecided
from chat.actions.validation import body_error
from chat.payloads import SendPayload
from messenger.core import bulk_sql, rate_limits
from messenger.core.errors import ApplicationError, invalid, not_found, rate_limited


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
        elif error := direct_rules.pair_status_error(membership.pair_status) or _content_error(payload):
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
    rows = bulk_sql.fetch_all(
        "SELECT m.conversation_id, m.id, m.role, m.read_seq, u.id, u.username, u.name, u.avatar,"
        " u.show_receipts <> 'nobody' AND m.receipts, u.is_active, m.left_at IS NOT NULL, m.added_by_id IS NOT NULL,"
        f" {direct_rules.PAIR_STATUS_SQL}, {direct_rules.HAS_BLOCKS_SQL}"
        f" FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id{direct_rules.PAIR_JOINS_SQL}"
        f" WHERE {conditions}"
        f" ORDER BY m.id{bulk_sql.for_update_clause('m')}",
        [*(number for key in keys for number in key), *archived_ids, *new_pair_ids],
    )
    memberships = {}
    for (
        conversation_id, pk, role, read_seq, user_id, username, name, avatar, shows_receipts, is_active, is_unopened,
        is_new, pair_status, has_blocks,
    ) in rows:  # fmt: skip
        if is_unopened:
            conversations[conversation_id].has_unopened_member = True
            continue
        user = UserSchema(user_id, username, name or username, user_avatar_url(user_id, avatar))
        memberships[conversation_id, user_id] = SenderMembership(
            pk,
            role,
            read_seq,
            user,
            bool(shows_receipts),
            bool(is_active),
            pair_status,
            bool(has_blocks),
            had_unread=bool(is_new),
        )
    return memberships


def _content_error(payload: SendPayload) -> ApplicationError | None:
    if payload.forward_id is None:
        return body_error(payload.body, may_be_blank=bool(payload.attachment_ids))
    if payload.body or payload.attachment_ids:
        return invalid(body=_("A forwarded message can’t have text added to it."))
    return None


def apply_rate_limit(sends: list[PendingSend]) -> list[PendingSend]:
    """Returns those messages in `sends` that the rate limit allows, and sets the error of the others.

    WebSocket, API and pages share one limit per user. This must be the last check, so that a command that is rejected
    for another reason does not count.
    """
    waits = rate_limits.acquire_many(rate_limits.buckets("send", [send.user_id for send in sends]))
    for send, wait in zip(sends, waits, strict=True):
        if wait:
            send.outcome = rate_limited(wait)
    return list_undecided(sends)
