"""The REST door of presence: who is here, how many are, and signs of life from whoever has no socket."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.models import User
from messenger.api import page
from messenger.core import rate_limits
from messenger.core.client_ip import request_ip
from messenger.core.errors import not_found, rate_limited
from messenger.rest.struct_serializers import page_of, serializer_for
from presence import hooks, typing_state, visibility, visitor_cookie
from presence.schemas import HeadCountSchema, PresenceSchema
from presence.serializers import BeatSerializer, PresenceQuery, TypingSerializer
from presence.tracker import tracker

NEW_BROWSERS, NEW_BROWSERS_PER_SECOND = 30, 0.5  # of one address: whoever keeps no cookies counts anew each time

# Comments and no docstrings below: those would stand in the OpenAPI document under every operation.


# Of oneself and of people with whom one shares a conversation; others are left out, as if they were not there.
class Presence(ViewSet):
    @extend_schema(
        summary="Who of these people is here", parameters=[PresenceQuery], responses={200: page_of(PresenceSchema)}
    )
    def list(self, request: Request) -> Response:
        asked = _checked(PresenceQuery(data=request.query_params.dict()))["user_ids"]
        seen = visibility.within_reach(_me(request), asked)
        return page(request, visibility.of(cast(User, request.user), seen, tracker().online_now(seen)))


# For everybody, signed in or not.
class HeadCount(ViewSet):
    permission_classes = [AllowAny]

    @extend_schema(summary="How many people are on the site now", responses={200: serializer_for(HeadCountSchema)})
    def list(self, request: Request) -> Response:
        return _head_count()


class Beat(ViewSet):
    permission_classes = [AllowAny]

    @extend_schema(
        summary="A sign of life, from whoever has no socket",
        description="Counts for three minutes. Who is not signed in is told by a cookie, which is made where absent.",
        request=BeatSerializer,
        responses={200: serializer_for(HeadCountSchema)},
    )
    def create(self, request: Request) -> Response:
        view = _checked(BeatSerializer(data=request.data))["view"]
        browser = visitor_cookie.browser_of(request)
        if request.user.is_authenticated:
            if view is not None:
                _must_be_member(_me(request), view)
            tracker().beat_now(f"u:{_me(request)}", view, browser)
            return _head_count()
        if view is not None:
            raise not_found()
        if browser:
            tracker().beat_now(f"b:{browser}")
            return _head_count()
        if wait := rate_limits.acquire(f"browsers.{request_ip(request)}", NEW_BROWSERS, NEW_BROWSERS_PER_SECOND):
            raise rate_limited(wait)
        browser = visitor_cookie.make_browser()
        tracker().beat_now(f"b:{browser}")
        response = _head_count()
        visitor_cookie.remember(response, browser)
        return response


class Typing(ViewSet):
    @extend_schema(
        summary="Say that I am typing, or no longer",
        description="It ends by itself after five seconds.",
        request=TypingSerializer,
        responses={204: None},
    )
    def create(self, request: Request, conversation_id: int) -> Response:
        active = _checked(TypingSerializer(data=request.data))["active"]
        me = _me(request)
        _must_be_member(me, conversation_id)
        typing_state.tell(typing_state.here.heard(f"rest.{me}", me, conversation_id, active))
        return Response(status=204)


def _me(request: Request) -> int:
    return cast(int, request.user.pk)


def _checked(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _must_be_member(user_id: int, conversation_id: int) -> None:
    if conversation_id not in hooks.conversations(user_id):
        raise not_found()


def _head_count() -> Response:
    return Response(msgspec.to_builtins(HeadCountSchema(tracker().head_count_now())))
