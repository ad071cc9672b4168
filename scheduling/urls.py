"""URLs of the pages of scheduled messages and reminders."""

from django.urls import path

from messenger.core import path_converters  # noqa: F401  (registers <id:…>)
from scheduling import views

urlpatterns = [
    path("later/", views.later, name="later"),
    path("later/<id:scheduled_id>/", views.scheduled_message, name="scheduled_message"),
    path("later/<id:scheduled_id>/send/", views.send_scheduled_now, name="send_scheduled_now"),
    path("later/<id:scheduled_id>/cancel/", views.cancel_scheduled, name="cancel_scheduled"),
    path("c/<id:conversation_id>/send-later/", views.send_later, name="send_later"),
    path("m/<id:message_id>/remind/", views.remind, name="remind"),
    path("reminders/<id:reminder_id>/", views.reminder_command, name="reminder_command"),
]
