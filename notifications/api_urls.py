"""URLs of the REST API of notifications, below /api/v1/."""

from django.urls import path

from messenger.core import path_converters  # noqa: F401  (registers <id:…>)
from notifications.api import (
    GroupNotificationViewSet,
    NotificationPreferencesViewSet,
    NotificationViewSet,
    PushSubscriptionViewSet,
)

SUBSCRIPTION = "notifications/subscriptions/<id:subscription_id>/"

urlpatterns = [
    path("notifications/", NotificationViewSet.as_view({"get": "list"}), name="api_notifications"),
    path(
        "notifications/preferences/",
        NotificationPreferencesViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="api_notification_preferences",
    ),
    path(
        "notifications/subscriptions/",
        PushSubscriptionViewSet.as_view({"get": "list", "post": "create"}),
        name="api_push_subscriptions",
    ),
    path(SUBSCRIPTION, PushSubscriptionViewSet.as_view({"delete": "destroy"}), name="api_push_subscription"),
    path(f"{SUBSCRIPTION}test/", PushSubscriptionViewSet.as_view({"post": "test"}), name="api_push_test"),
    path(
        "messages/<id:message_id>/notification/",
        NotificationViewSet.as_view({"get": "retrieve"}),
        name="api_message_notification",
    ),
    path(
        "conversations/<id:conversation_id>/notifications/",
        GroupNotificationViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="api_group_notifications",
    ),
]
