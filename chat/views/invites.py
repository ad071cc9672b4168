"""Views that create and revoke invite links of a group, and the page that opens when a user follows an invite link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import avatars
from accounts.auth.signup_links import is_signup_open
from chat import actions
from chat.actions.groups.invites import get_usable_invite
from chat.forms import InviteForm
from chat.views.common import add_form_errors
from chat.views.decorators import AuthenticatedRequest, post_view, public_form_view, public_page_view
from chat.views.groups import render_group_settings
from messenger.core.client_ip import request_network
from messenger.core.errors import ApplicationError

# The URL contains the token, so no Referer header may contain the URL. `no-referrer` would also remove the Origin
# header from the form of this page, and the CSRF check would reject the form.
INVITE_HEADERS = {"Referrer-Policy": "strict-origin", "X-Robots-Tag": "noindex", "Cache-Control": "no-store"}


@post_view
def create_invite(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return render_group_settings(request, conversation_id, invite_form=form, status=400)
    days = form.cleaned_data["days"]
    expires_at = timezone.now() + timedelta(days=int(days)) if days else None
    max_uses = form.cleaned_data["max_uses"]
    try:
        actions.create_invite(request.user.pk, conversation_id, expires_at=expires_at, max_uses=max_uses)
    except ApplicationError as error:
        status = add_form_errors(form, error)
        return render_group_settings(request, conversation_id, invite_form=form, status=status)
    messages.success(request, _("Invite link created."))
    return _redirect_to_links(conversation_id)


@post_view
def revoke_invite(request: AuthenticatedRequest, conversation_id: int, invite_id: int) -> HttpResponse:
    actions.revoke_invite(request.user.pk, conversation_id, invite_id)
    messages.success(request, _("Invite link revoked. It no longer works."))
    return _redirect_to_links(conversation_id)


def _redirect_to_links(conversation_id: int) -> HttpResponse:
    response = redirect("group_settings", conversation_id)
    response["Location"] += "#links"
    return response


@dataclass(frozen=True)
class GroupFace:
    """The data of a group that the template tag `{% avatar %}` needs. The real id of the group is not included.

    It is for the invite page, which is also shown to users who are not members.
    """

    title: str
    avatar_url: str | None
    id: int = 0
    kind: str = "group"


@public_form_view
def join_by_invite(request: HttpRequest, token: str) -> HttpResponse:
    """Shows the group of an invite link. POST joins the group, or asks its admins.

    Members are redirected to the conversation.
    Signed-out visitors see the same group, with links to create an account or to sign in. After that they come back to
    this page.
    """
    response = _join_by_invite(request, token)
    for name, value in INVITE_HEADERS.items():
        response[name] = value
    return response


def _join_by_invite(request: HttpRequest, token: str) -> HttpResponse:
    user_id = request.user.pk
    try:
        if request.method == "POST" and user_id is not None:
            if "withdraw" in request.POST:  # the name of a button
                actions.withdraw_request(user_id, token)
                messages.success(request, _("You’ve taken your request back."))
                return redirect("home")
            conversation, joined = actions.join_by_invite(user_id, token)
            if conversation is None:
                return redirect("join_group", token)
            if joined:
                messages.success(request, _("You’ve joined. Say hello!"))
            return redirect("conversation", conversation.id)
        group = actions.preview_invite(user_id, token, request_network(request))
    except ApplicationError as error:
        if error.code != "not_found":
            raise
        return render(request, "chat/group/invite_invalid.html", status=404)
    if group.conversation_id:
        return redirect("conversation", group.conversation_id)
    context = {
        "group": group,
        "face": GroupFace(group.title, group.avatar_url),
        "next": request.path,
        "signup_is_open": is_signup_open(request),
    }
    return render(request, "chat/group/invite.html", context)


@public_page_view
def invite_group_avatar(request: HttpRequest, token: str) -> HttpResponse:
    """Sends the avatar of the group to somebody who has opened a valid invite link."""
    avatar = get_usable_invite(request.user.pk, token, request_network(request)).conversation.avatar
    if not avatar:
        raise Http404
    response = avatars.avatar_response(avatar.storage, avatar.name)
    response["Cache-Control"] = "private, no-store"  # the URL stays the same when the avatar changes
    return cast(HttpResponse, response)  # a FileResponse; the decorators accept any response
