"""Per-user visibility: blocked users, and presence and receipts limited to contacts.

It is read from the database once for a user's connections and kept on them, so that sending an event to a whole
conversation needs no query. This package only compares ids; `accounts.selectors.privacy` fills them in.
"""

from __future__ import annotations

import msgspec

NO_USERS: frozenset[int] = frozenset()


class Visibility(msgspec.Struct, frozen=True):
    """What a user may see of other users.

    `blocked`: users with whom there is a block, in either direction. `presence` and `receipts`: the users to whom this
    user shows them. Showing is mutual, so these are also the users whose presence and receipts this user sees. None
    means everybody.
    """

    blocked: frozenset[int] = NO_USERS
    presence: frozenset[int] | None = None
    receipts: frozenset[int] | None = None

    def allows(self, user_id: int, topic: str) -> bool:
        """Return whether events about that user on that topic ("presence", "receipts" …) may be delivered."""
        if user_id in self.blocked:
            return False
        shown_to = self.presence if topic == "presence" else self.receipts if topic == "receipts" else None
        return shown_to is None or user_id in shown_to


UNRESTRICTED = Visibility()  # of most users: no blocks, everything shown to everybody


def can_see(visibility_by_user: dict[int, Visibility], viewer_id: int, subject_id: int, topic: str) -> bool:
    """Return whether one user sees this of another: each must show it to the other.

    Users without an entry in `visibility_by_user` are unrestricted.
    """
    viewer = visibility_by_user.get(viewer_id, UNRESTRICTED)
    subject = visibility_by_user.get(subject_id, UNRESTRICTED)
    return viewer.allows(subject_id, topic) and subject.allows(viewer_id, topic)
