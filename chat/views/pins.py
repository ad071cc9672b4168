"""The page that lists the pinned messages of a conversation."""

from __future__ import annotations

from django.http import HttpResponse

from chat import selectors
from chat.view_models.allowed_actions import get_allowed_actions
from chat.view_models.message_log import conversation_title
from chat.views.common import render_page
from chat.views.decorators import AuthenticatedRequest, page_view


@page_view
def pins(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Lists the pinned messages of a conversation. The message that was pinned last comes first."""
    user_id = request.user.pk
    conversation = selectors.get_conversation(user_id, conversation_id)
    return render_page(
        request,
        "chat/conversation/pins.html",
        conversation=conversation,
        title=conversation_title(conversation),
        allowed=get_allowed_actions(conversation, user_id),
        pins=selectors.list_pins(user_id, conversation_id),
    )
