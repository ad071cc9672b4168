"""The kinds of message, as one table: what the application does with a message of each kind.

Code that treats the kinds differently reads this table instead of comparing `Message.kind`. The page hands the part
that scripts need to them (`client_kinds`).
"""

from __future__ import annotations

from dataclasses import dataclass

from chat.models import Message


@dataclass(frozen=True, slots=True)
class MessageKind:
    """What the application does with messages of one kind."""

    # What users may do with a message, if the rules of chat.permissions allow it. The names are the same as there.
    actions: frozenset[str] = frozenset()


KINDS: dict[str, MessageKind] = {
    Message.Kind.TEXT: MessageKind(
        actions=frozenset(
            (
                *("reply", "react", "edit", "forward", "copy", "link", "unread", "pin"),
                *("details", "revisions", "report", "delete", "hide"),
            )
        ),
    ),
    Message.Kind.SYSTEM: MessageKind(),
}


def client_kinds() -> dict[str, str]:
    """Returns what users may do with each kind of message, as names separated by spaces, for scripts."""
    return {str(name): " ".join(sorted(kind.actions)) for name, kind in KINDS.items()}
