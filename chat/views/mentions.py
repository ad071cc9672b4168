"""The messages that name one, wherever they were written."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from chat import actions, selectors
from chat.schemas import MessageSchema
from chat.view_models.conversation_list import Listing
from chat.view_models.message_log import Line, lines, people_in
from chat.views.common import draw, number
from chat.views.decorators import PersonalRequest, back, command, page


@dataclass(slots=True)
class Named:
    """A message that names one: where it stands, and whether it is still unread there."""

    line: Line
    where: str
    unread: bool


@page
def mentions(request: PersonalRequest) -> HttpResponse:
    me = request.user.pk
    before = number(request.GET.get("before"))
    found, after = selectors.list_mentions(me, before=before)
    blocked = request.user.blocked_ids
    listing = Listing(me, request.GET, blocked)
    read = {each.id: each.read_seq for each in listing.standings}
    names = _names(found)
    return draw(
        request,
        "chat/mentions.html",
        listing=listing,
        named=[
            Named(
                line=lines([each], me=me, names=names, blocked=blocked)[0],
                where=listing.title(each.conversation_id),
                unread=each.seq > read.get(each.conversation_id, each.seq),
            )
            for each in found
        ],
        before=before,
        after=after,
    )


def _names(found: list[MessageSchema]) -> dict[int, str]:
    """Of those who reacted: one look-up for the whole page."""
    wanted = set(people_in(found))
    return {user.pk: user.shown_name for user in User.objects.filter(pk__in=wanted)} if wanted else {}


@command
def mark_all_read(request: PersonalRequest) -> HttpResponse:
    """Each conversation is read up to the newest message in it that names one."""
    me = request.user.pk
    for conversation_id, seq in selectors.newest_unread_mentions(me).items():
        actions.read(me, conversation_id, seq)
    return back(request) if request.POST.get("next") else redirect("mentions")
