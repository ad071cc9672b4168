"""API views that mark messages as read, and list which messages the other members have received and read."""

from __future__ import annotations

from chat import actions, selectors
from chat.payloads import ReadPayload
from chat.schemas import MineSchema, ReceiptSchema
from messenger.rest.inputs import serializer_for_input
from messenger.rest.openapi import list_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, respond


class ReadMarkerViewSet(ApiViewSet):
    @response_schema(
        MineSchema,
        "Move my read marker forward, or back with `back`",
        request=serializer_for_input(ReadPayload, "conversation_id"),
    )
    def create(self, request, conversation_id: int):
        payload = self.payload(ReadPayload, conversation_id=conversation_id)
        return respond(actions.mark_read(self.user_id, conversation_id, payload.read_seq, payload.back))


class ReceiptViewSet(ApiViewSet):
    @list_schema(ReceiptSchema, "List how far the members who show receipts have received and read")
    def list(self, request, conversation_id: int):
        return paginated_response(request, selectors.list_receipts(self.user_id, conversation_id))
