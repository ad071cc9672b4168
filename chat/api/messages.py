"""API views for messages: lists of messages, sending, and operations on one message such as editing.

One view returns the changes of a conversation after a version (number of a change).
"""

from __future__ import annotations

from msgspec.structs import asdict

from chat import actions, selectors
from chat.payloads import (
    ChangesQuery,
    EditPayload,
    HistoryQuery,
    MentionListQuery,
    ReactionPayload,
    ReportPayload,
    SendPayload,
)
from chat.schemas import ChangesSchema, HistorySchema, MessageReceiptSchema, MessageSchema, RevisionSchema
from messenger.rest.inputs import serializer_for_input
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond, respond_created


class ConversationMessageViewSet(ApiViewSet):
    @response_schema(
        HistorySchema,
        "List messages of a conversation in order of `seq`; the newest page by default",
        parameters=[HistoryQuery],
    )
    def list(self, request, conversation_id: int):
        query = asdict(self.query(HistoryQuery))
        return respond(selectors.get_history(self.user_id, conversation_id, **query))

    @response_schema(
        MessageSchema,
        "Send a message",
        created="Stored.",
        already="A message with this client_id was stored before. It is returned as it is now.",
        errors=error_responses(conflict="`conflict`: another message was sent with this client_id."),
        request=serializer_for_input(SendPayload, "conversation_id"),
    )
    def create(self, request, conversation_id: int):
        payload = self.payload(SendPayload, conversation_id=conversation_id)
        message, created = actions.send_message(self.user_id, **asdict(payload))
        return respond_created(message, created)


class ChangesViewSet(ApiViewSet):
    @response_schema(ChangesSchema, "List what changed in a conversation since a version", parameters=[ChangesQuery])
    def list(self, request, conversation_id: int):
        query = self.query(ChangesQuery)
        return respond(selectors.get_changes(self.user_id, conversation_id, query.after, query.limit))


class MessageViewSet(ApiViewSet):
    @response_schema(MessageSchema, "Get one message")
    def retrieve(self, request, message_id: int):
        return respond(selectors.get_message(self.user_id, message_id))

    @response_schema(MessageSchema, "Edit one of my messages", request=serializer_for_input(EditPayload, "message_id"))
    def partial_update(self, request, message_id: int):
        payload = self.payload(EditPayload, message_id=message_id)
        return respond(actions.edit_message(self.user_id, message_id, payload.body))

    @response_schema(MessageSchema, "Delete one of my messages, or any message as owner or admin")
    def destroy(self, request, message_id: int):
        return respond(actions.delete_message(self.user_id, message_id))

    @list_schema(RevisionSchema, "List the earlier versions of a message", errors=error_responses("forbidden"))
    def revisions(self, request, message_id: int):
        return paginated_response(request, selectors.list_revisions(self.user_id, message_id))

    @list_schema(MessageReceiptSchema, "List who received and who read a message, and when")
    def receipts(self, request, message_id: int):
        return paginated_response(request, selectors.list_message_receipts(self.user_id, message_id))

    @no_content_schema("Report a message to the moderators", request=ReportPayload)
    def report(self, request, message_id: int):
        payload = self.payload(ReportPayload)
        actions.report_message(self.user_id, message_id, payload.reason, payload.kind)
        return no_content()


class ReactionViewSet(ApiViewSet):
    @response_schema(MessageSchema, "Add a reaction to a message", request=None, errors=error_responses("invalid"))
    def update(self, request, message_id: int, emoji: str):
        return self._set_reaction(message_id, emoji, active=True)

    @response_schema(MessageSchema, "Remove my reaction from a message", errors=error_responses("invalid"))
    def destroy(self, request, message_id: int, emoji: str):
        return self._set_reaction(message_id, emoji, active=False)

    def _set_reaction(self, message_id: int, emoji: str, active: bool):
        serializer = serializer_for_input(ReactionPayload, "message_id", "active")(data={"emoji": emoji})
        serializer.is_valid(raise_exception=True)
        return respond(actions.set_reaction(self.user_id, message_id, emoji, active))


class PinViewSet(ApiViewSet):
    @response_schema(MessageSchema, "Pin a message", request=None)
    def update(self, request, message_id: int):
        return respond(actions.set_pinned(self.user_id, message_id, True))

    @response_schema(MessageSchema, "Unpin a message")
    def destroy(self, request, message_id: int):
        return respond(actions.set_pinned(self.user_id, message_id, False))


class PinnedMessageViewSet(ApiViewSet):
    @list_schema(MessageSchema, "List the pinned messages of a conversation")
    def list(self, request, conversation_id: int):
        return paginated_response(request, selectors.list_pins(self.user_id, conversation_id))


class MentionViewSet(ApiViewSet):
    @list_schema(MessageSchema, "List the messages that mention me, newest first", parameters=[MentionListQuery])
    def list(self, request):
        query = self.query(MentionListQuery)
        messages, cursor = selectors.list_mentions(self.user_id, before=query.before, limit=query.limit)
        return paginated_response(request, messages, cursor)
