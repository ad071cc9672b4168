"""What is pinned in a conversation."""

from __future__ import annotations

from django.http import HttpResponse

from chat import reading
from chat.doors import PersonalRequest, page
from chat.lines import title_of
from chat.rights import offers
from chat.views.common import draw


@page
def pins(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    """Newest pin first, each with the way to its place."""
    me = request.user.pk
    shape = reading.conversation(me, conversation_id)
    return draw(
        request,
        "chat/pins.html",
        conversation=shape,
        title=title_of(shape),
        offers=offers(shape, me),
        pins=reading.pins(me, conversation_id),
    )
