"""The page on which the owner and the admins of a group decide who may join."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from chat import actions, selectors
from chat.views.common import render_group_list
from chat.views.decorators import AuthenticatedRequest, page_view, post_view


@page_view
def join_requests(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    template, list_requests = "chat/group/join_requests.html", selectors.list_join_requests
    return render_group_list(request, template, conversation_id, "requests", list_requests)


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
