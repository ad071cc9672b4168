"""What all page views share."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chat.forms import RefusableForm
from chat.schemas import MessageSchema
from chat.view_models.conversation_list import Listing
from chat.views.decorators import PersonalRequest
from messenger.core.errors import ApplicationError, invalid

HANDLED = {"invalid", "conflict", "rate_limited", "too_large"}  # said in the form, which keeps what was typed


def number(text: str | None) -> int | None:
    """A number from an address; what is none is as if it was not asked."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def question(request: PersonalRequest) -> str:
    """What is looked for, `?q=`."""
    return request.GET.get("q", "").strip()[:80]


def draw(request: PersonalRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    """A page beside the list of conversations, which is read when the template asks for it."""
    listing = context.setdefault("listing", Listing(request.user.pk, request.GET, request.user.blocked_ids))
    listing.left_out = request.headers.get("X-Visit") == "1"  # static/js/ui/page-navigation.js
    if listing.here is None and "history" in context:
        listing.opened = context["conversation"]
        listing.here = context["conversation"].id
    return render(request, template, context, status=status)


def said(form: RefusableForm) -> dict[str, Any]:
    """What a form without a page of its own says; a refusal where it makes no sense."""
    if not form.is_valid():
        raise invalid(**{name: str(words[0]) for name, words in form.errors.items()})
    return form.cleaned_data


def take(form: RefusableForm, refusal: ApplicationError) -> int:
    """Put a refusal into the form that it answers, and give the status; what no form can say goes on to its page."""
    if refusal.code not in HANDLED:
        raise refusal
    form.refuse(refusal)
    return refusal.status


def at_the_end(message: MessageSchema) -> str:
    """Where a message of just now stands."""
    return f"{reverse('conversation', args=[message.conversation_id])}#m-{message.seq}"


def at_its_place(message: MessageSchema) -> str:
    """The conversation opened where this message stands, however old it is."""
    return place_in(message.conversation_id, message.seq)


def place_in(conversation_id: int, seq: int) -> str:
    return f"{reverse('conversation', args=[conversation_id])}?at={seq}#m-{seq}"
