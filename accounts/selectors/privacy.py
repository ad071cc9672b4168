"""Who may know what of whom, and who may come near whom: one place for all doors.

A person's contacts are those in their own list (`Tie.state`). A block, from either side, shuts both out of everything
here; whoever is blocked is answered as a stranger would be whom the settings do not let in.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts import hooks
from accounts.models import Audience, Tie, User
from messenger.core import bulk_sql
from messenger.core.errors import ApplicationError, forbidden, format_lazily, not_found
from messenger.live.visibility import Visibility

CONTACT = Tie.State.CONTACT.value


# ── In queries ───────────────────────────────────────────────────────────────────────────────────────────────────
def lets(viewer_id: int, setting: str, prefix: str = "") -> Q:
    """Of rows that belong to people (`prefix` leads to the person): of those whose setting lets this viewer in."""
    theirs = Tie.objects.filter(user=OuterRef(f"{prefix}pk"), person=viewer_id, state=CONTACT, blocked_at=None)
    everyone = Q(**{f"{prefix}{setting}": Audience.EVERYONE})
    return everyone | Q(Exists(theirs), **{f"{prefix}{setting}": Audience.CONTACTS})


def no_block(viewer_id: int, prefix: str = "") -> Q:
    """Of people between whom and this viewer there is no block."""
    blocked = Tie.objects.filter(blocked_at__isnull=False)
    return ~Exists(blocked.filter(user=OuterRef(f"{prefix}pk"), person=viewer_id)) & ~Exists(
        blocked.filter(user=viewer_id, person=OuterRef(f"{prefix}pk"))
    )


def shown(viewer: User, setting: str, prefix: str = "") -> Q:
    """Of people who show this to the viewer, and to whom the viewer shows it: who shows none sees none."""
    allowed = lets(viewer.pk, setting, prefix) & no_block(viewer.pk, prefix)
    own = getattr(viewer, setting)
    if own == Audience.EVERYONE:
        return allowed
    if own == Audience.NOBODY:
        return Q(pk__in=[])
    mine = Tie.objects.filter(user=viewer.pk, person=OuterRef(f"{prefix}pk"), state=CONTACT)
    return allowed & Q(Exists(mine))


# ── For what is told live ────────────────────────────────────────────────────────────────────────────────────────
def ears(user_ids: Iterable[int]) -> dict[int, Visibility]:
    """What these people hear of others, and show them; who has no block and hides nothing is left out. One query."""
    wanted = sorted(set(user_ids))
    if not wanted:
        return {}
    these = bulk_sql.placeholders(1, len(wanted))
    hides = "NOT (u.show_presence = 'everyone' AND u.show_receipts = 'everyone')"
    found = bulk_sql.fetch(
        f"SELECT user_id, 'blocked', person_id FROM accounts_tie WHERE blocked_at IS NOT NULL AND user_id IN {these}"
        " UNION ALL SELECT person_id, 'blocked', user_id FROM accounts_tie"
        f" WHERE blocked_at IS NOT NULL AND person_id IN {these}"
        f" UNION ALL SELECT u.id, u.show_presence || ' ' || u.show_receipts, 0 FROM accounts_user u"
        f" WHERE {hides} AND u.id IN {these}"
        " UNION ALL SELECT t.user_id, 'contact', t.person_id FROM accounts_tie t JOIN accounts_user u"
        f" ON u.id = t.user_id WHERE t.state = 'contact' AND t.blocked_at IS NULL AND {hides} AND t.user_id IN {these}",
        wanted * 4,
    )
    blocked: dict[int, set[int]] = {}
    contacts: dict[int, set[int]] = {}
    settings: dict[int, list[str]] = {}
    for user_id, what, other in found:
        if what == "blocked":
            blocked.setdefault(user_id, set()).add(other)
        elif what == "contact":
            contacts.setdefault(user_id, set()).add(other)
        else:
            settings[user_id] = what.split()

    def to_whom(user_id: int, at: int) -> frozenset[int] | None:
        setting = settings[user_id][at] if user_id in settings else Audience.EVERYONE
        if setting == Audience.EVERYONE:
            return None
        return frozenset(contacts.get(user_id, ()) if setting == Audience.CONTACTS else ())

    return {
        user_id: Visibility(frozenset(blocked.get(user_id, ())), to_whom(user_id, 0), to_whom(user_id, 1))
        for user_id in blocked.keys() | settings.keys()
    }


def blocked_with(user_id: int) -> set[int]:
    """Everybody between whom and this person there is a block, either way."""
    ties = Tie.objects.filter(Q(user=user_id) | Q(person=user_id), blocked_at__isnull=False)
    return {other for pair in ties.values_list("user_id", "person_id") for other in pair} - {user_id}


# ── Coming near somebody ─────────────────────────────────────────────────────────────────────────────────────────
def known(user_id: int, person_ids: Iterable[int]) -> dict[int, User]:
    """Of these people those whom this one may know to be here: found by name, met in a conversation, or in contact.

    The others are as if they were not there, for every verb that takes the number of a person.
    """
    wanted = list(dict.fromkeys(person_ids))
    people = User.objects.filter(is_active=True, pk__in=wanted)
    tied = Exists(Tie.objects.filter(user=user_id, person=OuterRef("pk")).exclude(state=Tie.State.NONE))
    found = people.filter(lets(user_id, "find_me") | tied | Q(pk=user_id)).in_bulk()
    hidden = [pk for pk in wanted if pk not in found]
    if hidden and (met := hooks.met(user_id, hidden)):
        found |= people.in_bulk(met)
    return found


def must_reach(user_id: int, person_id: int, setting: str) -> User:
    """Somebody whose setting lets this person come near. `not_found`, `blocked` or `forbidden`."""
    person = known(user_id, [person_id]).get(person_id)
    if person is None:
        raise not_found()
    must_let(user_id, [person], setting)
    return person


def must_let(user_id: int, people: Iterable[User], setting: str) -> None:
    """All of these people let this one in. Refuses in the name of the first who does not."""
    wanted = [person for person in people if person.pk != user_id]
    ties = Tie.objects.filter(
        Q(user=user_id, person__in=wanted) | Q(user__in=wanted, person=user_id),
        Q(state=CONTACT) | Q(blocked_at__isnull=False),
    )
    by_pair = {(tie.user_id, tie.person_id): tie for tie in ties} if wanted else {}
    for person in wanted:
        mine, theirs = by_pair.get((user_id, person.pk)), by_pair.get((person.pk, user_id))
        if mine and mine.blocked_at:
            raise blocked_refusal(person.shown_name)
        is_contact = theirs is not None and theirs.state == CONTACT and not theirs.blocked_at
        asked = getattr(person, setting)
        let_in = asked == Audience.EVERYONE or (asked == Audience.CONTACTS and is_contact)
        if not let_in or (theirs and theirs.blocked_at):
            raise closed_refusal(setting, person.shown_name)


def blocked_refusal(name: str = "") -> ApplicationError:
    """Only for whoever blocks."""
    words = format_lazily(_("You have blocked %(name)s. Unblock them first."), {"name": name}) if name else ""
    return ApplicationError("blocked", words or _("You have blocked this person. Unblock them first."))


def closed_refusal(setting: str, name: str = "") -> ApplicationError:
    """The same words for whoever is blocked, whom a setting keeps out, and who writes to a suspended account."""
    if setting == "add_me":
        return forbidden(
            format_lazily(_("%(name)s cannot be added by you. Send them a link to the group."), {"name": name})
        )
    return forbidden(_("This person takes no messages from you."))
