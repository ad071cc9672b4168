"""The Django app configuration of notifications. The app `chat` does not know it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("notifications")

    def ready(self) -> None:
        from messenger.live.listeners import listen
        from notifications import listeners

        listen("message.created", listeners.CreatedPayload, listeners.store_outbox_rows, in_transaction=True)
        listen("message.updated", listeners.UpdatedPayload, listeners.update_devices, in_transaction=True)
        listen("mine.updated", listeners.ReadPayload, listeners.update_own_devices, in_transaction=True)
