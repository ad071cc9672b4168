"""The list, a conversation, and what one does in it as a whole."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from chat import actions, reading
from chat.doors import PersonalRequest, back, command, page
from chat.forms import MineForm, ReadForm, SendForm
from chat.lines import lines, people_in, title_of
from chat.rights import offers
from chat.shapes import MessageShape, MineShape
from chat.views.common import at_the_end, draw, number, said, take
from messenger.live.refusal import Refused

PANEL_MEMBERS = 200  # of a larger group the panel names so many, and the settings page all


@page
def home(request: PersonalRequest) -> HttpResponse:
    return draw(request, "chat/home.html")


@page
def conversation(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    return conversation_page(request, conversation_id)


def conversation_page(
    request: PersonalRequest, conversation_id: int, form: SendForm | None = None, status: int = 200
) -> HttpResponse:
    me = request.user.pk
    shape = reading.conversation(me, conversation_id)
    mine = shape.mine
    assert isinstance(mine, MineShape)
    asked = request.GET
    history = reading.history(
        me,
        conversation_id,
        before=number(asked.get("before")),
        after=number(asked.get("after")),
        around=number(asked.get("at")),
    )
    members = reading.members(me, conversation_id)
    names = {member.user.id: member.user.name for member in members}
    reply = _quoted(me, conversation_id, request.POST.get("reply_to_id") or request.GET.get("reply"))
    return draw(
        request,
        "chat/conversation.html",
        status,
        conversation=shape,
        mine=mine,
        title=title_of(shape),
        offers=offers(shape, me),
        history=history,
        lines=lines(
            history.results,
            me=me,
            mine=mine,
            from_start=not history.has_before,
            names=_names(people_in(history.results), names),
        ),
        receipts=msgspec.json.encode(reading.receipts(me, conversation_id)).decode(),
        members=members[:PANEL_MEMBERS],
        members_left_out=max(len(members) - PANEL_MEMBERS, 0),
        last_shown=history.results[-1].seq if history.results else 0,
        panel=request.GET.get("panel") == "members",
        form=form or SendForm.fresh(body=mine.draft, reply_to_id=reply.id if reply else None),
        reply=reply,
    )


def _quoted(me: int, conversation_id: int, text: str | None) -> MessageShape | None:
    """The message that is being answered; none if there is none to see here."""
    if (message_id := number(text)) is None:
        return None
    try:
        quoted = reading.message(me, message_id)
    except Refused:
        return None
    return quoted if quoted.conversation_id == conversation_id and not quoted.deleted_at else None


def _names(wanted: Iterable[int], known: dict[int, str]) -> dict[int, str]:
    """Also of those who have left: one look-up for all of them."""
    missing = [pk for pk in wanted if pk not in known]
    if not missing:
        return known
    return known | {user.pk: user.shown_name for user in User.objects.filter(pk__in=missing)}


@command
def send(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    form = SendForm(request.POST)
    if not form.is_valid():
        return conversation_page(request, conversation_id, form, 400)
    given = form.cleaned_data
    try:
        message, _created = actions.send(
            request.user.pk, conversation_id, given["client_id"], given["body"], reply_to_id=given["reply_to_id"]
        )
    except Refused as refusal:
        status = take(form, refusal)
        if refusal.code == "conflict":
            form.anew()
        return conversation_page(request, conversation_id, form, status)
    return redirect(at_the_end(message))


@command
def mark_read(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    given = said(ReadForm(request.POST))
    actions.read(request.user.pk, conversation_id, given["seq"], back=given["back"])
    return back(request, "conversation", conversation_id)


@command
def set_mine(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    form = MineForm(request.POST)
    said(form)
    actions.set_mine(request.user.pk, conversation_id, form.changes())
    return back(request, "conversation", conversation_id)
