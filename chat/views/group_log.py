"""The page on which the owner and the admins of a group see what they have done there."""

from __future__ import annotations

from django.http import HttpResponse

from chat import selectors
from chat.view_models.message_log import conversation_title
from chat.views.common import render_page
from chat.views.decorators import AuthenticatedRequest, page_view
from messenger.core.numbers import parse_id


@page_view
def group_log(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    user_id = request.user.pk
    before = parse_id(request.GET.get("before"))
    acts, cursor = selectors.list_group_acts(user_id, conversation_id, before)
    conversation = selectors.get_conversation(user_id, conversation_id)
    return render_page(
        request,
        "chat/group/group_log.html",
        conversation=conversation,
        title=conversation_title(conversation),
        acts=acts,
        before=before,
        after=cursor,
    )
