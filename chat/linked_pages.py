"""Pages of other apps to which the pages of a conversation or a message link. Registered in `AppConfig.ready`:

register_conversation_page(LinkedPage("conversation_notifications", _("Notifications"), "bell"))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class LinkedPage:
    """A link. The URL pattern `url_name` has one argument: the id of the conversation or of the message."""

    url_name: str
    label: StrOrPromise
    icon: str  # in static/icons.svg
    is_in_menu: bool = False  # of a message: the menu of the message has the link too, and opens it as a dialog


_conversation_pages: list[LinkedPage] = []
_message_pages: list[LinkedPage] = []


def register_conversation_page(page: LinkedPage) -> None:
    """Adds a link to the menu of each conversation."""
    if page not in _conversation_pages:
        _conversation_pages.append(page)


def register_message_page(page: LinkedPage) -> None:
    """Adds a link to the details of each message."""
    if page not in _message_pages:
        _message_pages.append(page)


def list_conversation_pages() -> list[LinkedPage]:
    return list(_conversation_pages)


def list_message_pages() -> list[LinkedPage]:
    return list(_message_pages)
