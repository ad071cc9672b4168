"""What is pinned in a conversation."""

from __future__ import annotations

from django.http import HttpResponse

from chat import selectors
from chat.view_models.message_log import title_of
from chat.view_models.permissions import offers
from chat.views.common import draw
from chat.views.decorators import PersonalRequest, page


@page
def pins(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    """Newest pin first, each with the way to its place."""
    me = request.user.pk
    shape = selectors.get_conversation(me, conversation_id)
    return draw(
        request,
        "chat/conversation/pins.html",
        conversation=shape,
        title=title_of(shape),
        offers=offers(shape, me),
        pins=selectors.list_pins(me, conversation_id),
    )
