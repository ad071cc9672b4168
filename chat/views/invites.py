"""Links into a group: making them on its page, and the page that one leads to."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import avatars
from chat import actions
from chat.actions.invites import invite_for, preview
from chat.forms import InviteForm
from chat.models import Conversation
from chat.views.common import take
from chat.views.decorators import PersonalRequest, command, form_page, page
from chat.views.groups import settings_page
from messenger.core.errors import ApplicationError

# The token stands in the address. No referrer may carry it; `no-referrer` itself would hide from our own form where it
# comes from, and it would be refused.
PRIVATE = {"Referrer-Policy": "strict-origin", "X-Robots-Tag": "noindex", "Cache-Control": "no-store"}


@command
def make_invite(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return settings_page(request, conversation_id, invite=form, status=400)
    days = form.cleaned_data["days"]
    expires_at = timezone.now() + timedelta(days=int(days)) if days else None
    try:
        actions.make_invite(
            request.user.pk, conversation_id, expires_at=expires_at, max_uses=form.cleaned_data["max_uses"]
        )
    except ApplicationError as refusal:
        return settings_page(request, conversation_id, invite=form, status=take(form, refusal))
    messages.success(request, _("The link is made."))
    return _to_links(conversation_id)


@command
def revoke_invite(request: PersonalRequest, conversation_id: int, invite_id: int) -> HttpResponse:
    actions.revoke_invite(request.user.pk, conversation_id, invite_id)
    messages.success(request, _("The link is taken back. It opens nothing any more."))
    return _to_links(conversation_id)


def _to_links(conversation_id: int) -> HttpResponse:
    answer = redirect("group_settings", conversation_id)
    answer["Location"] += "#links"
    return answer


@form_page
def join(request: PersonalRequest, token: str) -> HttpResponse:
    """Looking joins nothing; the button does. Whoever is in already is led to the conversation."""
    answer = _join(request, token)
    for name, value in PRIVATE.items():
        answer[name] = value
    return answer


def _join(request: PersonalRequest, token: str) -> HttpResponse:
    me = request.user.pk
    try:
        if request.method == "POST":
            conversation, joined = actions.join_by(me, token)
            if joined:
                messages.success(request, _("You are in. Say hello."))
            return redirect("conversation", conversation.id)
        group = preview(me, token)
    except ApplicationError as refusal:
        if refusal.code != "not_found":
            raise
        return render(request, "chat/group/invite_invalid.html", status=404)
    if group.conversation_id:
        return redirect("conversation", group.conversation_id)
    return render(request, "chat/group/invite.html", {"group": group, "token": token})


@page
def picture(request: PersonalRequest, token: str) -> HttpResponse:
    """The picture of the group, for whoever holds a link that works."""
    conversation = invite_for(request.user.pk, token).conversation
    if not conversation.avatar:
        raise Http404
    answer = avatars.served(Conversation._meta.get_field("avatar").storage, conversation.avatar.name)
    answer["Cache-Control"] = "private, no-store"  # this address does not change with the picture
    return cast(HttpResponse, answer)  # it streams, which doors do not mind
