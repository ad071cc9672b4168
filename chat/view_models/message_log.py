"""What the log shows: messages as lines, in groups, with day lines, the unread line and worded system lines.

`static/js/conversation/log/grouping.js` does the same for live messages; both keep to tests/shared_cases/grouping.json.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from chat.schemas import MessageSchema, MineSchema, ReactionSchema
from chat.view_models import times
from chat.view_models.attachments import Drawn, drawn
from chat.view_models.receipt_marks import Tick

PAUSE = timedelta(minutes=5)  # so long a silence ends a group
LONG_PAUSE = timedelta(hours=1)  # after so long a silence on one day the time stands between
NAMES_IN_FULL = 4  # in a system line; of more, three are named
REACTIONS = 24  # kinds under one message; the others are a step away


@dataclass(slots=True)
class Stamp:
    """All that grouping asks of a line."""

    sender: int
    at: datetime  # in the reader's zone
    text: bool = True  # False: a system line
    unread_before: bool = False  # the unread line stands above


@dataclass(slots=True)
class Place:
    first: bool  # of its group
    last: bool
    day_before: bool  # a day line stands above
    pause_before: bool = False  # a time stands above


@dataclass(slots=True)
class Line:
    message: MessageSchema
    at: datetime
    place: Place
    html: str = ""  # the body, with what names the reader marked
    mine: bool = False
    for_me: bool = False
    day: str = ""  # words of the day line above, or nothing
    unread: bool = False  # the unread line stands above
    event: Event | None = None
    reactions: list[ReactionLine] = field(default_factory=list)
    blocked: bool = False  # by the reader, whom it is folded for
    tick: Tick | None = None  # who has got or read it, where that is shown

    @property
    def files(self) -> list[Drawn]:
        return drawn(self.message.attachments)

    @property
    def several(self) -> bool:
        """More pictures than one: they stand as tiles."""
        return sum(file.kind == "image" for file in self.message.attachments) > 1

    @property
    def gone(self) -> bool:
        return self.message.deleted_at is not None

    @property
    def classes(self) -> str:
        """By which style, and scripts, tell one text from another."""
        place = self.place
        named = {
            "msg": True,
            "first": place.first,
            "last": place.last,
            "mine": self.mine,
            "for-me": self.for_me,
            "deleted": self.gone,
            "blocked": self.blocked,
        }
        return " ".join(name for name, holds in named.items() if holds)

    @property
    def clock(self) -> str:
        return times.clock(self.at)

    @property
    def shown_reactions(self) -> list[ReactionLine]:
        return self.reactions[:REACTIONS]

    @property
    def reactions_left_out(self) -> int:
        return max(len(self.reactions) - REACTIONS, 0)


@dataclass(slots=True)
class ReactionLine:
    emoji: str
    count: int
    mine: bool
    names: str = ""  # of who put it there
    user_ids: Sequence[int] = ()  # of the names


@dataclass(slots=True)
class Event:
    """A system line's wording: which sentence, and what stands in it."""

    kind: str
    actor: str
    users: str
    old: str
    new: str
    actor_id: int = 0
    user_ids: Sequence[int] = ()  # of `users`: a changed name finds its places by these


def grouped(stamps: Sequence[Stamp]) -> list[Place]:
    """A text opens a group unless the line above is of the same sender, day and time, with nothing in between.

    A new day is said above its first line, and so is the time after a long pause within a day.
    """
    places: list[Place] = []
    before: Stamp | None = None
    for stamp in stamps:
        new_day = before is None or stamp.at.date() != before.at.date()
        goes_on = (
            before is not None
            and stamp.text
            and before.text
            and not new_day
            and not stamp.unread_before
            and stamp.sender == before.sender
            and stamp.at - before.at < PAUSE
        )
        if goes_on:
            places[-1].last = False
        paused = before is not None and not new_day and stamp.at - before.at >= LONG_PAUSE
        places.append(Place(stamp.text and not goes_on, stamp.text, new_day, paused))
        before = stamp
    return places


def lines(
    messages: Sequence[MessageSchema],
    *,
    me: int,
    mine: MineSchema | None = None,
    from_start: bool = True,
    names: Mapping[int, str] | None = None,
    blocked: Collection[int] = (),
) -> list[Line]:
    """`messages` in ascending order. `from_start`: nothing older is left out; `names` of people in system lines and
    of those who reacted; `blocked`: people whose texts the reader has folded, and whose naming of them calls nobody."""
    ats = [times.parse(message.created_at) for message in messages]
    unread = _first_unread(messages, me, mine, from_start)
    places = grouped(
        [
            Stamp(message.sender.id, at, message.kind == "text", message.seq == unread)
            for message, at in zip(messages, ats, strict=True)
        ]
    )
    today = timezone.localdate()
    return [
        Line(
            message=message,
            at=at,
            place=place,
            html=marked(message.body_html, me),
            mine=message.sender.id == me,
            for_me=is_for(message, me) and message.sender.id not in blocked,
            day=times.day_label(at.date(), today) if place.day_before else "",
            unread=message.seq == unread,
            event=event(message, me, names or {}),
            reactions=[
                ReactionLine(
                    r.emoji, len(r.user_ids), me in r.user_ids, reactors(r, me, names or {}), r.user_ids[:NAMES_IN_FULL]
                )
                for r in message.reactions
            ],
            blocked=message.sender.id in blocked and message.deleted_at is None,
        )
        for message, at, place in zip(messages, ats, places, strict=True)
    ]


def is_for(message: MessageSchema, me: int) -> bool:
    """It names me, or everybody, and I did not write it myself."""
    return message.sender.id != me and any(mention.user_id in (me, None) for mention in message.mentions)


def marked(html: str, me: int) -> str:
    """A stored body is the same for all; the mentions that mean the reader are marked here."""
    return re.sub(rf'<span class="mention" (data-user-id="(?:{me}|all)")', r'<span class="mention me" \1', html)


def _first_unread(messages: Sequence[MessageSchema], me: int, mine: MineSchema | None, from_start: bool) -> int | None:
    """The seq that the unread line stands above; None where that place is not on this page."""
    if mine is None or not mine.unread_count or not messages:
        return None
    if not from_start and messages[0].seq > mine.read_seq + 1:
        return None
    fresh = (m.seq for m in messages if m.seq > mine.read_seq and m.kind == "text" and m.sender.id != me)
    return next(fresh, None)


# ── System lines ─────────────────────────────────────────────────────────────────────────────────────────────────
def event(message: MessageSchema, me: int, names: Mapping[int, str]) -> Event | None:
    if (told := message.event) is None:
        return None
    actor = told.actor_id or message.sender.id
    others = [user_id for user_id in (told.by_id, *told.user_ids) if user_id not in (actor, None)]
    kind = told.name
    if kind == "joined" and told.by_id:
        kind = "linked-mine" if told.by_id == me else "linked"
    elif kind == "joined" and others:
        kind = "added"
    elif kind in ("announced", "pictured") and not told.new:
        kind = f"un{kind}"
    elif kind == "role":
        kind = "promoted" if told.new == "admin" else "demoted"
    you = pgettext("object", "you")
    return Event(
        kind=kind,
        actor=pgettext("subject", "You") if actor == me else names.get(actor) or message.sender.name,
        users=name_list([you if user_id == me else names.get(user_id, "…") for user_id in others]),
        old=told.old or "",
        new=told.new or "",
        actor_id=actor,
        user_ids=others,
    )


def people_in(messages: Sequence[MessageSchema]) -> set[int]:
    """Whose names the system lines among these need, and what is said of reactions."""
    told = {
        user_id
        for m in messages
        if m.event
        for user_id in (*m.event.user_ids, m.event.actor_id, m.event.by_id)
        if user_id is not None
    }
    return told.union(*(each.user_ids[:NAMES_IN_FULL] for m in messages for each in m.reactions))


def reactors(reaction: ReactionSchema, me: int, names: Mapping[int, str]) -> str:
    """Who put it there, first come first; nothing where nobody's name is at hand."""
    if not names:
        return ""
    you = name_words()["you"]
    return name_list([you if user_id == me else names.get(user_id, "…") for user_id in reaction.user_ids])


def name_list(names: Sequence[str]) -> str:
    """`bob`, `bob and carol`, `bob, carol and dave`, `bob, carol, dave and 7 more`."""
    if len(names) > NAMES_IN_FULL:
        shown = NAMES_IN_FULL - 1
        names = [*names[:shown], name_words()["more"].replace("%n", str(len(names) - shown))]
    if len(names) < 2:
        return "".join(names)
    head = name_words()["comma"].join(names[:-1])
    return re.sub("%([ab])", lambda place: head if place[1] == "a" else names[-1], name_words()["and"])


def name_words() -> dict[str, str]:
    """Data attributes of `<template id="name-words">`: a script makes the same lists of names."""
    return {
        "writer": pgettext("writer", "You"),
        "you": pgettext("subject", "You"),
        "you-object": pgettext("object", "you"),
        "comma": pgettext("between names", ", "),
        "and": pgettext("two names", "%a and %b"),
        "more": pgettext("people", "%n more"),
        "in-full": str(NAMES_IN_FULL),
        "reactions": str(REACTIONS),
    }


def title_of(conversation) -> str:
    """A group's title; of a pair, the other person's name."""
    if conversation.kind == "group":
        return conversation.title
    return conversation.peer.name if conversation.peer else _("Nobody")
