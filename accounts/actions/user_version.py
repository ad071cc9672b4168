"""The one counter of a person: every durable change of what is theirs takes the next number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from accounts.models import User
from messenger.core import bulk_sql


def next_me_versions(user_ids: Iterable[int]) -> dict[int, list[int]]:
    """New numbers for these people, one for each time an id is given. Inside a transaction.

    The rows are locked in the order of their ids, after those of conversations and memberships, so that no two
    transactions wait for each other.
    """
    wanted = Counter(user_ids)
    if not wanted:
        return {}
    known = bulk_sql.fetch(
        f"SELECT id, me_version FROM accounts_user WHERE id IN {bulk_sql.placeholders(1, len(wanted))}"
        f" ORDER BY id{bulk_sql.lock_rows()}",
        wanted,
    )
    bulk_sql.update_rows(User, ("id", "me_version"), [(pk, last + wanted[pk]) for pk, last in known])
    return {pk: list(range(last + 1, last + 1 + wanted[pk])) for pk, last in known}
