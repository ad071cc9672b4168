"""Whether two users may write to each other in their direct conversation, by blocks and privacy settings.

The status is part of the query that each send makes anyway. The setting `write_to_me` is about starting a
conversation: a user who has written may be answered, whatever the setting. A block by the other user, the setting and
a suspended account give the same error, so that the sender cannot tell them apart.
"""

from __future__ import annotations

from accounts.selectors import privacy
from chat.models import Conversation, Membership
from messenger.core import bulk_sql
from messenger.core.errors import ApplicationError

# The pair status of a membership. BLOCKED: this user has blocked the other; CLOSED: the other does not allow it.
OPEN, BLOCKED, CLOSED = "open", "blocked", "closed"

# Joins for a query over a membership `m` of a user `u`. PAIR_STATUS_SQL is an expression over them; in groups: OPEN.
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
# Whether `u` has blocked anybody or is blocked by anybody. Only then a further query asks by whom.
HAS_BLOCKS_SQL = (
    "EXISTS (SELECT 1 FROM accounts_relationship b"
    " WHERE b.blocked_at IS NOT NULL AND (b.user_id = u.id OR b.person_id = u.id))"
)


def pair_status_error(pair_status: str) -> ApplicationError | None:
    if pair_status == BLOCKED:
        return privacy.blocked_error()
    return privacy.not_allowed_error("write_to_me") if pair_status == CLOSED else None


def require_open_pair(membership: Membership) -> None:
    """Raises unless the user may write here. For edits, reactions and pins, which the other user sees as well.

    Makes no query for a group.
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
