"""Pairs and groups: opening, changing, joining, leaving, roles. The table of rights is docs/protocol.md's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions.user_version import next_me_versions
from accounts.models import User
from accounts.schemas import user_schema
from accounts.selectors import privacy
from accounts.selectors import user_search as directory
from chat import events
from chat.actions.transaction import Ledger, changing
from chat.actions.validation import clean_block, clean_line
from chat.models import Conversation, Membership, Role
from chat.schemas import ConversationSchema, MemberSchema, member_schema, mine_schema
from chat.selectors import conversation_schemas, count_unread_mentions, shared_conversation_schema, with_member_state
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found, rate_limited
from messenger.live.events import UserEvent, publish

TITLE, DESCRIPTION, ANNOUNCEMENT = 80, 500, 1000
AT_ONCE = 500  # people added by one command
GROUPS, GROUPS_PER_SECOND = 10, 1 / 30  # opened by one person


# ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────
def open_direct(user_id: int, other_id: int) -> tuple[ConversationSchema, bool]:
    """The one conversation of these two, made if it is not there. Both may call at once: one row comes of it."""
    if user_id == other_id:
        raise invalid(user_id=_("This needs somebody else."))
    pair = "{}:{}".format(*sorted((user_id, other_id)))
    existing = Conversation.objects.filter(pair=pair).first()
    if existing is None:
        people = directory.reachable(user_id, [user_id, other_id])
        if other_id not in people or user_id not in people:
            raise not_found()
        privacy.must_let(user_id, [people[other_id]], "write_to_me")
        try:
            with write_transaction():
                conversation = _create(kind=Conversation.Kind.DIRECT, pair=pair, owner=None)
                shapes = _enter(conversation, [people[user_id], people[other_id]])
                return shapes[user_id], True
        except IntegrityError:  # the other was quicker
            existing = Conversation.objects.get(pair=pair)
    membership = Membership.objects.select_related("conversation").get(conversation=existing, user_id=user_id)
    return conversation_schemas([membership], user_id)[0], False


def create_group(user_id: int, title: str, user_ids: Iterable[int]) -> ConversationSchema:
    title = clean_line(title, TITLE, "title", required=True)
    wanted = [user_id, *dict.fromkeys(pk for pk in user_ids if pk != user_id)]
    if len(wanted) > AT_ONCE + 1:
        raise invalid(user_ids=_("At most %(limit)s people at once.") % {"limit": AT_ONCE})
    if wait := rate_limits.acquire(f"group.{user_id}", GROUPS, GROUPS_PER_SECOND):
        raise rate_limited(wait)
    people = directory.reachable(user_id, wanted)
    if missing := [pk for pk in wanted if pk not in people]:
        raise invalid(user_ids=_("There is nobody with the number %(id)s.") % {"id": missing[0]})
    privacy.must_let(user_id, people.values(), "add_me")
    with write_transaction():
        conversation = _create(
            kind=Conversation.Kind.GROUP, title=title, owner=people[user_id], creator=people[user_id]
        )
        return _enter(conversation, [people[pk] for pk in wanted])[user_id]


def _create(**fields: Any) -> Conversation:
    now = timezone.now()
    return Conversation.objects.create(**fields, created_at=now, active_at=now, version=1, info_version=1)


def _enter(conversation: Conversation, people: list[User]) -> dict[int, ConversationSchema]:
    """The first members. Nobody listens to the new conversation yet: each hears `conversation.added`."""
    now = conversation.created_at
    numbers = next_me_versions(user.pk for user in people)
    rows = []
    for user in people:
        conversation.version += 1
        rows.append(
            Membership(
                conversation=conversation,
                user=user,
                role=Role.OWNER if conversation.owner_id == user.pk else Role.MEMBER,
                joined_at=now,
                version=conversation.version,
                me_version=numbers[user.pk][0],
            )
        )
    Membership.objects.bulk_create(rows)
    conversation.member_count = len(rows)
    conversation.save(update_fields=["version", "member_count"])
    shared = shared_conversation_schema(conversation)
    shapes, told = {}, []
    for row in rows:
        shape = with_member_state(shared, row)
        if conversation.pair:
            shape.peer = next(user_schema(user) for user in people if user.pk != row.user_id)
        shapes[row.user_id] = shape
        told.append(events.conversation_added(row.user_id, row.me_version, shape, row.version))
    publish(told)
    return shapes


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────
CLEAN: dict[str, Callable[[Any], Any]] = {
    "title": lambda text: clean_line(text, TITLE, "title", required=True),
    "description": lambda text: clean_block(text, DESCRIPTION, "description"),
    "announcement": lambda text: clean_block(text, ANNOUNCEMENT, "announcement"),
    "members_may_add": bool,
    "members_may_pin": bool,
    "revisions_visible": bool,
}


# Of these a change is a line in the log, which says so by this name; with the words before and after where it is True.
SAID: dict[str, tuple[str, bool]] = {
    "title": ("renamed", True),
    "description": ("described", False),
    "announcement": ("announced", True),
}


def update(user_id: int, conversation_id: int, changes: dict[str, Any]) -> ConversationSchema:
    """Title, description, announcement, and what members may do. Each change of words is a line in the log."""
    wanted = {name: CLEAN[name](value) for name, value in changes.items() if name in CLEAN}
    with changing(conversation_id, user_id) as ledger:
        conversation = ledger.conversation
        group_only(ledger)
        ledger.require(ledger.leads, _("Only the owner and admins may change this."))
        changed = {name: value for name, value in wanted.items() if getattr(conversation, name) != value}
        if changed:
            old = {name: getattr(conversation, name) for name in changed}
            for name, value in changed.items():
                setattr(conversation, name, value)
            ledger.changed(*changed)
            for name, (event, quoted) in SAID.items():
                if name in changed:
                    words = {"old": old[name], "new": changed[name]} if quoted else {}
                    ledger.system_line(_actor(ledger), event, **words)
            if "announcement" in changed:
                _announce(ledger)
            tell_info(ledger)
        assert ledger.membership
        ledger.membership.conversation = conversation
        return conversation_schemas([ledger.membership], user_id)[0]


def _announce(ledger: Ledger) -> None:
    """New to everybody but whoever wrote it."""
    conversation, row = ledger.conversation, ledger.membership
    assert row
    conversation.announced_version = conversation.version + 1  # that of `tell_info`, which follows
    ledger.changed("announced_version")
    ledger.lock([row])
    row.announcement_seen = conversation.announced_version
    row.conversation = conversation
    row.save(update_fields=["announcement_seen"])
    ledger.tell_person(row, _mine_changed)


def tell_info(ledger: Ledger) -> None:
    """The shared fields take a version; said last, so that what they show (counts, versions) is as it stands."""
    conversation = ledger.conversation
    conversation.info_version = ledger.next_version()
    ledger.changed("info_version")
    ledger.tell(events.conversation_updated(shared_conversation_schema(conversation), conversation.info_version))


def _actor(ledger: Ledger) -> User:
    assert ledger.membership
    return ledger.membership.user


def group_only(ledger: Ledger) -> None:
    ledger.require(ledger.conversation.kind == Conversation.Kind.GROUP, _("A pair stays as it is."))


# ── Members ──────────────────────────────────────────────────────────────────────────────────────────────────────
def add_members(user_id: int, conversation_id: int, user_ids: Iterable[int]) -> list[MemberSchema]:
    """Add people; those who are in already stay as they are. Whoever was in before has its old row again."""
    wanted = list(dict.fromkeys(user_ids))
    if not wanted:
        raise invalid(user_ids=_("Choose somebody."))
    if len(wanted) > AT_ONCE:
        raise invalid(user_ids=_("At most %(limit)s people at once.") % {"limit": AT_ONCE})
    people = directory.reachable(user_id, wanted)
    with changing(conversation_id, user_id) as ledger:
        group_only(ledger)
        ledger.require(
            ledger.leads or ledger.conversation.members_may_add, _("Only the owner and admins may add people here.")
        )
        if missing := [pk for pk in wanted if pk not in people]:
            raise invalid(user_ids=_("There is nobody with the number %(id)s.") % {"id": missing[0]})
        inside = ledger.conversation.memberships.filter(left_at=None, user__in=wanted).values_list("user_id", flat=True)
        privacy.must_let(user_id, [people[pk] for pk in wanted if pk not in set(inside)], "add_me")
        rows = join(ledger, [people[pk] for pk in wanted])
        if rows:
            ledger.system_line(_actor(ledger), "joined", users=[row.user for row in rows])
            tell_info(ledger)  # the number of members
        return [member_schema(row) for row in rows]


def join(ledger: Ledger, people: list[User]) -> list[Membership]:
    conversation = ledger.conversation
    known = {
        row.user_id: row
        for row in Membership.objects.filter(conversation=conversation, user__in=people).select_related("user")
    }
    ledger.lock(row for row in known.values() if row.left_at)
    fresh, back = [], []
    for user in people:
        row = known.get(user.pk)
        if row and row.left_at is None:
            continue
        if row is None:
            fresh.append(row := Membership(conversation=conversation, user=user))
        else:
            back.append(row)
        row.role, row.joined_at, row.left_at, row.version = Role.MEMBER, ledger.now, None, ledger.next_version()
        row.was_removed = False
        # What was said before one came is history, not unread.
        row.read_seq = row.delivered_seq = conversation.last_seq
        row.read_count = conversation.text_count
    Membership.objects.bulk_create(fresh)
    fields = ["role", "joined_at", "left_at", "was_removed", "version", "read_seq", "delivered_seq", "read_count"]
    Membership.objects.bulk_update(back, fields)
    conversation.member_count += len(fresh) + len(back)
    ledger.changed("member_count")
    rows = sorted([*fresh, *back], key=lambda row: row.version)
    shared = cache(
        lambda: shared_conversation_schema(conversation)
    )  # asked when all else is done, once for all who come

    def added(row: Membership) -> UserEvent:
        return events.conversation_added(row.user_id, row.me_version, with_member_state(shared(), row), row.version)

    for row in rows:
        row.conversation = conversation
        ledger.tell(events.member_updated(conversation.pk, member_schema(row)))
        ledger.tell_person(row, added)
    return rows


def remove_member(user_id: int, conversation_id: int, target_id: int) -> None:
    """Remove somebody, or leave with one's own id. From this version on that person hears nothing more."""
    with changing(conversation_id, user_id) as ledger:
        group_only(ledger)
        row = _member(ledger, target_id)
        if target_id == user_id:
            ledger.require(
                row.role != Role.OWNER or ledger.conversation.member_count == 1,
                _("Give the group to somebody else first, or delete it."),
            )
        else:
            ledger.require(
                ledger.role == Role.OWNER or (ledger.role == Role.ADMIN and row.role == Role.MEMBER),
                _("You may not remove this person."),
            )
        name = "left" if target_id == user_id else "removed"
        row.was_removed = name == "removed"
        ledger.system_line(_actor(ledger), name, users=[row.user])
        ledger.conversation.member_count -= 1
        ledger.changed("member_count")
        if ledger.conversation.member_count == 0:
            ledger.conversation.deleted_at = ledger.now
            ledger.changed("deleted_at")
        else:
            tell_info(ledger)
        _leave(ledger, [row])


def _leave(ledger: Ledger, rows: list[Membership]) -> None:
    ledger.lock(rows)
    for row in rows:
        row.left_at, row.role, row.version = ledger.now, Role.MEMBER, ledger.next_version()
    Membership.objects.bulk_update(rows, ["left_at", "role", "version", "was_removed"])
    for row in rows:
        ledger.tell(events.member_updated(row.conversation_id, member_schema(row)))
        ledger.tell_person(row, _removed)


def _removed(row: Membership) -> UserEvent:
    return events.conversation_removed(row.user_id, row.me_version, row.conversation_id, row.version)


def set_role(user_id: int, conversation_id: int, target_id: int, role: str) -> MemberSchema:
    """Make somebody admin or member; `owner` hands the group over, and the old owner becomes admin."""
    if role not in Role.values:
        raise invalid(role=_("Choose owner, admin or member."))
    with changing(conversation_id, user_id) as ledger:
        group_only(ledger)
        row = _member(ledger, target_id)
        ledger.require(ledger.role == Role.OWNER, _("Only the owner may change roles."))
        if row.role == role:
            return member_schema(row)
        ledger.require(target_id != user_id, _("Give the group to somebody else first, or delete it."))
        changed, old = [row], row.role
        if role == Role.OWNER:
            assert ledger.membership
            ledger.membership.role = Role.ADMIN
            changed.append(ledger.membership)
            ledger.conversation.owner = row.user
            ledger.changed("owner")
        row.role = role
        ledger.lock(changed)
        for each in changed:
            each.version = ledger.next_version()
            each.save(update_fields=["role", "version"])
            ledger.tell(events.member_updated(each.conversation_id, member_schema(each)))
            each.conversation = ledger.conversation
            ledger.tell_person(each, _mine_changed)
        if role == Role.OWNER:
            ledger.system_line(_actor(ledger), "owner", users=[row.user])
            tell_info(ledger)
        else:
            ledger.system_line(_actor(ledger), "role", users=[row.user], old=old, new=role)
        return member_schema(row)


def _mine_changed(row: Membership) -> UserEvent:
    """A role is shown to all, and is part of `mine` too; so is which announcement was seen."""
    count = count_unread_mentions([row]).get((row.conversation_id, row.user_id), 0)
    return events.mine_updated(row.user_id, row.conversation_id, mine_schema(row, row.conversation, count))


def delete_group(user_id: int, conversation_id: int) -> None:
    """The end of a group, for everybody. Its rows stay for the moderators."""
    with changing(conversation_id, user_id) as ledger:
        group_only(ledger)
        ledger.require(ledger.role == Role.OWNER, _("Only the owner may delete the group."))
        rows = list(ledger.conversation.memberships.filter(left_at=None).select_related("user").order_by("pk"))
        ledger.conversation.member_count, ledger.conversation.deleted_at = 0, ledger.now
        ledger.changed("member_count", "deleted_at")
        _leave(ledger, rows)


def _member(ledger: Ledger, target_id: int) -> Membership:
    row = ledger.conversation.memberships.filter(user_id=target_id, left_at=None).select_related("user").first()
    if row is None:
        raise not_found()
    return row


# ── A person's new name or picture ───────────────────────────────────────────────────────────────────────────────
def profile_changed(user_id: int) -> None:
    """Told as `member.updated` in each conversation of theirs, one short transaction each."""
    mine = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    for conversation_id in mine.values_list("conversation_id", flat=True):
        profile_changed_in(user_id, conversation_id)


def profile_changed_in(user_id: int, conversation_id: int) -> None:
    with changing(conversation_id, user_id) as ledger:
        row = ledger.membership
        assert row
        row.version = ledger.next_version()
        row.save(update_fields=["version"])
        ledger.tell(events.member_updated(conversation_id, member_schema(row)))
