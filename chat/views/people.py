"""Finding people, and beginning to talk with them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from chat import actions
from chat.actions.groups import TITLE
from chat.forms import DirectForm, GroupForm
from chat.view_models.message_log import name_list
from chat.views.common import draw, said, take
from chat.views.decorators import PersonalRequest, command, page
from chat.views.people_picker import Picking
from messenger.core.errors import ApplicationError


@page
def new_conversation(request: PersonalRequest) -> HttpResponse:
    return new_page(request, GroupForm())


def new_page(request: PersonalRequest, form: GroupForm, status: int = 200) -> HttpResponse:
    picking = Picking(request, always=True)
    return draw(
        request,
        "chat/people/new_conversation.html",
        status,
        form=form,
        picking=picking,
        named=_named_after(picking.chosen),
    )


def _named_after(people: list[User]) -> str:
    """What a group is called that was given no name: as its people, as many as there is room for."""
    names = [user.shown_name for user in people]
    while names and len(name := name_list(names)) > TITLE:
        names.pop()
    return name if names else ""


@command
def new_direct(request: PersonalRequest) -> HttpResponse:
    given = said(DirectForm(request.POST))
    shape, _created = actions.open_direct(request.user.pk, given["user_id"])
    return redirect("conversation", shape.id)


@command
def new_group(request: PersonalRequest) -> HttpResponse:
    form = GroupForm(request.POST)
    if not form.is_valid():
        return new_page(request, form, 400)
    try:
        given = form.cleaned_data
        title = given["title"].strip() or _named_after(Picking(request).chosen)
        shape = actions.create_group(request.user.pk, title, given["user_ids"])
    except ApplicationError as refusal:
        return new_page(request, form, take(form, refusal))
    return redirect("conversation", shape.id)
