"""REST views of calls: the calls in progress, and the STUN and TURN servers.

A call itself needs a WebSocket, because only this connection brings the offers of the other participants.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from calls import actions, ice, selectors
from calls.payloads import AlivePayload
from calls.schemas import CallSchema, IceServersSchema
from messenger.rest.inputs import serializer_for_input
from messenger.rest.openapi import list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond


class CallViewSet(ApiViewSet):
    @list_schema(CallSchema, "List the calls in progress in my conversations")
    def list(self, request: Request) -> Response:
        return paginated_response(request, selectors.list_calls(self.user_id))

    @response_schema(CallSchema, "Decline a call that rings me", request=None)
    def decline(self, request: Request, call_id: int) -> Response:
        return respond(actions.decline(self.user_id, call_id))

    @no_content_schema(
        "Announce that the page of a device is being closed",
        description="The user leaves the call after 6 seconds, unless a device of the user joins it again.",
        request=serializer_for_input(AlivePayload, "call_id"),
    )
    def leaving(self, request: Request, call_id: int) -> Response:
        payload = self.payload(AlivePayload, call_id=call_id)
        actions.announce_leaving(self.user_id, call_id, payload.device)
        return no_content()


class IceServerViewSet(ApiViewSet):
    @response_schema(
        IceServersSchema,
        "Get the STUN and TURN servers for a call",
        description="The TURN credentials expire. They are for this user and need no sign-in at the TURN server.",
    )
    def list(self, request: Request) -> Response:
        return respond(ice.ice_servers(self.user_id), headers={"Cache-Control": "no-store"})
