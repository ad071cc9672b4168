"""REST views of presence: who is online, how many are online, and heartbeats.

With a heartbeat, a client without a WebSocket reports that it is still in use.
"""

from __future__ import annotations

from typing import cast

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from messenger.core import rate_limits
from messenger.core.client_ip import request_network
from messenger.core.errors import not_found
from messenger.rest.inputs import serializer_for_input
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond
from presence import hooks, typing_state, visibility, visitor_cookie
from presence.payloads import BeatPayload, PresenceQuery, TypingPayload
from presence.schemas import HeadCountSchema, PresenceSchema
from presence.tracker import get_tracker


class PresenceViewSet(ApiViewSet):
    """Users may ask for themselves, their contacts and users with whom they share a conversation.

    Other and unknown ids are left out of the answer.
    """

    @list_schema(PresenceSchema, "Presence of these users", parameters=[PresenceQuery])
    def list(self, request: Request) -> Response:
        user_ids = sorted(set(self.query(PresenceQuery).user_ids))
        reachable_ids = visibility.filter_reachable_users(self.user_id, user_ids)
        get_tracker().refresh()  # clients apply the events since: the answer must not be older than these
        online_ids = get_tracker().get_online_users(reachable_ids)
        presences = visibility.list_visible_presence(cast(User, request.user), reachable_ids, online_ids)
        return paginated_response(request, presences)


class HeadCountViewSet(ApiViewSet):
    permission_classes = (AllowAny,)  # signed-in users and visitors

    @response_schema(HeadCountSchema, "How many users and visitors are online")
    def list(self, request: Request) -> Response:
        return _head_count_response()


class HeartbeatViewSet(ApiViewSet):
    permission_classes = (AllowAny,)  # signed-in users and visitors

    @response_schema(
        HeadCountSchema,
        "Heartbeat of a client without a WebSocket",
        description="Counts for three minutes. A visitor is identified by a cookie, which the first heartbeat sets.",
        request=BeatPayload,
        errors=error_responses("not_found"),
    )
    def create(self, request: Request) -> Response:
        conversation_id = self.payload(BeatPayload).view
        browser_id = visitor_cookie.get_browser_id(request)
        if request.user.is_authenticated:
            if conversation_id is not None:
                _check_membership(self.user_id, conversation_id)
            get_tracker().record_heartbeat(f"u:{self.user_id}", conversation_id, browser_id)
            return _head_count_response()
        if conversation_id is not None:
            raise not_found()
        if browser_id:
            get_tracker().record_heartbeat(f"b:{browser_id}")
            return _head_count_response()
        rate_limits.require("browsers", request_network(request))
        browser_id = visitor_cookie.create_browser_id()
        get_tracker().record_heartbeat(f"b:{browser_id}")
        response = _head_count_response()
        visitor_cookie.set_browser_cookie(response, browser_id)
        return response


class TypingViewSet(ApiViewSet):
    @no_content_schema(
        "Report that the user is typing, or stopped",
        description="Ends by itself five seconds after the last call.",
        request=serializer_for_input(TypingPayload, "conversation_id"),
    )
    def create(self, request: Request, conversation_id: int) -> Response:
        active = self.payload(TypingPayload, conversation_id=conversation_id).active
        if conversation_id in hooks.list_new_pair_ids(self.user_id):
            return no_content()
        _check_membership(self.user_id, conversation_id)
        source = f"rest.{self.user_id}"  # all API clients of a user are one source
        typing_state.publish_changes(typing_state.local_state.update(source, self.user_id, conversation_id, active))
        return no_content()


def _check_membership(user_id: int, conversation_id: int) -> None:
    """Raises "not found" if the user is not a member of the conversation."""
    if conversation_id not in hooks.list_conversation_ids([user_id]).get(user_id, ()):
        raise not_found()


def _head_count_response() -> Response:
    return respond(HeadCountSchema(get_tracker().get_head_count()))
