"""REST views of scheduled messages and reminders."""

from __future__ import annotations

from msgspec.structs import asdict

from messenger.rest.inputs import serializer_for_input
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond, respond_created
from scheduling import reminders, scheduled_messages
from scheduling.payloads import ReminderPayload, ScheduledMessageChangesPayload, SchedulePayload
from scheduling.schemas import ReminderSchema, ScheduledMessageSchema, reminder_schema, scheduled_message_schema


class ScheduledMessageViewSet(ApiViewSet):
    @list_schema(ScheduledMessageSchema, "List my scheduled messages, the next one first")
    def list(self, request):
        rows = scheduled_messages.list_own(self.user_id)
        return paginated_response(request, [scheduled_message_schema(row) for row in rows])

    @response_schema(
        ScheduledMessageSchema,
        "Schedule a message",
        created="Scheduled.",
        already="I have scheduled a message with this client_id before. It is returned as it is now.",
        errors=error_responses(conflict="`conflict`: the client_id was already used for another message."),
        request=serializer_for_input(SchedulePayload, "conversation_id"),
    )
    def create(self, request, conversation_id: int):
        payload = self.payload(SchedulePayload, conversation_id=conversation_id)
        row, created = scheduled_messages.schedule(self.user_id, **asdict(payload))
        return respond_created(scheduled_message_schema(row), created)

    @response_schema(ScheduledMessageSchema, "Get one of my scheduled messages")
    def retrieve(self, request, scheduled_id: int):
        return respond(scheduled_message_schema(scheduled_messages.get_own(self.user_id, scheduled_id)))

    @response_schema(
        ScheduledMessageSchema,
        "Change one of my scheduled messages",
        request=ScheduledMessageChangesPayload,
        errors=error_responses(forbidden="`forbidden`: it is being sent already."),
    )
    def partial_update(self, request, scheduled_id: int):
        changes = self.changes(ScheduledMessageChangesPayload)
        return respond(scheduled_message_schema(scheduled_messages.change(self.user_id, scheduled_id, **changes)))

    @no_content_schema(
        "Cancel one of my scheduled messages",
        errors=error_responses(forbidden="`forbidden`: it is being sent already."),
    )
    def destroy(self, request, scheduled_id: int):
        scheduled_messages.cancel(self.user_id, scheduled_id)
        return no_content()


class ReminderViewSet(ApiViewSet):
    @list_schema(ReminderSchema, "List my reminders, the next one first")
    def list(self, request):
        rows = reminders.list_own(self.user_id)
        messages = reminders.load_messages(rows)
        return paginated_response(request, [reminder_schema(row, messages[row.message_id]) for row in rows])

    @response_schema(
        ReminderSchema,
        "Remind me of a message, or change the time of its reminder (snooze)",
        request=serializer_for_input(ReminderPayload, "message_id"),
    )
    def update(self, request, message_id: int):
        payload = self.payload(ReminderPayload, message_id=message_id)
        row, _created = reminders.set_reminder(self.user_id, message_id, payload.remind_at)
        return respond(reminder_schema(row, reminders.load_messages([row])[row.message_id]))

    @no_content_schema("Delete one of my reminders")
    def destroy(self, request, reminder_id: int):
        reminders.remove(self.user_id, reminder_id)
        return no_content()
