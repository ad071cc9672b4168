"""Visibility: which other users a user may see (blocks, and presence and receipts limited to contacts).

The visibility of a user is read from the database once and stored in all connections of the user. So sending an event
to a whole conversation needs no query. This module only compares ids; `accounts.selectors.privacy` reads them.
"""

from __future__ import annotations

import msgspec

NO_USERS: frozenset[int] = frozenset()


class Visibility(msgspec.Struct, frozen=True):
    """Which other users a user may see.

    `blocked` contains the users whom the user has blocked or who have blocked the user. `presence` and `receipts`
    contain the users to whom this user shows their own presence and receipts; None means everybody. Showing is mutual,
    so this user sees the presence and receipts of the same users only.
    """

    blocked: frozenset[int] = NO_USERS
    presence: frozenset[int] | None = None
    receipts: frozenset[int] | None = None

    def allows(self, user_id: int, topic: str) -> bool:
        """Returns whether this user may receive events about another user on this topic ("presence", "receipts" …)."""
        if user_id in self.blocked:
            return False
        shown_to = self.presence if topic == "presence" else self.receipts if topic == "receipts" else None
        return shown_to is None or user_id in shown_to


UNRESTRICTED = Visibility()  # of most users: no blocks, everything shown to everybody


def can_see(visibility_by_user: dict[int, Visibility], viewer_id: int, subject_id: int, topic: str) -> bool:
    """Returns whether one user sees this topic of another user. Each of the two must show it to the other.

    Users without an entry in `visibility_by_user` are not restricted.
    """
    viewer = visibility_by_user.get(viewer_id, UNRESTRICTED)
    subject = visibility_by_user.get(subject_id, UNRESTRICTED)
    return viewer.allows(subject_id, topic) and subject.allows(viewer_id, topic)
