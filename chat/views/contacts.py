"""The people page: one's contacts and who of them is here, requests, blocks; and the page of one person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.actions import contacts
from accounts.models import Tie, User
from accounts.selectors import privacy
from accounts.selectors import user_search as directory
from chat import selectors
from chat.api.contacts import here
from chat.views.common import draw, question
from chat.views.decorators import PersonalRequest, command, page
from messenger.core.errors import invalid, not_found
from presence import visibility as presence_people
from presence.schemas import PresenceSchema
from presence.tracker import tracker

FOUND = 30


class Row(NamedTuple):
    """A person in a list: what they are to the reader (`none` where nothing), and whether they are here."""

    user: User
    state: str
    presence: PresenceSchema | None = None
    place: int = 0  # in the order of names


@page
def people(request: PersonalRequest) -> HttpResponse:
    me, q = request.user.pk, question(request)
    mine = contacts.of(me)
    present = here(request.user, mine.contacts)
    listed = [
        Row(tie.person, tie.shown_state, present.get(tie.person_id), place) for place, tie in enumerate(mine.contacts)
    ]
    found = directory.find(me, q, limit=FOUND) if q or not mine.contacts else []
    states = contacts.between(me, [user.pk for user in found])
    return draw(
        request,
        "chat/people/contacts.html",
        q=q,
        found=[Row(user, states[user.pk].state if user.pk in states else "none") for user in found],
        asks=[Row(tie.person, tie.shown_state) for tie in mine.asks],
        here=[row for row in listed if row.presence and row.presence.online],
        away=[row for row in listed if not (row.presence and row.presence.online)],
        asked=[Row(tie.person, tie.shown_state) for tie in mine.asked],
        blocked=[tie.person for tie in contacts.blocked(me)],
        count=len(listed),
    )


@page
def person(request: PersonalRequest, user_id: int) -> HttpResponse:
    """One person: write, put into my list or take out, block. For whom one cannot know to be here: not found."""
    me = request.user.pk
    if user_id == me:
        return redirect("profile")
    tie = Tie.objects.filter(user=me, person=user_id).exclude(state=Tie.State.NONE, blocked_at=None).first()
    user = User.objects.filter(pk=user_id).first() if tie else privacy.known(me, [user_id]).get(user_id)
    if user is None:
        user = _gone(me, user_id)
    reach = presence_people.within_reach(me, [user_id])
    shapes = presence_people.of(request.user, reach, tracker().online_now(reach))
    shared, count = selectors.list_shared_groups(me, user_id)
    return draw(
        request,
        "chat/people/contact.html",
        person=user,
        state=tie.shown_state if tie else "none",
        blocked=tie is not None and tie.blocked_at is not None,
        presence=shapes[0] if shapes else None,
        shared=[row.conversation for row in shared],
        shared_count=count,
        pair=selectors.get_direct_conversation_id(me, user_id),
    )


def _gone(me: int, user_id: int) -> User:
    """Somebody who has deleted their account, and still stands beside what they wrote to me."""
    user = User.objects.filter(pk=user_id, deleted_at__isnull=False).first()
    if user is None or not selectors.users_sharing_conversations(me, [user_id]):
        raise not_found()
    return user


@command
def person_command(request: PersonalRequest, user_id: int) -> HttpResponse:
    """`do` is what to do with this person."""
    verbs: dict[str, tuple[Callable[[int, int], Any], str]] = {
        "add": (contacts.add, ""),
        "accept": (contacts.add, _("You are in each other’s list now.")),
        "decline": (contacts.decline, _("Declined.")),
        "ignore": (contacts.ignore, _("Ignored. They are not told.")),
        "remove": (contacts.remove, _("Removed from your list.")),
        "block": (contacts.block, _("Blocked. They are not told.")),
        "unblock": (contacts.unblock, _("Unblocked.")),
    }
    verb, words = verbs.get(request.POST.get("do", ""), (None, ""))
    if verb is None:
        raise invalid(do=_("This is none of the choices."))
    shape = verb(request.user.pk, user_id)
    if not words:
        words = _("Asked. You will see the answer here.") if shape.state == "asked" else _("In your list now.")
    messages.success(request, words)
    if request.GET.get("page") == "person":
        return redirect("person", user_id)
    q = question(request)
    return redirect(reverse("people") + (f"?{urlencode({'q': q})}" if q else ""))
