"""Actions that change contacts, contact requests and blocks. All three are stored in `Relationship` rows.

Each action checks permissions, changes the rows of both users in one transaction and publishes an event to the devices
of the users whose rows changed.

If all privacy settings of a person are "everyone", other users can add the person to their contacts at once. Otherwise
they send the person a contact request. If the person accepts it, each of the two users becomes a contact of the other.
While a user blocks a person, their contact or request is hidden but not changed, so unblocking shows it again. The
blocked person is not notified.
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
from messenger.core.errors import invalid, not_found
from messenger.live.events import Event, RefreshVisibility, UserEvent, publish
from messenger.live.frames import encode_frame

NONE, ASKED, ASKS, IGNORED, CONTACT = (state.value for state in Relationship.State)


# ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
def add_contact(user_id: int, person_id: int) -> ContactSchema:
    """Adds a person to the user's contacts and returns the new relationship.

    If the person has sent the user a contact request, accepts this request. If one of the person's privacy settings is
    not "everyone", sends the person a contact request instead. Raises `not_found` if the user cannot find the person
    (see `discoverable_users`), `blocked` if the user has blocked the person, and `rate_limited` after too many
    requests or changes.
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
            rate_limits.require("contact", user_id)
            change.set_state(own, ASKED)
            change.set_state(reverse, ASKS)
        return change.save()


def decline_request(user_id: int, person_id: int) -> None:
    """Declines a contact request that the user has received. Raises `not_found` if there is no such request.

    The person whose request was declined may send a new request.
    """
    with _change_relationship(user_id, person_id, ASKS, IGNORED) as change:
        change.set_state(change.own, NONE)
        change.set_state(change.reverse, NONE)
        change.save()


def ignore_request(user_id: int, person_id: int) -> None:
    """Hides a contact request from the user who received it. For its sender, the request stays unanswered.

    Raises `not_found` if there is no request.
    """
    with _change_relationship(user_id, person_id, ASKS, IGNORED) as change:
        change.set_state(change.own, IGNORED)
        change.save()


def remove_contact(user_id: int, person_id: int) -> None:
    """Removes a person from the user's contacts, or withdraws the contact request that the user sent to the person.

    The person's own contact list does not change. Raises `not_found` if the person is not a contact of the user and has
    no contact request from the user.
    """
    with _change_relationship(user_id, person_id, CONTACT, ASKED) as change:
        if change.own.state == ASKED:
            change.set_state(change.reverse, NONE)
        change.set_state(change.own, NONE)
        change.save()


def remove_contact_or_request(user_id: int, person_id: int) -> None:
    """Ends the contact or the contact request between a user and a person.

    A contact is removed from the user's list, a received request is declined, and a sent request is withdrawn. Raises
    `not_found` if there is no contact and no request.
    """
    has_request = Relationship.objects.filter(user=user_id, person=person_id, state__in=(ASKS, IGNORED)).exists()
    (decline_request if has_request else remove_contact)(user_id, person_id)


def block_user(user_id: int, person_id: int) -> ContactSchema:
    """Blocks a person: the two users can no longer write to each other directly or see each other's presence.

    The person is not notified. Raises `not_found` if the user cannot find the person (see `_may_block`), and
    `rate_limited` after too many changes.
    """
    _require_two_users(user_id, person_id)
    if not User.objects.filter(pk=person_id).exists() or not _may_block(user_id, person_id):
        raise not_found()
    return _set_block(user_id, person_id, True)


def unblock_user(user_id: int, person_id: int) -> None:
    """Ends the block of a person whom the user has blocked.

    Raises `not_found` if the user has not blocked this person or the account does not exist.
    """
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
    """Returns whether the user may block this person. The user may block everybody whom the user can find.

    That is by search, in a shared conversation or by a relationship, such as a contact request. Suspended people can be
    blocked if they share a conversation with the user. If other ids could be blocked, the response would reveal which
    user ids exist.
    """
    discoverable = privacy.discoverable_users(user_id, [person_id])
    return person_id in discoverable or bool(hooks.users_sharing_conversation(user_id, [person_id]))


def _require_two_users(user_id: int, person_id: int) -> None:
    if user_id == person_id:
        raise invalid(user_id=_("You can’t do this to yourself."))


def _requires_request(person: User) -> bool:
    """Returns whether the person becomes a contact of other users only by accepting a contact request.

    That is the case if one of the person's privacy settings is not "everyone".
    """
    return any(getattr(person, setting) != Audience.EVERYONE for setting in PRIVACY_FIELDS)


# ── Suspension and deletion of accounts ──────────────────────────────────────────────────────────────────────────
def lock_related_users(user_id: int) -> None:
    """Locks the rows of this user and of all users who have a `Relationship` row with this user, ordered by id.

    Every change of relationships locks user rows in the order of their ids. This prevents deadlocks.
    """
    rows = Relationship.objects.filter(Q(user=user_id) | Q(person=user_id))
    ids = {user_id, *(pk for pair in rows.values_list("user_id", "person_id") for pk in pair)}
    list(User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values("pk"))


def publish_account_state(user_id: int) -> None:
    """Tells other users' devices that an account is suspended or restored.

    A suspended account disappears from the contact lists and requests of other users; a restored one appears again.
    Call this in the transaction of the suspension or restoration, after `lock_related_users`.
    """
    rows = Relationship.objects.filter(person=user_id, state__in=(ASKS, CONTACT, ASKED), blocked_at=None)
    _save_and_publish(list(rows.select_related("person")))


def delete_relationships(user_id: int) -> None:
    """Ends all contacts, requests and blocks of an account that is being deleted, and informs other users' devices.

    Changes also the `Relationship` rows that other users own and that refer to the account. Call this in the
    transaction of the deletion, after `lock_related_users`.
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
    """Saves changed `Relationship` rows, and publishes a `contact.updated` event to the owner of each row.

    Each row gets the next number of its owner's counter `me_version`. With these numbers, a device notices which
    changes it has missed.
    """
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
    """Stores in `User.request_count` how many contact requests each of these users has received and not answered.

    Requests from suspended people, and requests from people whom the user ignores or has blocked, are not counted.
    """
    requests = Relationship.objects.filter(user=OuterRef("pk"), state=ASKS, blocked_at=None, person__is_active=True)
    count = requests.order_by().values("user").annotate(n=Count("pk")).values("n")
    User.objects.filter(pk__in=list(user_ids)).update(request_count=Coalesce(Subquery(count), 0))


def _request_counts(user_ids: Iterable[int]) -> dict[int, int]:
    return dict(User.objects.filter(pk__in=list(user_ids)).values_list("pk", "request_count"))


def _copy_blocked_ids(user_id: int) -> None:
    """Copies the ids of all users whom the user `user_id` has blocked to `User.blocked_ids` of this user.

    The ids come from the `Relationship` rows. The caller must have locked the database row of this user.
    """
    blocks = Relationship.objects.filter(user=user_id, blocked_at__isnull=False)
    User.objects.filter(pk=user_id).update(blocked_ids=list(blocks.order_by("person").values_list("person", flat=True)))


# ── One change of the rows of two users ──────────────────────────────────────────────────────────────────────────
class RelationshipChange:
    """A change of the relationship between two users. Each of the two users owns one `Relationship` row.

    `own` is the row of the user who makes the change, `reverse` the row of the other user. `save` stores the changed
    rows and publishes events.
    """

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
        """Saves the changed `Relationship` rows and publishes a `contact.updated` event for each.

        If a contact or block began or ended, also publishes `RefreshVisibility` events, because the two users may now
        see more or less of each other. Returns the data of the row that belongs to the user who makes the change.
        Raises `rate_limited` after too many such changes.
        """
        if not self._changed:
            return contact_schema(self.own)
        if self._visibility_changed:
            rate_limits.require("visibility", self.own.user_id)
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
    """Opens a transaction, locks the two users and yields a `RelationshipChange` of their two `Relationship` rows.

    A row that does not exist is created when the change is saved. If `required_states` are given, raises `not_found`
    unless the row of `user_id` has one of these states and `user_id` has not blocked the other person.
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
    """Returns the `contact.updated` event with the data of this `Relationship` row.

    The event is sent to the devices of the user who owns the row.
    """
    payload = ContactEvent(row.me_version, contact_schema(row), request_count)
    return UserEvent(row.user_id, encode_frame("contact.updated", payload), row.me_version)


def _call_hooks(user_id: int, person_id: int) -> None:
    for function in hooks.relationship_changed:
        function(user_id, person_id)
