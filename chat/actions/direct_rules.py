"""Whether two people may write to each other, by their blocks and settings: asked with each send, within its query.

Whoever has written in a pair may be answered in it, whatever they let strangers do: `write_to_me` is about beginning.
Blocked, kept out by a setting, or writing to a suspended account: all are refused in the same words.
"""

from __future__ import annotations

from accounts.selectors import privacy
from chat.models import Conversation, Membership
from messenger.core import bulk_sql
from messenger.core.errors import ApplicationError

OPEN, BLOCKED, CLOSED = "open", "blocked", "closed"

# To be joined to a membership `m` of a person `u`; `standing` is then one of the three above, in groups always open.
JOINS = (
    " LEFT JOIN chat_conversation pair ON pair.id = m.conversation_id AND pair.kind = 'direct'"
    " LEFT JOIN chat_membership o ON o.conversation_id = pair.id AND o.user_id <> m.user_id"
    " LEFT JOIN accounts_user p ON p.id = o.user_id"
    " LEFT JOIN accounts_tie mine ON mine.user_id = u.id AND mine.person_id = p.id"
    " LEFT JOIN accounts_tie theirs ON theirs.user_id = p.id AND theirs.person_id = u.id"
)
STANDING = (
    "CASE WHEN p.id IS NULL THEN 'open' WHEN mine.blocked_at IS NOT NULL THEN 'blocked'"
    " WHEN theirs.blocked_at IS NOT NULL OR NOT p.is_active THEN 'closed'"
    " WHEN p.write_to_me = 'everyone' OR o.sent_seq > 0 THEN 'open'"
    " WHEN p.write_to_me = 'contacts' AND theirs.state = 'contact' THEN 'open' ELSE 'closed' END"
)
# Whether anybody blocks `u` or is blocked by them: then, and only then, it is asked who.
APART = (
    "EXISTS (SELECT 1 FROM accounts_tie b WHERE b.blocked_at IS NOT NULL AND (b.user_id = u.id OR b.person_id = u.id))"
)


def refusal(standing: str) -> ApplicationError | None:
    if standing == BLOCKED:
        return privacy.blocked_refusal()
    return privacy.closed_refusal("write_to_me") if standing == CLOSED else None


def must_be_open(row: Membership) -> None:
    """For what else goes to the other one of a pair: an edit, a reaction, a pin. Asks nothing in groups."""
    if row.conversation.kind == Conversation.Kind.DIRECT and (error := refusal(standing(row.pk))):
        raise error


def standing(membership_id: int) -> str:
    found = bulk_sql.fetch(
        f"SELECT {STANDING} FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id{JOINS} WHERE m.id = %s",
        [membership_id],
    )
    return found[0][0] if found else OPEN
