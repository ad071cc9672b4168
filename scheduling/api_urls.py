"""URLs of the REST API of scheduled messages and reminders, below /api/v1/."""

from django.urls import path

from messenger.core import path_converters  # noqa: F401  (registers <id:…>)
from scheduling.api import ReminderViewSet, ScheduledMessageViewSet

urlpatterns = [
    path("scheduled-messages/", ScheduledMessageViewSet.as_view({"get": "list"}), name="api_scheduled_messages"),
    path(
        "scheduled-messages/<id:scheduled_id>/",
        ScheduledMessageViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="api_scheduled_message",
    ),
    path(
        "conversations/<id:conversation_id>/scheduled-messages/",
        ScheduledMessageViewSet.as_view({"post": "create"}),
        name="api_schedule_message",
    ),
    path("reminders/", ReminderViewSet.as_view({"get": "list"}), name="api_reminders"),
    path("reminders/<id:reminder_id>/", ReminderViewSet.as_view({"delete": "destroy"}), name="api_reminder"),
    path("messages/<id:message_id>/reminder/", ReminderViewSet.as_view({"put": "update"}), name="api_set_reminder"),
]
