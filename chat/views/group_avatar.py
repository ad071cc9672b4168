"""Pictures of groups."""

from __future__ import annotations

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts import avatars
from accounts.authentication import whoever_asks
from accounts.text.usernames import storable
from chat.actions.group_avatar import FOLDER
from chat.models import Conversation


@require_safe
def room_picture(request: HttpRequest, conversation_id: int, name: str) -> HttpResponseBase:
    """For members alone. Its name is new with each picture, so it may be kept for ever."""
    who = whoever_asks(request)
    if who is None:
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
    if name != storable(name):
        raise Http404
    rooms = Conversation.objects.visible_to(who.pk).filter(pk=conversation_id, avatar=f"{FOLDER}/{name}")
    picture = rooms.values_list("avatar", flat=True).first()
    if not picture:
        raise Http404
    return avatars.served(Conversation._meta.get_field("avatar").storage, picture)
