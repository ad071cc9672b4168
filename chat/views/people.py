"""Finding people, and beginning to talk with them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts import people as directory
from accounts.models import User
from chat import actions
from chat.doors import PersonalRequest, command, page
from chat.forms import DirectForm, GroupForm
from chat.views.common import draw, number, question, said, take
from messenger.live.refusal import Refused

CHOSEN = 50  # people that an address can carry


@page
def new_conversation(request: PersonalRequest) -> HttpResponse:
    return new_page(request, GroupForm())


def new_page(request: PersonalRequest, form: GroupForm, status: int = 200) -> HttpResponse:
    """Search by address: whoever is chosen stays in it, so that it works without scripts and with the back button."""
    q = question(request)
    source = request.POST.getlist("user_ids") or request.GET.getlist("user")
    chosen_ids = [pk for text in source if (pk := number(text))][:CHOSEN]
    found = directory.find(request.user.pk, q)
    return draw(
        request,
        "chat/new.html",
        status,
        q=q,
        form=form,
        found=[user for user in found if user.pk not in chosen_ids],
        chosen=_chosen(request.user.pk, chosen_ids),
    )


def _chosen(me: int, ids: list[int]) -> list[User]:
    by_id = User.objects.filter(is_active=True).exclude(pk=me).in_bulk(ids)
    return [by_id[pk] for pk in dict.fromkeys(ids) if pk in by_id]


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
        shape = actions.create_group(request.user.pk, form.cleaned_data["title"], form.cleaned_data["user_ids"])
    except Refused as refusal:
        return new_page(request, form, take(form, refusal))
    return redirect("conversation", shape.id)


@page
def people(request: PersonalRequest) -> HttpResponse:
    q = question(request)
    return draw(request, "chat/people.html", q=q, found=directory.find(request.user.pk, q, limit=50))
