"""What somebody may see. Every look-up goes through what is theirs, so that access and look-up are one query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db.models import Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts import contacts, pinyin, privacy
from accounts.models import Audience, User
from accounts.shapes import ContactShape, contact_shape
from chat import standing
from chat.models import Conversation, Mark, Membership, Mention, Message, Role
from chat.queries import unread_mentions, whole_messages, whole_shapes
from chat.shapes import (
    ChangesShape,
    ConversationShape,
    HistoryShape,
    MemberShape,
    MessageReceiptShape,
    MessageShape,
    MineShape,
    ReceiptShape,
    RevisionShape,
    TitleShape,
    member_shape,
    message_shape,
    mine_shape,
    moment,
    moment_or_none,
    room_picture,
)
from messenger.live.refusal import forbidden, not_found

PAGE, PAGE_MAX = 50, 100
CHANGES, CHANGES_MAX = 200, 500


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
    return message_shape(_message(user_id, message_id))


def _message(user_id: int, message_id: int) -> Message:
    mine = Conversation.objects.visible_to(user_id)
    row = whole_messages().filter(pk=message_id, conversation__in=mine).first()
    if row is None:
        raise not_found()
    return row


def revisions(user_id: int, message_id: int) -> list[RevisionShape]:
    """What it said before, oldest first; of more than a hundred the newest. Nothing of what was deleted."""
    row = _message(user_id, message_id)
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


# ── Who got and read it ──────────────────────────────────────────────────────────────────────────────────────────
def receipts(user_id: int, conversation_id: int) -> list[ReceiptShape]:
    """Each other member's marks, of those who show them; to nobody who hides their own."""
    return receipts_of(membership(user_id, conversation_id))


def receipts_of(seat: Membership) -> list[ReceiptShape]:
    """For whoever was let in already, and sits here."""
    if not _shows(seat):
        return []
    conversation_id = seat.conversation_id
    # Each mark has a time of its own: that of the first step that reached it, or of one's own message, which moves it.
    same = {"conversation_id": conversation_id, "seq__gte": OuterRef("read_seq")}
    marked = Mark.objects.filter(**same, kind=Mark.Kind.READ, user_id=OuterRef("user_id")).order_by("at")
    wrote = Message.objects.filter(**same, kind=Message.Kind.TEXT, sender_id=OuterRef("user_id")).order_by("seq")
    rows = (
        _showing(conversation_id, seat.user)
        .exclude(user_id=seat.user_id)
        .annotate(read_at=Coalesce(Subquery(marked.values("at")[:1]), Subquery(wrote.values("created_at")[:1])))
        .values_list("user_id", "delivered_seq", "read_seq", "read_at")
    )
    return [ReceiptShape(uid, got, read, moment_or_none(at)) for uid, got, read, at in rows]


def message_receipts(user_id: int, message_id: int) -> list[MessageReceiptShape]:
    """Who got and read this message, and when: the first mark of each that reached it."""
    row = _message(user_id, message_id)
    seat = membership(user_id, row.conversation_id)
    if not _shows(seat):
        return []
    people = _showing(row.conversation_id, seat.user).exclude(user_id=row.sender_id).values_list("user_id", flat=True)
    marks = (
        Mark.objects.filter(conversation_id=row.conversation_id, seq__gte=row.seq, user_id__in=list(people))
        .values_list("user_id", "kind")
        .annotate(at=Min("at"))
        .order_by()
    )
    first = {(uid, kind): at for uid, kind, at in marks}
    reached = sorted({uid for uid, _kind in first})
    return [
        MessageReceiptShape(
            uid, moment_or_none(first.get((uid, "delivered"))), moment_or_none(first.get((uid, "read")))
        )
        for uid in reached
    ]


def _showing(conversation_id: int, viewer: User | None = None) -> QuerySet[Membership]:
    """Members who show how far they have read, in all and in this conversation; to this viewer, where one is given."""
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None, receipts=True)
    if viewer is not None:
        return rows.filter(Q(user=viewer.pk) | privacy.shown(viewer, "show_receipts", "user__"))
    return rows.exclude(user__show_receipts=Audience.NOBODY)


def shows_receipts(user_id: int, conversation_id: int) -> bool:
    """Whether this person shows theirs here, and so sees those of others."""
    return _shows(membership(user_id, conversation_id))


def _shows(seat: Membership) -> bool:
    """Whether whoever sits here shows how far they have read; who shows none sees none."""
    return seat.receipts and seat.user.show_receipts != Audience.NOBODY


# ── Catching up ──────────────────────────────────────────────────────────────────────────────────────────────────
def changes(user_id: int, conversation_id: int, after: int, limit: int = CHANGES) -> ChangesShape:
    """Rows changed since `after`, all kinds merged in order of version and cut at `limit`."""
    return changes_of(membership(user_id, conversation_id), after, max(1, min(limit, CHANGES_MAX)))


def changes_of(row: Membership, after: int, limit: int) -> ChangesShape:
    conversation = row.conversation
    messages, members, info, version, complete = changed_rows(conversation, after, limit)
    shape = whole_shapes([row], row.user_id)[0] if info else None
    return ChangesShape(
        version=version,
        complete=complete,
        conversation=shape,
        messages=[message_shape(each) for each in messages],
        members=[member_shape(each) for each in members],
    )


def changed_rows(
    conversation: Conversation, after: int, limit: int
) -> tuple[list[Message], list[Membership], bool, int, bool]:
    """Messages, members and whether the shared fields changed since `after`; up to which version; whether that is all.

    `conversation` was read before, so rows newer than its version may come too: they are left for the next time.
    """
    now = conversation.version
    if after >= now:
        return [], [], False, now, True
    since = Q(version__gt=after, version__lte=now)
    messages = list(whole_messages().filter(since, conversation=conversation).order_by("version")[: limit + 1])
    members = list(conversation.memberships.filter(since).select_related("user").order_by("version")[: limit + 1])
    versions = sorted(
        [each.version for each in messages]
        + [each.version for each in members]
        + ([conversation.info_version] if conversation.info_version > after else [])
    )
    complete = len(versions) <= limit
    upto = now if complete else versions[limit - 1]
    return (
        [each for each in messages if each.version <= upto],
        [each for each in members if each.version <= upto],
        after < conversation.info_version <= upto,
        upto,
        complete,
    )


class SyncAnswerShape(msgspec.Struct):
    """What a device missed. `removed` are those of its conversations that are its person's no more; `contacts` what
    people have become to its person since `me`, also those who are nothing any more.
    """

    conversations: list[SyncedConversation]
    mine: list[SyncedMine]
    removed: list[int]
    receipts: list[ReceiptShape]
    contacts: list[ContactShape]
    requests: int  # how many people ask to be in one's list
    me_version: int
    complete: bool


class SyncedConversation(msgspec.Struct):
    """As `Changes`, of one conversation. One that the device did not name is told whole, without rows."""

    conversation_id: int
    version: int
    complete: bool
    conversation: ConversationShape | None
    messages: list[MessageShape]
    members: list[MemberShape]


class SyncedMine(msgspec.Struct):
    """What is one's own about a conversation, as of now."""

    conversation_id: int
    mine: MineShape


def sync(
    user_id: int, cursors: dict[int, int], me: int, open_id: int | None, limit: int = CHANGES_MAX
) -> SyncAnswerShape:
    """All that one device missed: in the conversations that it knows, those it does not know, and what is its own.

    A conversation that came since is told whole, at its version of now: its history is a page away. `limit` is over
    all rows together; where it cuts, `complete` is false and the device asks on with the versions it was given.
    """
    me_version, requests = User.objects.values_list("me_version", "request_count").get(pk=user_id)
    rows = {
        row.conversation_id: row
        for row in Membership.objects.filter(
            user_id=user_id, left_at=None, conversation__deleted_at=None
        ).select_related("conversation")
    }
    left, synced = limit, []
    unknown = [row for cid, row in rows.items() if cid not in cursors]
    behind = [row for cid, row in rows.items() if cid in cursors and cursors[cid] < row.conversation.version]
    # What is on the screen comes first.
    behind.sort(key=lambda row: (row.conversation_id != open_id, -row.conversation.active_at.timestamp()))
    complete = True
    for row in behind:
        if left <= 0:
            complete = False
            break
        found = changes_of(row, cursors[row.conversation_id], left)
        left -= len(found.messages) + len(found.members) + (found.conversation is not None)
        complete = complete and found.complete
        synced.append(
            SyncedConversation(
                row.conversation_id,
                found.version,
                found.complete,
                found.conversation,
                found.messages,
                found.members,
            )
        )
    for shape in whole_shapes(unknown, user_id):
        synced.append(SyncedConversation(shape.id, shape.version, True, shape, [], []))
    # What is one's own is as of now, and so is told of a conversation once all of its changes are: counts of unread
    # that a device made by itself, from rows in order of version and not of seq, would be wrong.
    whole = {each.conversation_id for each in synced if each.complete}
    moved = [row for cid, row in rows.items() if cid in whole or (complete and row.me_version > me)]
    unread = unread_mentions(moved)
    return SyncAnswerShape(
        conversations=synced,
        mine=[
            SyncedMine(cid, mine_shape(row, row.conversation, unread.get((cid, user_id), 0)))
            for row in moved
            for cid in [row.conversation_id]
        ],
        removed=sorted(cid for cid in cursors if cid not in rows),
        receipts=receipts(user_id, open_id) if open_id in rows and open_id is not None else [],
        contacts=[contact_shape(tie) for tie in contacts.changed_since(user_id, me)] if complete else [],
        requests=requests,
        me_version=me_version if complete else me,
        complete=complete,
    )


def versions(user_id: int) -> tuple[dict[int, int], int]:
    """Of all one's conversations, and one's own: what `welcome` says. Two queries."""
    me_version = User.objects.filter(pk=user_id).values_list("me_version", flat=True).first() or 0
    mine = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None).values_list(
        "conversation_id", "conversation__version"
    )
    return dict(mine), me_version


# ── What presence asks ───────────────────────────────────────────────────────────────────────────────────────────
def shown_read_marks(conversation_id: int, user_ids: set[int]) -> dict[int, int]:
    """How far these people have read; who shows no receipts is left out."""
    return dict(_showing(conversation_id).filter(user_id__in=user_ids).values_list("user_id", "read_seq"))


def conversation_ids(user_id: int) -> list[int]:
    return list(Conversation.objects.visible_to(user_id).values_list("pk", flat=True))


def acquainted(user_id: int, user_ids: list[int]) -> set[int]:
    """Those of these people who share a conversation with this one."""
    shared = Membership.objects.filter(
        conversation__in=Conversation.objects.visible_to(user_id), user_id__in=user_ids, left_at=None
    )
    return set(shared.values_list("user_id", flat=True))
