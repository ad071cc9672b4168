"""Hooks: functions of other apps that accounts calls, because accounts must not import other apps.

Other apps add their functions in `AppConfig.ready`. Some hooks are lists of listeners (functions that are called after
a change). Listeners are called after the transaction has been committed and in the same thread, unless the comment
beside the list says otherwise. Other hooks answer queries about conversations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django_stubs_ext import StrOrPromise

    from accounts.models import User


class DeviceNote(NamedTuple):
    """What another app adds to a device on the page of devices: a text, and a button that posts to a URL."""

    text: StrOrPromise
    button: StrOrPromise
    url: str


# ── Listeners ────────────────────────────────────────────────────────────────────────────────────────────────────
# (user id): name, user name or avatar changed. Called inside the transaction.
profile_changed: list[Callable[[int], object]] = []
receipts_setting_changed: list[Callable[[int], object]] = []  # (user id): `show_receipts` changed
presence_setting_changed: list[Callable[[int], object]] = []  # (user id): `show_presence` changed
relationship_changed: list[Callable[[int, int], object]] = []  # (user id, user id): contact or block began or ended

# ── Queries about conversations, set by chat ─────────────────────────────────────────────────────────────────────
# (user id, user ids) → those of the users who share a conversation with the first one
shared_conversation_hook: Callable[[int, list[int]], set[int]] | None = None
# (user id) → partners of direct conversations, newest conversation first, as many as matter for ranking
direct_partners_hook: Callable[[int], list[int]] | None = None
# (user id) → members of groups of the user, best suggestion first, as many as matter for suggestions
group_mates_hook: Callable[[int], list[int]] | None = None
# (user id, conversation id) → the members, annotated with `wrote`, the sequence number of their newest message.
# Raises `not_found`.
conversation_members_hook: Callable[[int, int], QuerySet[User]] | None = None


# (user) → what the data export contains of another app, as values for JSON by name
data_export_parts: list[Callable[[User], dict[str, Any]]] = []
# (user id) → by sign-in id, what is added to this device on the page of devices
device_notes_hook: Callable[[int], dict[UUID, DeviceNote]] | None = None


def device_notes(user_id: int) -> dict[UUID, DeviceNote]:
    return device_notes_hook(user_id) if device_notes_hook else {}


def users_sharing_conversation(user_id: int, person_ids: list[int]) -> set[int]:
    return shared_conversation_hook(user_id, person_ids) if shared_conversation_hook and person_ids else set()


def direct_partner_ids(user_id: int) -> list[int]:
    return direct_partners_hook(user_id) if direct_partners_hook else []


def group_mate_ids(user_id: int) -> list[int]:
    return group_mates_hook(user_id) if group_mates_hook else []


def conversation_members(user_id: int, conversation_id: int) -> QuerySet[User] | None:
    return conversation_members_hook(user_id, conversation_id) if conversation_members_hook else None
