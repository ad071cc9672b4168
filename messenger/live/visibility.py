"""Defines which other users a user may see. Blocks hide users; presence and receipts may be for contacts only.

Presence means whether a user is online, receipts say what a user has read. The visibility of a user is read from the
database once and stored in all connections of the user. So sending an event to a whole conversation needs no query.
This module only compares user ids; `accounts.selectors.privacy` reads the rules from the database.
"""

from __future__ import annotations

import msgspec

NO_USERS: frozenset[int] = frozenset()


class Visibility(msgspec.Struct, frozen=True):
    """The rules about which other users a user may see.

    `blocked` contains the users whom the user has blocked or who have blocked the user. `presence` contains the users
    to whom the user shows presence, and `receipts` those to whom the user shows receipts; None means everybody. The
    rule is mutual: the user sees presence and receipts only of users to whom the user shows the same.
    """

    blocked: frozenset[int] = NO_USERS
    presence: frozenset[int] | None = None
    receipts: frozenset[int] | None = None

    def allows(self, user_id: int, topic: str) -> bool:
        """Returns whether the user whose rules these are may receive events about the user `user_id` on this topic.

        The topic is, for example, `presence` or `receipts`.
        """
        if user_id in self.blocked:
            return False
        shown_to = self.presence if topic == "presence" else self.receipts if topic == "receipts" else None
        return shown_to is None or user_id in shown_to


UNRESTRICTED = Visibility()  # most users have no blocks and show everything to everybody


def can_see(visibility_by_user: dict[int, Visibility], viewer_id: int, subject_id: int, topic: str) -> bool:
    """Returns whether the user `viewer_id` sees something (`topic`, such as "presence") of the user `subject_id`.

    The viewer sees it only if each of the two users shows it to the other. Users without an entry in
    `visibility_by_user` are not restricted.
    """
    viewer = visibility_by_user.get(viewer_id, UNRESTRICTED)
    subject = visibility_by_user.get(subject_id, UNRESTRICTED)
    return viewer.allows(subject_id, topic) and subject.allows(viewer_id, topic)
