"""What somebody is not to hear of others: people between whom there is a block, and what is shown to few.

Read once for a connection's person and kept on it, so that telling a room asks nobody. The wire only compares
numbers; what they mean is the apps' business (accounts.selectors.privacy).
"""

from __future__ import annotations

import msgspec

NOBODY: frozenset[int] = frozenset()


class Visibility(msgspec.Struct, frozen=True):
    """`blocked`: between whom and this person there is a block, either way. The others are whom this person shows
    their presence and their receipts to, and so sees them of; None: everybody."""

    blocked: frozenset[int] = NOBODY
    presence: frozenset[int] | None = None
    receipts: frozenset[int] | None = None

    def hear(self, about: int, matter: str) -> bool:
        if about in self.blocked:
            return False
        shown_to = self.presence if matter == "presence" else self.receipts if matter == "receipts" else None
        return shown_to is None or about in shown_to


OPEN = Visibility()  # nearly everybody's


def can_see(ears: dict[int, Visibility], viewer: int, subject: int, matter: str) -> bool:
    """Whether one person sees this of another: each has to show it to the other. `ears` leaves out who is open."""
    return ears.get(viewer, OPEN).hear(subject, matter) and ears.get(subject, OPEN).hear(viewer, matter)
