"""URLs of the pages of calls."""

from django.urls import path

from calls import views
from messenger.core import path_converters  # noqa: F401  (registers <id:…>)

urlpatterns = [
    path("calls/templates/", views.call_templates, name="call_templates"),
    path("settings/calls/", views.call_settings, name="call_settings"),
    path("c/<id:conversation_id>/settings/calls/", views.group_call_settings, name="group_call_settings"),
]
