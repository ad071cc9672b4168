"""Contacts and blocks: what one person is to another (`Tie`). Each verb asks, changes, tells its people's own devices.

A list is one's own: putting somebody into it asks nothing of them, unless they let in contacts alone anywhere. Then
being in their list means something, so they are asked, and on their word each is in the other's. A block lies over
all of this and takes nothing away: the blocked person is told nothing, and unblocking brings everything back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import hooks
from accounts.actions.user_version import next_me_versions
from accounts.models import PRIVACY_FIELDS, Audience, Tie, User
from accounts.schemas import ContactEvent, ContactSchema, contact_schema
from accounts.selectors import privacy
from accounts.text import pinyin
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found, rate_limited
from messenger.live.events import RefreshVisibility, UserEvent, publish
from messenger.live.frames import encode_frame

NONE, ASKED, ASKS, IGNORED, CONTACT = (state.value for state in Tie.State)
MOST = 1000  # contacts listed
ASK_BURST, ASK_PER_SECOND = 30, 1 / 60  # requests of one person to others


# ── Verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────
def add(user_id: int, person_id: int) -> ContactSchema:
    """Into my list; or asked, where their privacy wants that; or accepted, where they have asked me."""
    _must_be_two(user_id, person_id)
    person = privacy.known(user_id, [person_id]).get(person_id)
    if person is None:
        raise not_found()
    with _both(user_id, person_id) as pair:
        mine, theirs = pair
        if mine.blocked_at:
            raise privacy.blocked_refusal(person.shown_name)
        if mine.state in (CONTACT, ASKED):
            return contact_schema(mine)
        if mine.state in (ASKS, IGNORED):
            pair.set(mine, CONTACT)
            pair.set(theirs, CONTACT)
        elif theirs.state == CONTACT or not _is_asked(person):
            pair.set(mine, CONTACT)
        else:
            if wait := rate_limits.acquire(f"contact.{user_id}", ASK_BURST, ASK_PER_SECOND):
                raise rate_limited(wait)
            pair.set(mine, ASKED)
            pair.set(theirs, ASKS)
        return pair.close()


def decline(user_id: int, person_id: int) -> None:
    """No to a request. Whoever asked may ask again."""
    with _both(user_id, person_id, ASKS, IGNORED) as pair:
        pair.set(pair.mine, NONE)
        pair.set(pair.theirs, NONE)
        pair.close()


def ignore(user_id: int, person_id: int) -> None:
    """Leave a request without an answer: I see it no more, and whoever asked goes on waiting."""
    with _both(user_id, person_id, ASKS, IGNORED) as pair:
        pair.set(pair.mine, IGNORED)
        pair.close()


def remove(user_id: int, person_id: int) -> None:
    """Out of my list, or my request withdrawn. Theirs is their own."""
    with _both(user_id, person_id, CONTACT, ASKED) as pair:
        if pair.mine.state == ASKED:
            pair.set(pair.theirs, NONE)
        pair.set(pair.mine, NONE)
        pair.close()


def drop(user_id: int, person_id: int) -> None:
    """Whatever stands between us, ended from my side: a contact, my request, theirs."""
    asks = Tie.objects.filter(user=user_id, person=person_id, state__in=(ASKS, IGNORED)).exists()
    (decline if asks else remove)(user_id, person_id)


def block(user_id: int, person_id: int) -> ContactSchema:
    """From now on nothing comes from this person, and nothing goes to them. They are not told."""
    _must_be_two(user_id, person_id)
    if not User.objects.filter(pk=person_id).exists() or not _may_block(user_id, person_id):
        raise not_found()
    return _set_block(user_id, person_id, True)


def unblock(user_id: int, person_id: int) -> None:
    """As it was before. Unblocking who is not blocked is `not_found`, whoever they are."""
    if not Tie.objects.filter(user=user_id, person=person_id, blocked_at__isnull=False).exists():
        raise not_found()
    _set_block(user_id, person_id, False)


def _set_block(user_id: int, person_id: int, blocked: bool) -> ContactSchema:
    with _both(user_id, person_id) as pair:
        if (pair.mine.blocked_at is not None) == blocked:
            return contact_schema(pair.mine)
        pair.mine.blocked_at = timezone.now() if blocked else None
        pair.touch(pair.mine)
        pair.after.append(lambda: _copy_blocks(user_id))
        pair.hush = True
        return pair.close()


def _copy_blocks(user_id: int) -> None:
    """The copy on the person's own row, which is locked by now."""
    ids = Tie.objects.filter(user=user_id, blocked_at__isnull=False).order_by("person").values_list("person", flat=True)
    User.objects.filter(pk=user_id).update(blocked_ids=list(ids))


def count_requests(user_ids: Iterable[int]) -> None:
    """`request_count` of these people, as the rows say."""
    asks = Tie.objects.filter(user=OuterRef("pk"), state=ASKS, blocked_at=None, person__is_active=True)
    count = asks.order_by().values("user").annotate(n=Count("pk")).values("n")
    User.objects.filter(pk__in=list(user_ids)).update(request_count=Coalesce(Subquery(count), 0))


def account_changed(user_id: int) -> None:
    """This account was suspended or restored: it leaves the lists and requests of others, or is in them again. Their
    devices hear so. Within the change, after `lock_around`."""
    rows = Tie.objects.filter(person=user_id, state__in=(ASKS, CONTACT, ASKED), blocked_at=None)
    _tell_each(list(rows.select_related("person")))


def lock_around(user_id: int) -> None:
    """This person and everybody with a tie to or from them, in the order of their ids, as every change of ties does."""
    ties = Tie.objects.filter(Q(user=user_id) | Q(person=user_id))
    ids = {user_id, *(pk for pair in ties.values_list("user_id", "person_id") for pk in pair)}
    list(User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values("pk"))


def forget(user_id: int) -> None:
    """This account is no more: nobody has it in a list, asks it or blocks it. Their devices hear so. Within the change
    that ends it, after `lock_around`."""
    Tie.objects.filter(user=user_id).delete()
    rows = list(Tie.objects.filter(person=user_id).exclude(state=NONE, blocked_at=None).select_related("person"))
    blocking = [row.user_id for row in rows if row.blocked_at]
    for row in rows:
        row.state, row.since, row.blocked_at = NONE, timezone.now(), None
    _tell_each(rows, "state", "since", "blocked_at")
    for blocker in blocking:
        _copy_blocks(blocker)
    publish([RefreshVisibility(person) for person in blocking])


def _tell_each(rows: list[Tie], *changed: str) -> None:
    """Rows of many people, each with a number of its own: stored, counted, told."""
    numbers = next_me_versions(row.user_id for row in rows)
    for row in rows:
        row.me_version = numbers[row.user_id][0]
    Tie.objects.bulk_update(rows, ["me_version", *changed], batch_size=200)
    people = [row.user_id for row in rows]
    count_requests(people)
    counts = dict(User.objects.filter(pk__in=people).values_list("pk", "request_count"))
    publish([contact_updated(row, counts[row.user_id]) for row in rows])


def _may_block(user_id: int, person_id: int) -> bool:
    """Anybody one can know to be here, suspended ones too; so that numbers tell nobody who is."""
    known = privacy.known(user_id, [person_id])
    return person_id in known or bool(hooks.met(user_id, [person_id]))


def _must_be_two(user_id: int, person_id: int) -> None:
    if user_id == person_id:
        raise invalid(user_id=_("This needs somebody else."))


def _is_asked(person: User) -> bool:
    """Whether being this person's contact means more than to stand in a list."""
    return any(getattr(person, setting) != Audience.EVERYONE for setting in PRIVACY_FIELDS)


# ── One change of two people's rows ──────────────────────────────────────────────────────────────────────────────
class _both:
    """The rows that two people have of each other, locked in one order; numbers and news at the end.

    With `states`: `not_found` unless mine is in one of these. A row that is not there is made where it is needed.
    """

    def __init__(self, user_id: int, person_id: int, *states: str):
        self.ids, self.states = (user_id, person_id), states
        self.changed: list[Tie] = []
        self.after: list[Callable[[], None]] = []
        self.hush = False  # what both are not to hear of each other has changed
        self._writing = write_transaction()

    def __enter__(self) -> _both:
        self._writing.__enter__()
        try:
            # People first, in order: two who ask each other at once do so one after the other.
            list(User.objects.select_for_update(no_key=True).filter(pk__in=self.ids).order_by("pk").values("pk"))
            user_id, person_id = self.ids
            rows = Tie.objects.filter(Q(user=user_id, person=person_id) | Q(user=person_id, person=user_id))
            found = {row.user_id: row for row in rows.select_related("person")}
            self.mine = found.get(user_id) or Tie(user_id=user_id, person_id=person_id)
            self.theirs = found.get(person_id) or Tie(user_id=person_id, person_id=user_id)
            if self.states and (self.mine.state not in self.states or self.mine.blocked_at):
                raise not_found()
            self.was_contact = {row.pk: row.state for row in found.values()}
        except BaseException as error:
            if not self._writing.__exit__(type(error), error, error.__traceback__):
                raise
        return self

    def __exit__(self, *error) -> bool | None:
        return self._writing.__exit__(*error)

    def __iter__(self):
        return iter((self.mine, self.theirs))

    def set(self, row: Tie, state: str) -> None:
        if row.state != state:
            if CONTACT in (row.state, state):
                self.hush = True
            row.state, row.since = state, timezone.now()
            self.touch(row)

    def touch(self, row: Tie) -> None:
        if row not in self.changed:
            self.changed.append(row)

    def close(self) -> ContactSchema:
        if not self.changed:
            return contact_schema(self.mine)
        numbers = next_me_versions(row.user_id for row in self.changed)
        for row in self.changed:
            row.me_version = numbers[row.user_id][0]
            row.save()
        for step in self.after:
            step()
        count_requests(self.ids)
        counts = dict(User.objects.filter(pk__in=self.ids).values_list("pk", "request_count"))
        told: list = [contact_updated(row, counts[row.user_id]) for row in self.changed]
        if self.hush:
            told += [RefreshVisibility(user_id) for user_id in self.ids]
        publish(told)
        if self.hush:
            transaction.on_commit(partial(_call, self.ids), robust=True)
        return contact_schema(self.mine)


def contact_updated(row: Tie, requests: int) -> UserEvent:
    """The news of what somebody is to me, as it stands in this row."""
    event = ContactEvent(row.me_version, contact_schema(row), requests)
    return UserEvent(row.user_id, encode_frame("contact.updated", event), row.me_version)


def _call(ids: tuple[int, int]) -> None:
    for function in hooks.tie_changed:
        function(*ids)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
class Contacts(NamedTuple):
    """One's people: who asks, who is in the list, who was asked and has not answered."""

    asks: list[Tie]
    contacts: list[Tie]
    asked: list[Tie]


def of(user_id: int) -> Contacts:
    """By name, requests newest first. Suspended people are left out. One query."""
    rows = list(_shown(user_id).filter(state__in=(ASKS, CONTACT, ASKED))[:MOST])
    rows.sort(key=lambda row: (_sounds(row.person), row.person_id))
    newest = sorted((row for row in rows if row.state == ASKS), key=lambda row: row.since, reverse=True)
    return Contacts(newest, [row for row in rows if row.state == CONTACT], [row for row in rows if row.state == ASKED])


def _sounds(person: User) -> str:
    """Chinese names stand among the others as they are read."""
    return next(iter(pinyin.keys(person.shown_name)), "") or pinyin.folded(person.shown_name)


def one(user_id: int, person_id: int) -> ContactSchema:
    row = _shown(user_id).filter(person=person_id, state__in=(ASKS, CONTACT, ASKED)).first()
    if row is None:
        raise not_found()
    return contact_schema(row)


def _shown(user_id: int):
    mine = Tie.objects.filter(user=user_id, blocked_at=None, person__is_active=True).select_related("person")
    return mine.order_by("person__username_key")


def blocked(user_id: int) -> list[Tie]:
    """Whom I block, the newest first; also who is suspended."""
    mine = Tie.objects.filter(user=user_id, blocked_at__isnull=False).select_related("person")
    return list(mine.order_by("-blocked_at", "-pk")[:MOST])


def one_blocked(user_id: int, person_id: int) -> ContactSchema:
    row = Tie.objects.filter(user=user_id, person=person_id, blocked_at__isnull=False).select_related("person").first()
    if row is None:
        raise not_found()
    return contact_schema(row)


def between(user_id: int, person_ids: Iterable[int]) -> dict[int, ContactSchema]:
    """What these people are to me, by their ids; who is nothing to me is left out."""
    rows = Tie.objects.filter(user=user_id, person__in=list(person_ids)).select_related("person")
    return {row.person_id: contact_schema(row) for row in rows}


def changed_since(user_id: int, me_version: int) -> list[Tie]:
    """In order of version: what a device that knows `me_version` has missed."""
    rows = Tie.objects.filter(user=user_id, me_version__gt=me_version).select_related("person")
    return list(rows.order_by("me_version"))
