"""What somebody may see. Every look-up goes through what is theirs, so that access and look-up are one query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max, Q
from django.utils.translation import gettext as _

from accounts.text import pinyin
from chat import standing
from chat.models import Conversation, Membership, Mention, Message, Role
from chat.queries import whole_messages, whole_shapes
from chat.shapes import (
    ConversationShape,
    HistoryShape,
    MemberShape,
    MessageShape,
    RevisionShape,
    TitleShape,
    member_shape,
    message_shape,
    moment,
    room_picture,
)
from messenger.core.errors import forbidden, not_found

PAGE, PAGE_MAX = 50, 100


def membership(user_id: int, conversation_id: int) -> Membership:
    """The one query behind every door. `not_found` for strangers, as for what is not there."""
    row = (
        Membership.objects.select_related("conversation")
        .filter(conversation_id=conversation_id, user_id=user_id, left_at=None, conversation__deleted_at=None)
        .first()
    )
    if row is None:
        raise not_found()
    return row


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────
def conversations(
    user_id: int, *, before: tuple[str, int] | None = None, limit: int = PAGE
) -> tuple[list[ConversationShape], tuple[str, int] | None]:
    """Mine, newest activity first. `before` is the (time, id) cursor that the page before gave; None where it ends."""
    rows = (
        Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
        .select_related("conversation")
        .order_by("-conversation__active_at", "-conversation_id")
    )
    if before:
        at, pk = before
        rows = rows.filter(Q(conversation__active_at__lt=at) | Q(conversation__active_at=at, conversation_id__lt=pk))
    found = list(rows[: limit + 1])
    page = found[:limit]
    cursor = None
    if len(found) > limit:
        last = page[-1].conversation
        cursor = (last.active_at.isoformat(), last.pk)
    return whole_shapes(page, user_id), cursor


def these(user_id: int, ids: Sequence[int]) -> list[ConversationShape]:
    """Of my conversations those with these ids, in their order; what is none of mine is left out."""
    if not ids:
        return []
    found = Membership.objects.filter(
        user_id=user_id, conversation__in=ids, left_at=None, conversation__deleted_at=None
    ).select_related("conversation")
    shapes = {shape.id: shape for shape in whole_shapes(list(found), user_id)}
    return [shapes[pk] for pk in ids if pk in shapes]


def titles(user_id: int) -> list[TitleShape]:
    """What all my conversations are called, newest activity first. Two statements."""
    called = standing.titles(user_id)
    return [
        TitleShape(
            id=title.id,
            kind=title.kind,
            title=title.name,
            keys=list(pinyin.keys(title.name)),
            avatar_url=room_picture(title.id, title.avatar),
            peer=title.peer,
        )
        for row in standing.of(user_id)
        if (title := called.get(row.id))
    ]


def conversation(user_id: int, conversation_id: int) -> ConversationShape:
    return whole_shapes([membership(user_id, conversation_id)], user_id)[0]


def members(user_id: int, conversation_id: int) -> list[MemberShape]:
    """All of them: owner first, then admins, then the others by name. A page of them: chat/members.py."""
    membership(user_id, conversation_id)
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None).select_related("user")
    rank = {Role.OWNER: 0, Role.ADMIN: 1, Role.MEMBER: 2}
    ordered = sorted(rows, key=lambda row: (rank[Role(row.role)], ascii_lower(row.user.shown_name), row.user_id))
    return [member_shape(row) for row in ordered]


def ascii_lower(name: str) -> str:
    """As databases make letters small where they are told nothing of languages; see chat/members.py."""
    return "".join(char.lower() if "A" <= char <= "Z" else char for char in name)


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
def history(
    user_id: int,
    conversation_id: int,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = PAGE,
) -> HistoryShape:
    """A page by seq, ascending; the newest where nothing is asked. The version is read before the rows."""
    conversation = membership(user_id, conversation_id).conversation
    return history_of(conversation, before=before, after=after, around=around, limit=limit)


def history_of(
    conversation: Conversation,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    above: int | None = None,
    limit: int = PAGE,
) -> HistoryShape:
    """For whoever was let in already. `above`: how many of the lines stand above `around`; half of them unless said."""
    rows = whole_messages().filter(conversation_id=conversation.pk)
    limit = max(1, min(limit, PAGE_MAX))
    if around is not None:
        half = limit // 2 if above is None else above
        start = min(around - half, conversation.last_seq - limit + 1)  # a whole page also near the end
        found = list(rows.filter(seq__gte=start).order_by("seq")[:limit])
    elif after is not None:
        found = list(rows.filter(seq__gt=after).order_by("seq")[:limit])
    else:
        if before is not None:
            rows = rows.filter(seq__lt=before)
        found = [*reversed(rows.order_by("-seq")[:limit])]
    # Numbers have no holes, so the ends are known without asking.
    first = found[0].seq if found else (before if before is not None else (after or 0) + 1)
    last = found[-1].seq if found else first - 1
    return HistoryShape(
        results=[message_shape(row) for row in found],
        has_before=first > 1 and conversation.last_seq > 0,
        has_after=last < conversation.last_seq,
        version=conversation.version,
    )


def first_since(user_id: int, conversation_id: int, since: datetime) -> int | None:
    """Seq of the first message written then or later; None where there is none.

    Times follow seq but for moments, so halving finds it: 20 look-ups by index in a million messages, and no index of
    times that each send would have to keep.
    """
    low, high = 1, membership(user_id, conversation_id).conversation.last_seq + 1
    end = high
    rows = Message.objects.filter(conversation_id=conversation_id).values_list("created_at", flat=True)
    while low < high:
        middle = (low + high) // 2
        at = rows.filter(seq=middle).first()
        if at is not None and at < since:
            low = middle + 1
        else:
            high = middle
    return low if low < end else None


def message(user_id: int, message_id: int) -> MessageShape:
    return message_shape(message_row(user_id, message_id))


def message_row(user_id: int, message_id: int) -> Message:
    mine = Conversation.objects.visible_to(user_id)
    row = whole_messages().filter(pk=message_id, conversation__in=mine).first()
    if row is None:
        raise not_found()
    return row


def revisions(user_id: int, message_id: int) -> list[RevisionShape]:
    """What it said before, oldest first; of more than a hundred the newest. Nothing of what was deleted."""
    row = message_row(user_id, message_id)
    if row.deleted_at:
        raise not_found()
    seat = membership(user_id, row.conversation_id)
    allowed = seat.conversation.revisions_visible or row.sender_id == user_id or seat.role != Role.MEMBER
    if not allowed:
        raise forbidden(_("Earlier versions are not shown in this group."))
    newest = list(row.revisions.order_by("-pk")[:PAGE_MAX])
    return [RevisionShape(each.body, each.body_html, moment(each.written_at)) for each in reversed(newest)]


def pins(user_id: int, conversation_id: int) -> list[MessageShape]:
    """Newest pin first, a hundred at most."""
    membership(user_id, conversation_id)
    rows = whole_messages().filter(conversation_id=conversation_id, pinned_at__isnull=False).order_by("-pinned_at")
    return [message_shape(row) for row in rows[:PAGE_MAX]]


def pin_ids(conversation_id: int) -> list[int]:
    """For whoever was let in already: which messages `pins` tells of."""
    rows = Message.objects.filter(conversation_id=conversation_id, pinned_at__isnull=False).order_by("-pinned_at")
    return list(rows.values_list("pk", flat=True)[:PAGE_MAX])


def mentions(user_id: int, *, before: int | None = None, limit: int = PAGE) -> tuple[list[MessageShape], int | None]:
    """Messages that name me, newest first, where I am a member now. The cursor is the last mention's id."""
    rows = Mention.objects.filter(user_id=user_id, conversation__in=Conversation.objects.visible_to(user_id))
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk").values_list("pk", "message_id")[: limit + 1])
    page = found[:limit]
    by_id = {row.pk: row for row in whole_messages().filter(pk__in=[message_id for _, message_id in page])}
    shapes = [message_shape(by_id[message_id]) for _, message_id in page]
    return shapes, (page[-1][0] if len(found) > limit else None)


def newest_unread_mentions(user_id: int) -> dict[int, int]:
    """Seq of the newest message after my read mark that names me, by conversation; a hundred conversations at most."""
    mine = [each for each in standing.of(user_id) if each.mentions][:PAGE_MAX]
    newest = Mention.objects.filter(user_id=user_id, conversation__in=[each.id for each in mine])
    return dict(newest.values_list("conversation_id").annotate(newest=Max("seq")).order_by()) if mine else {}


# ── What presence asks ───────────────────────────────────────────────────────────────────────────────────────────
def conversation_ids(user_id: int) -> list[int]:
    return list(Conversation.objects.visible_to(user_id).values_list("pk", flat=True))


def acquainted(user_id: int, user_ids: list[int]) -> set[int]:
    """Those of these people who share a conversation with this one."""
    shared = Membership.objects.filter(
        conversation__in=Conversation.objects.visible_to(user_id), user_id__in=user_ids, left_at=None
    )
    return set(shared.values_list("user_id", flat=True))
