"""Serves the avatars of users."""

from __future__ import annotations

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts import avatars
from accounts.decorators import file_view
from accounts.models import User
from accounts.text.cleaning import strip_unstorable


@file_view
def avatar(request: HttpRequest, viewer: User | None, user_id: int, name: str) -> HttpResponseBase:
    """Returns a user's avatar to any signed-in user. Each picture has a new name, so browsers may cache it for ever."""
    if viewer is None:
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
    if name != strip_unstorable(name):
        raise Http404
    stored_name = User.objects.filter(pk=user_id, avatar=f"avatars/{name}").values_list("avatar", flat=True).first()
    if not stored_name:
        raise Http404
    return avatars.avatar_response(User._meta.get_field("avatar").storage, stored_name)
