"""API view of the export of a group, for its owner and admins."""

from __future__ import annotations

from chat.export import conversation_actions
from chat.schemas import ConversationExportSchema, conversation_export_schema
from messenger.core.errors import not_found
from messenger.rest.openapi import error_responses, response_schema
from messenger.rest.viewsets import ApiViewSet, respond, respond_created


class ConversationExportViewSet(ApiViewSet):
    @response_schema(
        ConversationExportSchema,
        "Get my export of a group; `not_found` if I have requested none",
        errors=error_responses("forbidden"),
    )
    def retrieve(self, request, conversation_id: int):
        export = conversation_actions.get_export(self.user_id, conversation_id)
        if export is None:
            raise not_found()
        return respond(conversation_export_schema(export))

    @response_schema(
        ConversationExportSchema,
        "Export a group with its messages and files; owner and admins only",
        created="Begun. It replaces my earlier export of the group.",
        already="My export of the group is being built already.",
        request=None,
        errors=error_responses("forbidden"),
    )
    def create(self, request, conversation_id: int):
        export, is_new = conversation_actions.request_export(self.user_id, conversation_id)
        return respond_created(conversation_export_schema(export), is_new)
