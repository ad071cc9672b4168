"""What becomes of somebody's place in conversations when they delete their account.

What is said before (`plan`) is what is done after (`leave_everything`, in the background): groups go to the next in
line, or end where nobody else is in them; what was written stays without a name, or is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import models
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, Sum, Value, When
from django.utils import timezone

from accounts.actions import deletion as account
from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from chat import actions, events, tasks
from chat.actions.groups import profile_changed_in
from chat.actions.messages import WIPED, take_away, wipe_words
from chat.actions.transaction import Ledger
from chat.attachments import uploads
from chat.export import actions as archives
from chat.models import Attachment, Conversation, Invite, Mark, Membership, Mention, Message, Reaction, Role, Upload
from chat.schemas import message_schema
from chat.selectors import messages_with_relations
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError

AT_ONCE = 50  # messages in one transaction: others write in between


# ── Before ───────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class Fate:
    """Of a group that this person owns. Without an heir it ends: nobody else is in it."""

    id: int
    title: str
    heir: UserSchema | None


@dataclass(slots=True)
class Plan:
    owned: list[Fate]
    groups: int  # that they are in and do not own
    pairs: int
    files: int
    file_bytes: int


def plan(user_id: int) -> Plan:
    """Four queries."""
    mine = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    owned = mine.filter(role=Role.OWNER).select_related("conversation").annotate(heir=_heir()).order_by("pk")
    places = list(owned)
    people = User.objects.in_bulk({place.heir for place in places if place.heir})
    count = mine.aggregate(
        pairs=Count("pk", filter=Q(conversation__kind=Conversation.Kind.DIRECT)),
        groups=Count("pk", filter=Q(conversation__kind=Conversation.Kind.GROUP) & ~Q(role=Role.OWNER)),
    )
    kept = uploads.of_owner(user_id).filter(message__isnull=False)
    files = kept.aggregate(n=Count("pk"), size=Sum("file__size"))
    return Plan(
        owned=[
            Fate(
                place.conversation_id, place.conversation.title, user_schema(people[place.heir]) if place.heir else None
            )
            for place in places
        ],
        groups=count["groups"],
        pairs=count["pairs"],
        files=files["n"],
        file_bytes=files["size"] or 0,
    )


def _heir() -> Subquery:
    """Who a group goes to: the admin who has been there longest, else the member who has."""
    others = Membership.objects.filter(conversation=OuterRef("conversation"), left_at=None, user__is_active=True)
    rank = Case(When(role=Role.ADMIN, then=Value(0)), default=Value(1), output_field=models.IntegerField())
    others = others.exclude(user=OuterRef("user")).order_by(rank, "joined_at", "pk")
    return Subquery(others.values("user")[:1])


# ── The verb ─────────────────────────────────────────────────────────────────────────────────────────────────────
def delete_account(user_id: int, *, take_back: bool) -> None:
    """For good. Who they were and how they came in goes at once; the rest follows, also after a crash.

    `take_back`: everything that they wrote, too.
    """
    with write_transaction():
        account.erase(user_id)
        Membership.objects.filter(user_id=user_id).update(draft="")
        Invite.objects.filter(made_by=user_id, revoked_at=None).update(revoked_at=timezone.now())
        archives.drop_of(user_id)
        tasks.leave_everything.enqueue(user_id, take_back)


# ── After ────────────────────────────────────────────────────────────────────────────────────────────────────────
def leave_everything(user_id: int, take_back: bool) -> None:
    """Safe to do again, from wherever it was cut off."""
    if not User.objects.filter(pk=user_id, deleted_at__isnull=False).exists():
        return
    if take_back:
        _take_all_back(user_id)
    for place in Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None).annotate(
        heir=_heir(), kind=F("conversation__kind")
    ):
        try:
            _leave(place)
        except ApplicationError as refused:
            if refused.code != "not_found":  # the group ended meanwhile, or they are out of it already
                raise
    for row in Upload.objects.filter(owner_id=user_id):
        if row.attachment_id is None or Attachment.objects.filter(pk=row.attachment_id, message=None).exists():
            uploads.drop(row)
    with write_transaction():
        Attachment.objects.filter(owner_id=user_id, message=None).delete()
        Mark.objects.filter(user_id=user_id).delete()
        Mention.objects.filter(user_id=user_id).delete()
    tasks.bury_files.enqueue()


def _leave(place) -> None:
    user_id, conversation_id = place.user_id, place.conversation_id
    if place.kind == Conversation.Kind.DIRECT:
        profile_changed_in(user_id, conversation_id)  # the other one keeps it, with somebody in it who has no name
        return
    if place.role == Role.OWNER and place.heir:
        actions.set_role(user_id, conversation_id, place.heir, Role.OWNER)
    actions.remove_member(user_id, conversation_id, user_id)


def _take_all_back(user_id: int) -> None:
    """Texts are wiped as by recalling each; marks under others' messages go. Also where they are no member any more."""
    everywhere = Membership.objects.filter(user_id=user_id).values_list("conversation_id", flat=True)
    for conversation_id in everywhere.order_by("conversation_id"):
        seq = 0
        while numbers := _written(user_id, conversation_id, seq):
            seq = numbers[-1]
            with _under_lock(conversation_id) as ledger:
                for message in messages_with_relations().filter(conversation_id=conversation_id, seq__in=numbers):
                    if message.deleted_at is None:
                        take_away(ledger, message, wipe=True, by_id=user_id)
                    else:
                        wipe_words(message)
                        message.save(update_fields=WIPED)
    marked = Reaction.objects.filter(user_id=user_id).values_list("message__conversation_id", "message_id").distinct()
    for conversation_id, message_id in list(marked):
        with _under_lock(conversation_id) as ledger:
            Reaction.objects.filter(user_id=user_id, message=message_id).delete()
            message = messages_with_relations().get(pk=message_id)
            ledger.save_message(message)
            ledger.tell(events.message_updated(message_schema(message)))


def _written(user_id: int, conversation_id: int, after: int) -> list[int]:
    """By seq: texts that have words left, deleted ones that can be restored too."""
    texts = Message.objects.filter(conversation=conversation_id, seq__gt=after, sender=user_id, kind=Message.Kind.TEXT)
    left = texts.filter(Q(deleted_at=None) | Q(hidden_by__isnull=False))
    return list(left.order_by("seq").values_list("seq", flat=True)[:AT_ONCE])


@contextmanager
def _under_lock(conversation_id: int) -> Iterator[Ledger]:
    """As nobody in particular, and where the group has ended, too: then nobody listens."""
    with write_transaction():
        ledger = Ledger(Conversation.objects.select_for_update(no_key=True).get(pk=conversation_id), None)
        yield ledger
        ledger.close()
