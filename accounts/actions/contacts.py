"""Contacts, contact requests and blocks: changes of `Relationship` rows.

Each action checks, changes the rows of both users in one transaction and publishes the change to the devices of each
row's owner.

A contact list belongs to one user: adding somebody needs no consent, unless one of that person's privacy settings is
restricted to contacts. Then the person is sent a request, and accepting it adds each to the other's list. A block hides
everything else but changes nothing else: the blocked person is not notified, and unblocking restores the state before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import hooks
from accounts.actions.user_version import allocate_me_versions
from accounts.models import PRIVACY_FIELDS, Audience, Relationship, User
from accounts.schemas import ContactEvent, ContactSchema, contact_schema
from accounts.selectors import privacy
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found, rate_limited
from messenger.live.events import Event, RefreshVisibility, UserEvent, publish
from messenger.live.frames import encode_frame

NONE, ASKED, ASKS, IGNORED, CONTACT = (state.value for state in Relationship.State)
REQUEST_BURST, REQUESTS_PER_SECOND = 30, 1 / 60  # rate limit of the contact requests that a user sends


# ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
def add_contact(user_id: int, person_id: int) -> ContactSchema:
    """Adds a person to the user's contacts, or accepts their request, or sends them one if their privacy needs it.

    Raises `not_found` for a person whom the user cannot discover, `blocked` if the user has blocked them, and
    `rate_limited` after too many requests.
    """
    _require_two_users(user_id, person_id)
    person = privacy.discoverable_users(user_id, [person_id]).get(person_id)
    if person is None:
        raise not_found()
    with _change_relationship(user_id, person_id) as change:
        own, reverse = change.own, change.reverse
        if own.blocked_at:
            raise privacy.blocked_error(person.display_name)
        if own.state in (CONTACT, ASKED):
            return contact_schema(own)
        if own.state in (ASKS, IGNORED):
            change.set_state(own, CONTACT)
            change.set_state(reverse, CONTACT)
        elif reverse.state == CONTACT or not _requires_request(person):
            change.set_state(own, CONTACT)
        else:
            if wait := rate_limits.acquire(f"contact.{user_id}", REQUEST_BURST, REQUESTS_PER_SECOND):
                raise rate_limited(wait)
            change.set_state(own, ASKED)
            change.set_state(reverse, ASKS)
        return change.save()


def decline_request(user_id: int, person_id: int) -> None:
    """Declines a received request. The sender may send another one. Raises `not_found` without a request."""
    with _change_relationship(user_id, person_id, ASKS, IGNORED) as change:
        change.set_state(change.own, NONE)
        change.set_state(change.reverse, NONE)
        change.save()


def ignore_request(user_id: int, person_id: int) -> None:
    """Hides a received request. For its sender it stays unanswered. Raises `not_found` without a request."""
    with _change_relationship(user_id, person_id, ASKS, IGNORED) as change:
        change.set_state(change.own, IGNORED)
        change.save()


def remove_contact(user_id: int, person_id: int) -> None:
    """Removes a contact, or withdraws a sent request. The other person's contact list does not change.

    Raises `not_found` if there is neither.
    """
    with _change_relationship(user_id, person_id, CONTACT, ASKED) as change:
        if change.own.state == ASKED:
            change.set_state(change.reverse, NONE)
        change.set_state(change.own, NONE)
        change.save()


def remove_contact_or_request(user_id: int, person_id: int) -> None:
    """Declines a received request, else removes the contact or withdraws the sent request."""
    has_request = Relationship.objects.filter(user=user_id, person=person_id, state__in=(ASKS, IGNORED)).exists()
    (decline_request if has_request else remove_contact)(user_id, person_id)


def block_user(user_id: int, person_id: int) -> ContactSchema:
    """Blocks a person: from now on nothing is delivered between the two. The person is not notified."""
    _require_two_users(user_id, person_id)
    if not User.objects.filter(pk=person_id).exists() or not _may_block(user_id, person_id):
        raise not_found()
    return _set_block(user_id, person_id, True)


def unblock_user(user_id: int, person_id: int) -> None:
    """Ends a block. Raises `not_found` if the user has not blocked this person, whether or not the account exists."""
    if not Relationship.objects.filter(user=user_id, person=person_id, blocked_at__isnull=False).exists():
        raise not_found()
    _set_block(user_id, person_id, False)


def _set_block(user_id: int, person_id: int, blocked: bool) -> ContactSchema:
    with _change_relationship(user_id, person_id) as change:
        if (change.own.blocked_at is not None) == blocked:
            return contact_schema(change.own)
        change.set_blocked(blocked)
        return change.save()


def _may_block(user_id: int, person_id: int) -> bool:
    """Returns whether the user can know this account, suspended ones included. So ids cannot be probed by blocking."""
    discoverable = privacy.discoverable_users(user_id, [person_id])
    return person_id in discoverable or bool(hooks.users_sharing_conversation(user_id, [person_id]))


def _require_two_users(user_id: int, person_id: int) -> None:
    if user_id == person_id:
        raise invalid(user_id=_("You can’t do this to yourself."))


def _requires_request(person: User) -> bool:
    """Returns whether this person's contacts have more rights than other users, so that becoming one needs consent."""
    return any(getattr(person, setting) != Audience.EVERYONE for setting in PRIVACY_FIELDS)


# ── Suspension and deletion of accounts ──────────────────────────────────────────────────────────────────────────
def lock_related_users(user_id: int) -> None:
    """Locks this user and all users with a relationship to or from them, in the order of their ids.

    Every change of relationships locks users in this order, which prevents deadlocks.
    """
    rows = Relationship.objects.filter(Q(user=user_id) | Q(person=user_id))
    ids = {user_id, *(pk for pair in rows.values_list("user_id", "person_id") for pk in pair)}
    list(User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values("pk"))


def publish_account_state(user_id: int) -> None:
    """Publishes a suspension or restoration: the account leaves the contacts and requests of others, or returns.

    Call it in the transaction of that change, after `lock_related_users`.
    """
    rows = Relationship.objects.filter(person=user_id, state__in=(ASKS, CONTACT, ASKED), blocked_at=None)
    _save_and_publish(list(rows.select_related("person")))


def delete_relationships(user_id: int) -> None:
    """Ends all contacts, requests and blocks of an account that is being deleted, on both sides, and publishes that.

    Call it in the transaction of the deletion, after `lock_related_users`.
    """
    Relationship.objects.filter(user=user_id).delete()
    rows = list(
        Relationship.objects.filter(person=user_id).exclude(state=NONE, blocked_at=None).select_related("person")
    )
    blocker_ids = [row.user_id for row in rows if row.blocked_at]
    for row in rows:
        row.state, row.since, row.blocked_at = NONE, timezone.now(), None
    _save_and_publish(rows, "state", "since", "blocked_at")
    for blocker_id in blocker_ids:
        _copy_blocked_ids(blocker_id)
    publish([RefreshVisibility(blocker_id) for blocker_id in blocker_ids])


def _save_and_publish(rows: list[Relationship], *changed_fields: str) -> None:
    """Saves and publishes rows of different owners, each with a new version of its owner."""
    versions = allocate_me_versions(row.user_id for row in rows)
    for row in rows:
        row.me_version = versions[row.user_id][0]
    Relationship.objects.bulk_update(rows, ["me_version", *changed_fields], batch_size=200)
    owner_ids = [row.user_id for row in rows]
    update_request_counts(owner_ids)
    counts = _request_counts(owner_ids)
    publish([contact_updated_event(row, counts[row.user_id]) for row in rows])


# ── Copies on the user's row ─────────────────────────────────────────────────────────────────────────────────────
def update_request_counts(user_ids: Iterable[int]) -> None:
    """Sets `User.request_count` to the number of received requests that the user can see."""
    requests = Relationship.objects.filter(user=OuterRef("pk"), state=ASKS, blocked_at=None, person__is_active=True)
    count = requests.order_by().values("user").annotate(n=Count("pk")).values("n")
    User.objects.filter(pk__in=list(user_ids)).update(request_count=Coalesce(Subquery(count), 0))


def _request_counts(user_ids: Iterable[int]) -> dict[int, int]:
    return dict(User.objects.filter(pk__in=list(user_ids)).values_list("pk", "request_count"))


def _copy_blocked_ids(user_id: int) -> None:
    """Updates `User.blocked_ids`. The user's row is locked by the caller."""
    blocks = Relationship.objects.filter(user=user_id, blocked_at__isnull=False)
    User.objects.filter(pk=user_id).update(blocked_ids=list(blocks.order_by("person").values_list("person", flat=True)))


# ── One change of the rows of two users ──────────────────────────────────────────────────────────────────────────
class RelationshipChange:
    """A change of the rows that two users have of each other. `save` stores it and publishes the events."""

    def __init__(self, own: Relationship, reverse: Relationship):
        self.own, self.reverse = own, reverse
        self._changed: list[Relationship] = []
        self._visibility_changed = False
        self._blocks_changed = False

    def set_state(self, row: Relationship, state: str) -> None:
        if row.state != state:
            if CONTACT in (row.state, state):
                self._visibility_changed = True
            row.state, row.since = state, timezone.now()
            self._mark_changed(row)

    def set_blocked(self, blocked: bool) -> None:
        self.own.blocked_at = timezone.now() if blocked else None
        self._visibility_changed = self._blocks_changed = True
        self._mark_changed(self.own)

    def _mark_changed(self, row: Relationship) -> None:
        if row not in self._changed:
            self._changed.append(row)

    def save(self) -> ContactSchema:
        """Saves the changed rows and returns the user's own one."""
        if not self._changed:
            return contact_schema(self.own)
        user_ids = (self.own.user_id, self.reverse.user_id)
        versions = allocate_me_versions(row.user_id for row in self._changed)
        for row in self._changed:
            row.me_version = versions[row.user_id][0]
            row.save()
        if self._blocks_changed:
            _copy_blocked_ids(self.own.user_id)
        update_request_counts(user_ids)
        counts = _request_counts(user_ids)
        events: list[Event] = [contact_updated_event(row, counts[row.user_id]) for row in self._changed]
        if self._visibility_changed:
            events += [RefreshVisibility(user_id) for user_id in user_ids]
        publish(events)
        if self._visibility_changed:
            transaction.on_commit(partial(_call_hooks, *user_ids), robust=True)
        return contact_schema(self.own)


@contextmanager
def _change_relationship(user_id: int, person_id: int, *required_states: str) -> Iterator[RelationshipChange]:
    """Opens a transaction and yields the change of the two rows. A missing row is created when it is saved.

    With `required_states` it raises `not_found` if the user has blocked the person or their own row has another state.
    """
    user_ids = (user_id, person_id)
    with write_transaction():
        # Users are locked first, in the order of ids: two users who add each other at once do so one after the other.
        list(User.objects.select_for_update(no_key=True).filter(pk__in=user_ids).order_by("pk").values("pk"))
        rows = Relationship.objects.filter(Q(user=user_id, person=person_id) | Q(user=person_id, person=user_id))
        by_owner = {row.user_id: row for row in rows.select_related("person")}
        own = by_owner.get(user_id) or Relationship(user_id=user_id, person_id=person_id)
        reverse = by_owner.get(person_id) or Relationship(user_id=person_id, person_id=user_id)
        if required_states and (own.state not in required_states or own.blocked_at):
            raise not_found()
        yield RelationshipChange(own, reverse)


def contact_updated_event(row: Relationship, request_count: int) -> UserEvent:
    """Returns the `contact.updated` event of this row, for its owner."""
    payload = ContactEvent(row.me_version, contact_schema(row), request_count)
    return UserEvent(row.user_id, encode_frame("contact.updated", payload), row.me_version)


def _call_hooks(user_id: int, person_id: int) -> None:
    for function in hooks.relationship_changed:
        function(user_id, person_id)
