"""The list of settings pages: Profile, Privacy, Email … Other apps add their pages in `AppConfig.ready`.

register_settings_page(SettingsPage("notifications", "notification_settings", _("Notifications"), "bell"))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts.auth import providers

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class SettingsPage:
    """An entry of the list. The template of the page sets `place` to `name`, which marks the entry as the open page."""

    name: str
    url_name: str
    label: StrOrPromise
    icon: str  # in static/icons.svg
    is_shown: Callable[[], object] | None = None  # None: always


_pages = [
    SettingsPage("profile", "profile", _("Profile"), "person"),
    SettingsPage("privacy", "privacy", _("Privacy"), "eye"),
    SettingsPage("email", "account_email", _("Email"), "at"),
    SettingsPage("password", "account_change_password", _("Password"), "key"),
    SettingsPage("security", "mfa_index", _("Security"), "lock"),
    SettingsPage(
        "connections", "socialaccount_connections", _("Connected accounts"), "link", providers.list_configured
    ),
    SettingsPage("sessions", "sessions", _("Devices"), "device"),
]


def register_settings_page(page: SettingsPage, *, after: str = "") -> None:
    """Adds a page at the end of the list, or after the page with the name `after`."""
    names = [each.name for each in _pages]
    if page.name not in names:
        _pages.insert(names.index(after) + 1 if after else len(_pages), page)


def list_settings_pages() -> list[SettingsPage]:
    return [page for page in _pages if page.is_shown is None or page.is_shown()]
