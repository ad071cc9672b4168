"""Decides who may see a user's presence and last-seen time, and builds the `presence` events.

The functions are synchronous and run in threads for database access. They read privacy settings and contacts again for
each event, so changed settings apply at once. This takes two queries for any number of users. Blocks and the
recipients' own settings are applied later, by each process for its own connections (messenger.live.visibility).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from django.db.models import BooleanField, Case, Q, Value, When

from accounts.actions import record_last_seen
from accounts.models import Audience, Relationship, User
from accounts.selectors.privacy import CONTACT, allowed_by, visible_to
from messenger.core.database import write_transaction
from messenger.live.events import EphemeralEvent, Event, publish_now
from presence import hooks, schemas
from presence.tracker import get_tracker


class PresenceAudience(msgspec.Struct):
    """The users who may see the presence and the last-seen time of a user.

    `listed_by_ids` are the users who have this user as a contact.
    """

    presence: str  # an `Audience`
    last_seen: str  # an `Audience`
    contact_ids: tuple[int, ...] = ()  # the contacts of this user; empty if no setting is "contacts"
    listed_by_ids: tuple[int, ...] = ()  # users who have this user as a contact

    def build_events(
        self, user_id: int, online: bool, last_seen: datetime | None, conversation_ids: tuple[int, ...]
    ) -> list[EphemeralEvent]:
        """Returns the events which report that the user `user_id` is online or offline, for all users who may see this.

        Recipients who may not see the last-seen time receive an event without it.
        """
        if self.presence == Audience.NOBODY or not (conversation_ids or self.listed_by_ids):
            return []
        allowed_users = None if self.presence == Audience.EVERYONE else self.contact_ids
        if self.last_seen == Audience.NOBODY:
            last_seen = None
        if online or last_seen is None or self.last_seen == Audience.EVERYONE or allowed_users is not None:
            return [self._build_event(user_id, online, last_seen, conversation_ids, allowed_users)]
        for_others = self._build_event(user_id, online, None, conversation_ids, None)
        for_others.skip_users = self.contact_ids
        return [self._build_event(user_id, online, last_seen, conversation_ids, self.contact_ids), for_others]

    def build_hidden_events(self, user_id: int, conversation_ids: tuple[int, ...]) -> list[EphemeralEvent]:
        """Returns the event "user is offline" for users to whom the user `user_id` does not show their presence.

        To these recipients, this user then looks as if never online. The list is empty if the user shows their presence
        to everyone.
        """
        if self.presence == Audience.EVERYONE or not (conversation_ids or self.listed_by_ids):
            return []
        event = self._build_event(user_id, False, None, conversation_ids, None)
        # Without the topic "presence", recipients who hide their own presence receive it too. Blocks still apply.
        event.topic = ""
        if self.presence == Audience.CONTACTS:
            event.skip_users = self.contact_ids
        return [event]

    def _build_event(
        self,
        user_id: int,
        online: bool,
        last_seen: datetime | None,
        conversation_ids: tuple[int, ...],
        allowed_users: tuple[int, ...] | None,
    ) -> EphemeralEvent:
        return schemas.presence_event(
            user_id, online, last_seen, conversation_ids, users=self.listed_by_ids, allowed_users=allowed_users
        )


def get_presence_audiences(user_ids: Iterable[int]) -> dict[int, PresenceAudience]:
    """Returns, by user id, a `PresenceAudience` for each user: who may see the user's presence and last-seen time.

    Makes two queries.
    """
    id_list = list(user_ids)
    rows = User.objects.filter(pk__in=id_list).values_list("pk", "show_presence", "show_last_seen")
    audiences = {pk: PresenceAudience(presence, last_seen) for pk, presence, last_seen in rows}
    limited_ids = [
        pk for pk, audience in audiences.items() if Audience.CONTACTS in (audience.presence, audience.last_seen)
    ]
    contacts = Relationship.objects.filter(
        Q(person__in=id_list) | Q(user__in=limited_ids), state=CONTACT, blocked_at=None
    )
    for user_id, contact_id in contacts.values_list("user_id", "person_id"):
        if contact_id in audiences:
            audiences[contact_id].listed_by_ids += (user_id,)
        if user_id in audiences:
            audiences[user_id].contact_ids += (contact_id,)
    return audiences


def presence_events(changes: Mapping[int, datetime | None]) -> list[Event]:
    """Returns the events that users are online or offline, but none about users who hide their presence from everyone.

    `changes` maps the ids of the users to None (the user came online), or to the time when the user left. Makes three
    queries.
    """
    audiences = {
        user_id: audience
        for user_id, audience in get_presence_audiences(changes).items()
        if audience.presence != Audience.NOBODY
    }
    conversation_ids = hooks.list_conversation_ids(audiences)
    return [
        event
        for user_id, audience in audiences.items()
        for event in audience.build_events(
            user_id, changes[user_id] is None, changes[user_id], conversation_ids.get(user_id, ())
        )
    ]


def store_last_seen(seen_at: Mapping[int, datetime]) -> None:
    """Stores when these users were last online.

    Nothing is stored for users who show their presence or their last-seen time to nobody. Each process of the site
    calls this for a user who went offline, with the same time. The first one stores it.
    """
    if not seen_at:
        return
    with write_transaction():
        showing = (
            User.objects.select_for_update()
            .filter(pk__in=seen_at)
            .exclude(Q(show_presence=Audience.NOBODY) | Q(show_last_seen=Audience.NOBODY))
            .order_by("pk")  # so that two processes do not wait for each other
            .values_list("pk", "last_seen_at")
        )
        record_last_seen({user_id: seen_at[user_id] for user_id, stored in showing if stored != seen_at[user_id]})


def filter_reachable_users(user_id: int, user_ids: list[int]) -> set[int]:
    """Returns those of `user_ids` whose presence (online or offline) the user may ask for.

    A user may ask for their own presence, and for that of their contacts and of users with whom they share a
    conversation.
    """
    contacts = Relationship.objects.filter(user=user_id, person__in=user_ids, state=CONTACT, blocked_at=None)
    return (
        hooks.filter_users_sharing_conversations(user_id, user_ids)
        | set(contacts.values_list("person_id", flat=True))
        | ({user_id} & set(user_ids))
    )


def list_visible_presence(viewer: User, user_ids: Iterable[int], online_ids: set[int]) -> list[schemas.PresenceSchema]:
    """Returns a `PresenceSchema` for each of these users, with what the viewer may see. Makes one query.

    `online_ids` are the users who are online. A user who hides their presence from the viewer looks as if never online.
    """

    def flag(condition: Q) -> Case:
        return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())

    is_self = Q(pk=viewer.pk)
    rows = (
        User.objects.filter(pk__in=user_ids)
        .annotate(
            shows_presence=flag(is_self | visible_to(viewer, "show_presence")),
            shows_last_seen=flag(is_self | allowed_by(viewer.pk, "show_last_seen")),
        )
        .order_by("pk")
        .values_list("pk", "shows_presence", "shows_last_seen", "last_seen_at")
    )
    return [
        schemas.presence_schema(
            user_id,
            shows_presence and user_id in online_ids,
            last_seen_at if shows_presence and shows_last_seen else None,
        )
        for user_id, shows_presence, shows_last_seen, last_seen_at in rows
    ]


# ── Handlers for accounts.hooks ──────────────────────────────────────────────────────────────────────────────────
def on_presence_setting_changed(user_id: int) -> None:
    """Publishes the presence of a user who has changed the privacy setting for it, if the user is online."""
    if user_id not in get_tracker().get_online_users([user_id]):
        return
    conversation_ids = hooks.list_conversation_ids([user_id]).get(user_id, ())
    for audience in get_presence_audiences([user_id]).values():
        hidden_events = audience.build_hidden_events(user_id, conversation_ids)
        publish_now([*hidden_events, *audience.build_events(user_id, True, None, conversation_ids)])


def on_relationship_changed(user_id: int, other_id: int) -> None:
    """Sends two users each other's presence, after one of them added, removed, blocked or unblocked the other."""
    users = User.objects.in_bulk([user_id, other_id])
    online_ids = get_tracker().get_online_users(users)
    for viewer_id, subject_id in ((user_id, other_id), (other_id, user_id)):
        if viewer_id not in users or subject_id not in online_ids:
            continue  # an offline user looks like a hidden user, except for the last-seen time, which a new page loads
        reachable_ids = filter_reachable_users(viewer_id, [subject_id])
        presences = list_visible_presence(users[viewer_id], reachable_ids, online_ids)
        for presence in presences or [schemas.presence_schema(subject_id, False, None)]:
            publish_now([schemas.user_presence_event(viewer_id, presence)])
