"""The version counter of a user: each stored change of the user's own state takes the next `me_version`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from accounts.models import User
from messenger.core import bulk_sql


def allocate_me_versions(user_ids: Iterable[int]) -> dict[int, list[int]]:
    """Returns new versions for these users: one for each time an id occurs. Call it inside a transaction.

    It locks the user rows in the order of their ids. Callers lock rows of conversations and memberships before. This
    common order prevents deadlocks.
    """
    counts = Counter(user_ids)
    if not counts:
        return {}
    rows = bulk_sql.fetch_all(
        f"SELECT id, me_version FROM accounts_user WHERE id IN {bulk_sql.placeholders(1, len(counts))}"
        f" ORDER BY id{bulk_sql.for_update_clause()}",
        counts,
    )
    bulk_sql.update_rows(User, ("id", "me_version"), [(pk, version + counts[pk]) for pk, version in rows])
    return {pk: list(range(version + 1, version + 1 + counts[pk])) for pk, version in rows}
