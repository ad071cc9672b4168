"""Sends the avatars of groups."""

from __future__ import annotations

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts import avatars
from accounts.decorators import file_view
from accounts.models import User
from accounts.text.cleaning import strip_unstorable
from chat import selectors


@file_view
def group_avatar(request: HttpRequest, user: User | None, conversation_id: int, name: str) -> HttpResponseBase:
    """Sends the avatar of a group to its members.

    Browsers may cache the image forever, because a new avatar gets a new URL. The view accepts a session or an API
    token, because API clients load avatars too.
    """
    if user is None:
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
    if name != strip_unstorable(name):
        raise Http404
    avatar = selectors.find_group_avatar(user.pk, conversation_id, name)
    if avatar is None:
        raise Http404
    return avatars.avatar_response(avatar.storage, str(avatar.name))
