"""The kinds of message, as one table: what the application does with a message of each kind.

An app above `chat` adds kinds of its own with `register_kind`, in `AppConfig.ready`. Its messages are created with
`ConversationTransaction.add_message_of_kind`. In the browser it registers how they are shown
(static/js/conversation/message/message-kind-views.js).

Code that treats the kinds differently reads this table instead of comparing `Message.kind`. The page hands the part
that scripts need to them (`client_kinds`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chat.models import Message


@dataclass(frozen=True, slots=True)
class MessageKind:
    """What the application does with messages of one kind."""

    # What users may do with a message, if the rules of chat.permissions allow it. The names are the same as there.
    actions: frozenset[str] = frozenset()
    # The sender has written it: it is found by the search, exported with the sender's data and erased with the account.
    is_written: bool = False
    # It counts as unread for all members except its sender.
    is_counted: bool = False
    # It moves its conversation to the top of the list, whose row shows it.
    is_activity: bool = False
    # It is shown together with the sender's messages before and after it, under one name and picture.
    is_grouped: bool = False
    # Draws it in the log.
    template: str = "chat/message/_system_message.html"
    # Describes a message of a kind of another app in a few words, for the list of conversations, the admin and the
    # export. Gets the message (MessageSchema) and whether the reader is its sender.
    describe: Callable[[Any, bool], str] | None = None


KINDS: dict[str, MessageKind] = {
    Message.Kind.TEXT: MessageKind(
        actions=frozenset(
            (
                *("reply", "react", "edit", "forward", "copy", "link", "unread", "pin"),
                *("details", "revisions", "report", "delete", "hide"),
            )
        ),
        is_written=True,
        is_counted=True,
        is_activity=True,
        is_grouped=True,
        template="chat/message/_message.html",
    ),
    Message.Kind.SYSTEM: MessageKind(),
}


# The names of all kinds, and of those that users write. `register_kind` adds to both. The schema of messages refers to
# KIND_NAMES.
KIND_NAMES = [str(name) for name in KINDS]
WRITTEN_KINDS = [name for name, kind in KINDS.items() if kind.is_written]


def register_kind(name: str, kind: MessageKind) -> None:
    """Adds a kind of message of another app. `name` has at most 6 letters, and never changes."""
    KINDS[name] = kind
    if name not in KIND_NAMES:
        KIND_NAMES.append(name)
        if kind.is_written:
            WRITTEN_KINDS.append(name)


def counted_kinds() -> list[str]:
    return [name for name, kind in KINDS.items() if kind.is_counted]


def client_kinds() -> dict[str, str]:
    """Returns for scripts, by kind of message, the names of its actions and of what else holds for it.

    The names `written`, `counted` and `activity` stand for `is_written`, `is_counted` and `is_activity`.
    """
    return {
        str(name): " ".join(
            [
                *(["written"] * kind.is_written),
                *(["counted"] * kind.is_counted),
                *(["activity"] * kind.is_activity),
                *sorted(kind.actions),
            ]
        )
        for name, kind in KINDS.items()
    }
