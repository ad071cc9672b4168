"""The page on which the owner and the admins of a group see what they have done there."""

from __future__ import annotations

from django.http import HttpResponse

from chat import selectors
from chat.views.common import render_group_list
from chat.views.decorators import AuthenticatedRequest, page_view


@page_view
def group_log(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    return render_group_list(request, "chat/group/group_log.html", conversation_id, "acts", selectors.list_group_acts)
