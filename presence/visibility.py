"""What may be known of people: who hides from whom, when somebody was last seen, and the news that they came or went.

Synchronous, for database threads. Settings and contacts are asked each time something is told: two queries for any
number of people, and never out of date. What the hearers themselves are not to hear, by a block or because they
hide, each process knows of its own connections (messenger.live.visibility).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from django.db.models import BooleanField, Case, Q, Value, When

from accounts.models import Audience, Tie, User
from accounts.selectors.privacy import CONTACT, lets, shown
from messenger.core.database import write_transaction
from messenger.live.events import EphemeralEvent, Event, publish_now
from presence import hooks, schemas
from presence.tracker import tracker


class Told(msgspec.Struct):
    """Whom a person shows that they are here, and when they were."""

    presence: str
    last_seen: str
    contacts: tuple[int, ...] = ()  # in this person's list
    watchers: tuple[int, ...] = ()  # who have this person in theirs

    def news(self, user_id: int, online: bool, at: datetime | None, where: tuple[int, ...]) -> list[EphemeralEvent]:
        """That they are here or not, for those who may know it; at what time, for those who may know that too."""
        if self.presence == Audience.NOBODY or not (where or self.watchers):
            return []
        few = None if self.presence == Audience.EVERYONE else self.contacts
        if self.last_seen == Audience.NOBODY:
            at = None
        if online or at is None or self.last_seen == Audience.EVERYONE or few is not None:
            return [self._passing(user_id, online, at, where, few)]
        others = self._passing(user_id, online, None, where, None)
        others.skip_users = self.contacts
        return [self._passing(user_id, online, at, where, self.contacts), others]

    def hidden(self, user_id: int, where: tuple[int, ...]) -> list[EphemeralEvent]:
        """For those who may not know it any more: as if this person had never been here."""
        if self.presence == Audience.EVERYONE or not (where or self.watchers):
            return []
        gone = self._passing(user_id, False, None, where, None)
        gone.matter = ""  # whoever hides as well hears it too; across a block nobody does
        if self.presence == Audience.CONTACTS:
            gone.skip_users = self.contacts
        return [gone]

    def _passing(
        self, user_id: int, online: bool, at: datetime | None, where: tuple[int, ...], few: tuple[int, ...] | None
    ) -> EphemeralEvent:
        return schemas.presence(user_id, online, at, where, users=self.watchers, only=few)


def told_of(user_ids: Iterable[int]) -> dict[int, Told]:
    """Whom these people show it. Two queries."""
    ids = list(user_ids)
    rows = User.objects.filter(pk__in=ids).values_list("pk", "show_presence", "show_last_seen")
    found = {pk: Told(presence, last_seen) for pk, presence, last_seen in rows}
    few = [pk for pk, told in found.items() if Audience.CONTACTS in (told.presence, told.last_seen)]
    ties = Tie.objects.filter(Q(person__in=ids) | Q(user__in=few), state=CONTACT, blocked_at=None)
    for user_id, person_id in ties.values_list("user_id", "person_id"):
        if person_id in found:
            found[person_id].watchers += (user_id,)
        if user_id in found:
            found[user_id].contacts += (person_id,)
    return found


def news_of_coming(where: Mapping[int, tuple[int, ...] | None]) -> list[Event]:
    """These people are here now. `where`: the conversations in which it is to be told; None: look them up."""
    news: list[Event] = []
    for user_id, told in told_of(where).items():
        if told.presence != Audience.NOBODY:
            ids = where[user_id]
            news += told.news(user_id, True, None, tuple(hooks.conversations(user_id)) if ids is None else ids)
    return news


def news_of_going(left_at: Mapping[int, datetime]) -> dict[int, list[EphemeralEvent]]:
    """These people left: what is to be told of each."""
    return {
        user_id: told.news(user_id, False, left_at[user_id], tuple(hooks.conversations(user_id)))
        for user_id, told in told_of(left_at).items()
        if told.presence != Audience.NOBODY
    }


def store_last_seen(seen_at: Mapping[int, datetime]) -> None:
    """When these people were last seen. Of who shows it to nobody, that is not kept."""
    with write_transaction():
        showing = User.objects.filter(pk__in=seen_at).exclude(
            Q(show_presence=Audience.NOBODY) | Q(show_last_seen=Audience.NOBODY)
        )
        people = [User(pk=user_id, last_seen_at=seen_at[user_id]) for user_id in showing.values_list("pk", flat=True)]
        User.objects.bulk_update(people, ["last_seen_at"], batch_size=300)


def within_reach(user_id: int, user_ids: list[int]) -> set[int]:
    """Of these people those of whom this one may hear at all: met in a conversation, or in their list; and oneself."""
    mine = Tie.objects.filter(user=user_id, person__in=user_ids, state=CONTACT, blocked_at=None)
    return (
        hooks.visible(user_id, user_ids) | set(mine.values_list("person_id", flat=True)) | ({user_id} & set(user_ids))
    )


def of(viewer: User, user_ids: Iterable[int], online: set[int]) -> list[schemas.PresenceSchema]:
    """What the viewer may know of these people now. Who hides looks as if they had never been here. One query."""

    def flag(condition: Q) -> Case:
        return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())

    own = Q(pk=viewer.pk)
    rows = (
        User.objects.filter(pk__in=user_ids)
        .annotate(shows=flag(own | shown(viewer, "show_presence")), tells=flag(own | lets(viewer.pk, "show_last_seen")))
        .order_by("pk")
        .values_list("pk", "shows", "tells", "last_seen_at")
    )
    return [
        schemas.presence_schema(user_id, shows and user_id in online, last_seen if shows and tells else None)
        for user_id, shows, tells, last_seen in rows
    ]


# ── As it changes ────────────────────────────────────────────────────────────────────────────────────────────────
def choice_changed(user_id: int) -> None:
    """This person shows it to others from now on than before."""
    if user_id not in tracker().online_now([user_id]):
        return
    where = tuple(hooks.conversations(user_id))
    for told in told_of([user_id]).values():
        publish_now([*told.hidden(user_id, where), *told.news(user_id, True, None, where)])


def tie_changed(user_id: int, other_id: int) -> None:
    """These two are, or are no longer, in contact or blocked: each is told of the other as they may see it now."""
    people = User.objects.in_bulk([user_id, other_id])
    online = tracker().online_now(people)
    for viewer_id, subject_id in ((user_id, other_id), (other_id, user_id)):
        if viewer_id not in people or subject_id not in online:
            continue  # who is away looks the same as who hides, but for a time that a new page asks for
        viewer = people[viewer_id]
        seen = within_reach(viewer_id, [subject_id])
        for shape in of(viewer, seen, online) or [schemas.presence_schema(subject_id, False, None)]:
            publish_now([schemas.presence_to(viewer_id, shape)])
