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
    # The sender has written it: it counts as unread and as activity of the conversation, is found by the search, is
    # exported with the sender's data and erased with the account.
    is_written: bool = False
    # It is shown together with the sender's messages before and after it, under one name and picture.
    is_grouped: bool = False
    # Draws it in the log.
    template: str = "chat/message/_system_message.html"


KINDS: dict[str, MessageKind] = {
    Message.Kind.TEXT: MessageKind(
        actions=frozenset(
            (
                *("reply", "react", "edit", "forward", "copy", "link", "unread", "pin"),
                *("details", "revisions", "report", "delete", "hide"),
            )
        ),
        is_written=True,
        is_grouped=True,
        template="chat/message/_message.html",
    ),
    Message.Kind.SYSTEM: MessageKind(),
}


WRITTEN_KINDS = [name for name, kind in KINDS.items() if kind.is_written]


def client_kinds() -> dict[str, str]:
    """Returns for scripts, by kind of message, `written` (if it is) and the names of its actions."""
    return {
        str(name): " ".join([*(["written"] if kind.is_written else []), *sorted(kind.actions)])
        for name, kind in KINDS.items()
    }
