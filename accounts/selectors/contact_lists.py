"""Reads the contacts, contact requests and blocks of a user."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple

from django.db.models import QuerySet

from accounts.models import Relationship, User
from accounts.schemas import ContactSchema, contact_schema
from accounts.text import pinyin
from messenger.core.errors import not_found

_VISIBLE_STATES = (Relationship.State.ASKS, Relationship.State.CONTACT, Relationship.State.ASKED)
MAX_CONTACTS = 1000  # rows that a list returns


class ContactLists(NamedTuple):
    """The lists of a user: received contact requests, contacts, and sent requests that are not answered yet."""

    received_requests: list[Relationship]
    contacts: list[Relationship]
    sent_requests: list[Relationship]


def list_contacts(user_id: int) -> ContactLists:
    """Returns the contacts and contact requests of a user. Makes one query.

    Contacts and sent requests are sorted by name, received requests by time, newest first. Suspended and blocked people
    are left out.
    """
    rows = list(_visible_rows(user_id).filter(state__in=_VISIBLE_STATES)[:MAX_CONTACTS])
    rows.sort(key=lambda row: (_sort_key(row.person), row.person_id))
    received = [row for row in rows if row.state == Relationship.State.ASKS]
    return ContactLists(
        received_requests=sorted(received, key=attrgetter("since"), reverse=True),
        contacts=[row for row in rows if row.state == Relationship.State.CONTACT],
        sent_requests=[row for row in rows if row.state == Relationship.State.ASKED],
    )


def _sort_key(person: User) -> str:
    """Returns the key by which a person is sorted in a list of names.

    The key of a Chinese name is its pinyin, so Chinese names are sorted together with names in Latin letters.
    """
    return next(iter(pinyin.pinyin_keys(person.display_name)), "") or pinyin.fold_text(person.display_name)


def get_contact(user_id: int, person_id: int) -> ContactSchema:
    """Returns the user's contact or contact request with a person.

    Raises `not_found` if there is none, or if it is hidden, for example by a block.
    """
    row = _visible_rows(user_id).filter(person=person_id, state__in=_VISIBLE_STATES).first()
    if row is None:
        raise not_found()
    return contact_schema(row)


def _visible_rows(user_id: int) -> QuerySet[Relationship]:
    rows = Relationship.objects.filter(user=user_id, blocked_at=None, person__is_active=True)
    return rows.select_related("person").order_by("person__username_key")


def list_blocked(user_id: int) -> list[Relationship]:
    """Returns the users whom this user has blocked, newest block first. Suspended users are included."""
    return list(_blocked_rows(user_id).order_by("-blocked_at", "-pk")[:MAX_CONTACTS])


def get_blocked(user_id: int, person_id: int) -> ContactSchema:
    """Returns a person whom the user has blocked. Raises `not_found` if the user has not blocked this person."""
    row = _blocked_rows(user_id).filter(person=person_id).first()
    if row is None:
        raise not_found()
    return contact_schema(row)


def _blocked_rows(user_id: int) -> QuerySet[Relationship]:
    return Relationship.objects.filter(user=user_id, blocked_at__isnull=False).select_related("person")


def find_relationship(user_id: int, person_id: int) -> Relationship | None:
    """Returns the user's relationship to a person: contact, request or block. Returns None if there is none."""
    rows = Relationship.objects.filter(user=user_id, person=person_id)
    return rows.exclude(state=Relationship.State.NONE, blocked_at=None).first()


def contacts_by_user_id(user_id: int, person_ids: Iterable[int]) -> dict[int, ContactSchema]:
    """Returns the user's relationships to these people, as a dict by the id of the person.

    People to whom the user has no relationship are left out.
    """
    rows = Relationship.objects.filter(user=user_id, person__in=list(person_ids)).select_related("person")
    return {row.person_id: contact_schema(row) for row in rows}


def list_changed_since(user_id: int, me_version: int) -> list[Relationship]:
    """Returns the user's relationships that changed after the version `me_version`, in the order of their versions.

    `me_version` is a number that grows with each change of the user's data. Clients that were offline send the last
    number that they know, to get the changes that they have missed.
    """
    rows = Relationship.objects.filter(user=user_id, me_version__gt=me_version).select_related("person")
    return list(rows.order_by("me_version"))
