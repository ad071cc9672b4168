"""Contains the privacy rules: who may see or contact whom. Pages, the API and WebSockets all use these rules.

The contacts of a user are the people in the user's own contact list (`Relationship.state`). If one of two users has
blocked the other, these rules allow nothing between them. The blocked user gets the same error as somebody who is not
allowed by a privacy setting. So the user cannot notice the block.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts import hooks
from accounts.models import Audience, Relationship, User
from messenger.core import bulk_sql
from messenger.core.errors import ApplicationError, forbidden, format_lazily
from messenger.live.visibility import Visibility

CONTACT = Relationship.State.CONTACT.value


# ── Query conditions ─────────────────────────────────────────────────────────────────────────────────────────────
def allowed_by(viewer_id: int, setting: str, prefix: str = "") -> Q:
    """Returns a query condition for users whose privacy setting (such as "find_me") includes the viewer.

    The value of a setting is everyone, contacts or nobody. With "contacts", the viewer must be a contact of the queried
    user and not be blocked by that user. Blocks are not checked for the other values. `prefix` is the lookup from the
    queried rows to their users, such as `user__`.
    """
    contact_rows = Relationship.objects.filter(
        user=OuterRef(f"{prefix}pk"), person=viewer_id, state=CONTACT, blocked_at=None
    )
    everyone = Q(**{f"{prefix}{setting}": Audience.EVERYONE})
    return everyone | Q(Exists(contact_rows), **{f"{prefix}{setting}": Audience.CONTACTS})


def not_blocked(viewer_id: int, prefix: str = "") -> Q:
    """Returns a query condition for users who have not blocked the viewer and whom the viewer has not blocked."""
    blocks = Relationship.objects.filter(blocked_at__isnull=False)
    return ~Exists(blocks.filter(user=OuterRef(f"{prefix}pk"), person=viewer_id)) & ~Exists(
        blocks.filter(user=viewer_id, person=OuterRef(f"{prefix}pk"))
    )


def visible_to(viewer: User, setting: str, prefix: str = "") -> Q:
    """Returns a query condition for users who show something to the viewer. `setting` is the privacy setting for it.

    For example, with "show_presence" the condition finds users who let the viewer see that they are online. The viewer
    must show the same to these users. Users who have blocked the viewer, or whom the viewer has blocked, are left out.
    `prefix` is the lookup from the queried rows to their users, such as `user__`.
    """
    allowed = allowed_by(viewer.pk, setting, prefix) & not_blocked(viewer.pk, prefix)
    own_setting = getattr(viewer, setting)
    if own_setting == Audience.EVERYONE:
        return allowed
    if own_setting == Audience.NOBODY:
        return Q(pk__in=[])
    own_contacts = Relationship.objects.filter(user=viewer.pk, person=OuterRef(f"{prefix}pk"), state=CONTACT)
    return allowed & Q(Exists(own_contacts))


# ── Visibility of live events ────────────────────────────────────────────────────────────────────────────────────
def visibility_for(user_ids: Iterable[int]) -> dict[int, Visibility]:
    """Returns a `Visibility` for each of these users, by user id. It says who may see what of whom. Makes one query.

    It contains the users to whom this user shows presence (whether the user is online) and receipts (what the user has
    read), and all users who block this user or whom this user blocks. Users who show both to everyone and have no block
    are left out.
    """
    ids = sorted(set(user_ids))
    if not ids:
        return {}
    id_list = bulk_sql.placeholders(1, len(ids))
    hides = "NOT (u.show_presence = 'everyone' AND u.show_receipts = 'everyone')"
    rows = bulk_sql.fetch_all(
        "SELECT user_id, 'blocked', person_id FROM accounts_relationship"
        f" WHERE blocked_at IS NOT NULL AND user_id IN {id_list}"
        " UNION ALL SELECT person_id, 'blocked', user_id FROM accounts_relationship"
        f" WHERE blocked_at IS NOT NULL AND person_id IN {id_list}"
        " UNION ALL SELECT u.id, u.show_presence || ' ' || u.show_receipts, 0 FROM accounts_user u"
        f" WHERE {hides} AND u.id IN {id_list}"
        " UNION ALL SELECT r.user_id, 'contact', r.person_id FROM accounts_relationship r JOIN accounts_user u"
        " ON u.id = r.user_id WHERE r.state = 'contact' AND r.blocked_at IS NULL"
        f" AND {hides} AND r.user_id IN {id_list}",
        ids * 4,
    )
    blocked: dict[int, set[int]] = {}
    contacts: dict[int, set[int]] = {}
    settings: dict[int, list[str]] = {}  # user id → show_presence, show_receipts
    for user_id, kind, person_id in rows:
        if kind == "blocked":
            blocked.setdefault(user_id, set()).add(person_id)
        elif kind == "contact":
            contacts.setdefault(user_id, set()).add(person_id)
        else:
            settings[user_id] = kind.split()

    def shown_to(user_id: int, index: int) -> frozenset[int] | None:
        setting = settings[user_id][index] if user_id in settings else Audience.EVERYONE
        if setting == Audience.EVERYONE:
            return None
        return frozenset(contacts.get(user_id, ()) if setting == Audience.CONTACTS else ())

    return {
        user_id: Visibility(frozenset(blocked.get(user_id, ())), shown_to(user_id, 0), shown_to(user_id, 1))
        for user_id in blocked.keys() | settings.keys()
    }


def blocked_user_ids(user_id: int) -> set[int]:
    """Returns the ids of users whom this user has blocked, and of users who have blocked this user."""
    rows = Relationship.objects.filter(Q(user=user_id) | Q(person=user_id), blocked_at__isnull=False)
    return {pk for pair in rows.values_list("user_id", "person_id") for pk in pair} - {user_id}


# ── Rules of actions ─────────────────────────────────────────────────────────────────────────────────────────────
def discoverable_users(user_id: int, person_ids: Iterable[int]) -> dict[int, User]:
    """Returns those of `person_ids` whom the user can find, as a dict of users by id.

    The user finds people by search, in a shared conversation or by a relationship, such as a contact request. Suspended
    people are left out. Every action that takes user ids treats all other people as if they did not exist.
    """
    ids = list(dict.fromkeys(person_ids))
    users = User.objects.filter(is_active=True, pk__in=ids)
    rows = Relationship.objects.filter(user=user_id, person=OuterRef("pk"))
    has_relationship = Exists(rows.exclude(state=Relationship.State.NONE))
    result = users.filter(allowed_by(user_id, "find_me") | has_relationship | Q(pk=user_id)).in_bulk()
    remaining_ids = [pk for pk in ids if pk not in result]
    if remaining_ids and (sharing_ids := hooks.users_sharing_conversation(user_id, remaining_ids)):
        result |= users.in_bulk(sharing_ids)
    return result


def require_allowed(user_id: int, people: Iterable[User], setting: str) -> None:
    """Raises an error if the privacy setting `setting` of one of these people does not allow the user.

    `setting` is, for example, "add_me". The error is `blocked` if the user has blocked this person, else `forbidden`.
    """
    for error in find_refusals(user_id, people, setting).values():
        raise error


def find_refusals(user_id: int, people: Iterable[User], setting: str) -> dict[int, ApplicationError]:
    """Returns, by the person's id, an error for each of these people who does not allow the user to do something.

    `setting` is the privacy setting that decides, such as "add_me". People who allow it are left out. The error is
    `blocked` if the user has blocked the person, else `forbidden` (also if the person has blocked the user).
    """
    others = [person for person in people if person.pk != user_id]
    rows = Relationship.objects.filter(
        Q(user=user_id, person__in=others) | Q(user__in=others, person=user_id),
        Q(state=CONTACT) | Q(blocked_at__isnull=False),
    )
    by_pair = {(row.user_id, row.person_id): row for row in rows} if others else {}
    refusals = {}
    for person in others:
        own, reverse = by_pair.get((user_id, person.pk)), by_pair.get((person.pk, user_id))
        if own and own.blocked_at:
            refusals[person.pk] = blocked_error(person.display_name)
            continue
        is_contact = reverse is not None and reverse.state == CONTACT and not reverse.blocked_at
        audience = getattr(person, setting)
        is_allowed = audience == Audience.EVERYONE or (audience == Audience.CONTACTS and is_contact)
        if not is_allowed or (reverse and reverse.blocked_at):
            refusals[person.pk] = not_allowed_error(setting, person.display_name)
    return refusals


def blocked_error(name: str = "") -> ApplicationError:
    """Returns the error for a user who has blocked the other person. The blocked person never receives this error."""
    message = format_lazily(_("You’ve blocked %(name)s. Unblock them first."), {"name": name}) if name else ""
    return ApplicationError("blocked", message or _("You’ve blocked this person. Unblock them first."))


def not_allowed_error(setting: str, name: str = "") -> ApplicationError:
    """Returns the error for a user who may not contact or add a person.

    The error is the same if the person has blocked the user, does not allow it by a privacy setting, or is suspended.
    So the user cannot find out which of these is the reason.
    """
    if setting == "add_me":
        return forbidden(format_lazily(_("You can’t add %(name)s. Send them an invite link instead."), {"name": name}))
    if name:
        return forbidden(format_lazily(_("%(name)s only accepts messages from contacts."), {"name": name}))
    return forbidden(_("This person only accepts messages from contacts."))
