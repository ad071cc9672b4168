"""The version counter `me_version` of a user. Each stored change of the user's data gets the next number.

The user's data are, for example, the profile and the contacts. By these numbers, the user's devices find out which
changes they have missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from accounts.models import User
from messenger.core import bulk_sql


def allocate_me_versions(user_ids: Iterable[int]) -> dict[int, list[int]]:
    """Increases the counters `me_version` of these users and returns the new numbers, as lists by user id.

    The list of a user has one number for each time that the id occurs in `user_ids`. Must be called in a transaction:
    locks the user rows in the order of their ids. Callers that also lock rows of conversations or memberships must lock
    those rows first. This common order prevents deadlocks.
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
