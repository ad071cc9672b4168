"""Checks whether a user may write to the other user in a direct conversation: blocks and privacy settings.

The privacy setting `write_to_me` restricts only who may start a conversation: if user A has written to user B, then B
can always answer A. If the user may not write, the error does not tell whether the reason is a block by the other user,
this setting or a suspended account.
"""

from __future__ import annotations

from accounts.selectors import privacy
from chat.models import Conversation, Membership
from messenger.core import bulk_sql
from messenger.core.errors import ApplicationError

# The pair status of a membership: whether its user may write to the other user of a direct conversation. BLOCKED: this
# user has blocked the other user. CLOSED: the other user does not allow it. In groups the status is always OPEN.
OPEN, BLOCKED, CLOSED = "open", "blocked", "closed"

# Joins for a query over a membership `m` of a user `u`. PAIR_STATUS_SQL is an expression for queries with these joins.
PAIR_JOINS_SQL = (
    " LEFT JOIN chat_conversation pair ON pair.id = m.conversation_id AND pair.kind = 'direct'"
    " LEFT JOIN chat_membership o ON o.conversation_id = pair.id AND o.user_id <> m.user_id"
    " LEFT JOIN accounts_user p ON p.id = o.user_id"
    " LEFT JOIN accounts_relationship mine ON mine.user_id = u.id AND mine.person_id = p.id"
    " LEFT JOIN accounts_relationship theirs ON theirs.user_id = p.id AND theirs.person_id = u.id"
)
PAIR_STATUS_SQL = (
    "CASE WHEN p.id IS NULL THEN 'open' WHEN mine.blocked_at IS NOT NULL THEN 'blocked'"
    " WHEN theirs.blocked_at IS NOT NULL OR NOT p.is_active THEN 'closed'"
    " WHEN p.write_to_me = 'everyone' OR o.sent_seq > 0 THEN 'open'"
    " WHEN p.write_to_me = 'contacts' AND theirs.state = 'contact' THEN 'open' ELSE 'closed' END"
)
# Condition: `u` has blocked somebody or is blocked by somebody. Only then a further query loads the other users.
HAS_BLOCKS_SQL = (
    "EXISTS (SELECT 1 FROM accounts_relationship b"
    " WHERE b.blocked_at IS NOT NULL AND (b.user_id = u.id OR b.person_id = u.id))"
)


def pair_status_error(pair_status: str) -> ApplicationError | None:
    if pair_status == BLOCKED:
        return privacy.blocked_error()
    return privacy.not_allowed_error("write_to_me") if pair_status == CLOSED else None


def require_open_pair(membership: Membership) -> None:
    """Raises `ApplicationError` if a user may not write to the other user of a direct conversation.

    `membership` is the membership of the user. Call this before an edit, a reaction or a pin, because the other user
    sees these like a message. For a group it does nothing and makes no query.
    """
    if membership.conversation.kind == Conversation.Kind.DIRECT and (
        error := pair_status_error(get_pair_status(membership.pk))
    ):
        raise error


def get_pair_status(membership_id: int) -> str:
    rows = bulk_sql.fetch_all(
        f"SELECT {PAIR_STATUS_SQL} FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id{PAIR_JOINS_SQL}"
        " WHERE m.id = %s",
        [membership_id],
    )
    return rows[0][0] if rows else OPEN
