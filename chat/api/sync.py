"""API view that returns all changes that a client has missed, for example while it was offline.

It is for clients that cannot open a WebSocket, over which other clients get the changes.
"""

from __future__ import annotations

from chat import selectors
from chat.payloads import SyncPayload
from messenger.rest.openapi import response_schema
from messenger.rest.viewsets import ApiViewSet, respond


class SyncViewSet(ApiViewSet):
    @response_schema(
        selectors.SyncAnswerSchema,
        "Get what this device missed",
        description="The same as `sync` on the socket, for clients that cannot open one. Call it every few seconds."
        " While `complete` is false, call it again at once with the versions of the response.",
        request=SyncPayload,
    )
    def create(self, request):
        payload = self.payload(SyncPayload)
        return respond(selectors.sync_client(self.user_id, payload.cursors, payload.me, payload.open))
