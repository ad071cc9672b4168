"""REST views of presence: who is online, how many are online, and heartbeats.

With a heartbeat, a client without a WebSocket reports that it is still in use.
"""

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
from messenger.core import rate_limits
from messenger.core.client_ip import request_network
from messenger.core.errors import not_found, rate_limited
from messenger.rest.openapi import error_responses
from messenger.rest.pagination import paginated_response
from messenger.rest.struct_serializers import page_serializer_for, serializer_for
from presence import hooks, typing_state, visibility, visitor_cookie
from presence.schemas import HeadCountSchema, PresenceSchema
from presence.serializers import HeartbeatSerializer, PresenceQuerySerializer, TypingSerializer
from presence.tracker import get_tracker

# Comments instead of docstrings: OpenAPI would show a docstring in each operation.


# Users may ask for themselves, their contacts and users with whom they share a conversation. Other and unknown ids are
# left out of the answer.
class PresenceViewSet(ViewSet):
    @extend_schema(
        summary="Presence of these users",
        parameters=[PresenceQuerySerializer],
        responses={200: page_serializer_for(PresenceSchema)},
    )
    def list(self, request: Request) -> Response:
        user_ids = _validated_data(PresenceQuerySerializer(data=request.query_params.dict()))["user_ids"]
        reachable_ids = visibility.filter_reachable_users(_current_user_id(request), user_ids)
        get_tracker().refresh()  # clients apply the events since: the answer must not be older than these
        online_ids = get_tracker().get_online_users(reachable_ids)
        presences = visibility.list_visible_presence(cast(User, request.user), reachable_ids, online_ids)
        return paginated_response(request, presences)


# Public: for signed-in users and visitors.
class HeadCountViewSet(ViewSet):
    permission_classes = [AllowAny]

    @extend_schema(summary="How many users and visitors are online", responses={200: serializer_for(HeadCountSchema)})
    def list(self, request: Request) -> Response:
        return _head_count_response()


class HeartbeatViewSet(ViewSet):
    permission_classes = [AllowAny]

    @extend_schema(
        summary="Heartbeat of a client without a WebSocket",
        description="Counts for three minutes. A visitor is identified by a cookie, which the first heartbeat sets.",
        request=HeartbeatSerializer,
        responses={200: serializer_for(HeadCountSchema), **error_responses("not_found")},
    )
    def create(self, request: Request) -> Response:
        conversation_id = _validated_data(HeartbeatSerializer(data=request.data))["view"]
        browser_id = visitor_cookie.get_browser_id(request)
        if request.user.is_authenticated:
            if conversation_id is not None:
                _check_membership(_current_user_id(request), conversation_id)
            get_tracker().record_heartbeat(f"u:{_current_user_id(request)}", conversation_id, browser_id)
            return _head_count_response()
        if conversation_id is not None:
            raise not_found()
        if browser_id:
            get_tracker().record_heartbeat(f"b:{browser_id}")
            return _head_count_response()
        if wait := rate_limits.acquire("browsers", request_network(request)):
            raise rate_limited(wait)
        browser_id = visitor_cookie.create_browser_id()
        get_tracker().record_heartbeat(f"b:{browser_id}")
        response = _head_count_response()
        visitor_cookie.set_browser_cookie(response, browser_id)
        return response


class TypingViewSet(ViewSet):
    @extend_schema(
        summary="Report that the user is typing, or stopped",
        description="Ends by itself five seconds after the last call.",
        request=TypingSerializer,
        responses={204: None},
    )
    def create(self, request: Request, conversation_id: int) -> Response:
        active = _validated_data(TypingSerializer(data=request.data))["active"]
        user_id = _current_user_id(request)
        _check_membership(user_id, conversation_id)
        source = f"rest.{user_id}"  # all API clients of a user are one source
        typing_state.publish_changes(typing_state.local_state.update(source, user_id, conversation_id, active))
        return Response(status=204)


def _current_user_id(request: Request) -> int:
    return cast(int, request.user.pk)


def _validated_data(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _check_membership(user_id: int, conversation_id: int) -> None:
    """Raises "not found" if the user is not a member of the conversation."""
    if conversation_id not in hooks.list_conversation_ids([user_id]).get(user_id, ()):
        raise not_found()


def _head_count_response() -> Response:
    return Response(msgspec.to_builtins(HeadCountSchema(get_tracker().get_head_count())))
