"""URLs of the pages of notifications."""

from django.urls import path

from messenger.core import path_converters  # noqa: F401  (registers <id:…>)
from notifications import views

urlpatterns = [
    path("settings/notifications/", views.notification_settings, name="notification_settings"),
    path("settings/notifications/quiet/", views.set_do_not_disturb, name="do_not_disturb"),
    path("settings/notifications/<id:subscription_id>/test/", views.test_subscription, name="test_push_subscription"),
    path(
        "settings/notifications/<id:subscription_id>/delete/",
        views.delete_subscription,
        name="delete_push_subscription",
    ),
    path("c/<id:conversation_id>/notifications/", views.conversation_notifications, name="conversation_notifications"),
    path("m/<id:message_id>/notification/", views.message_notification, name="message_notification"),
    path("notifications/unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("service-worker.js", views.service_worker, name="service_worker"),
    path("service-worker/token/", views.csrf_token, name="service_worker_token"),
    path("manifest.webmanifest", views.manifest, name="manifest"),
]
