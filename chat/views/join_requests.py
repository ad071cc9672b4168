"""The page on which the owner and the admins of a group decide who may join."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from chat import actions, selectors
from chat.view_models.message_log import conversation_title
from chat.views.common import render_page
from chat.views.decorators import AuthenticatedRequest, page_view, post_view
from messenger.core.numbers import parse_id


@page_view
def join_requests(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    user_id = request.user.pk
    before = parse_id(request.GET.get("before"))
    requests, cursor = selectors.list_join_requests(user_id, conversation_id, before)
    conversation = selectors.get_conversation(user_id, conversation_id)
    return render_page(
        request,
        "chat/group/join_requests.html",
        conversation=conversation,
        title=conversation_title(conversation),
        requests=requests,
        before=before,
        after=cursor,
    )


@post_view
def decide_join_request(request: AuthenticatedRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """Lets a person into the group, or declines the request: the button `decline`."""
    if "decline" in request.POST:
        actions.decline_request(request.user.pk, conversation_id, user_id)
        messages.success(request, _("Declined."))
    else:
        member = actions.approve_request(request.user.pk, conversation_id, user_id)
        messages.success(request, _("%(name)s is a member now.") % {"name": member.user.name})
    return redirect("join_requests", conversation_id)
