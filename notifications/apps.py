"""The Django app configuration of notifications. The app `chat` does not know it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        import accounts.hooks
        from accounts.settings_pages import SettingsPage, register_settings_page
        from chat.linked_pages import LinkedPage, register_conversation_page, register_message_page
        from messenger.live.listeners import listen
        from notifications import listeners, subscriptions

        listen("message.created", listeners.CreatedPayload, listeners.store_outbox_rows, in_transaction=True)
        listen("message.updated", listeners.UpdatedPayload, listeners.update_devices, in_transaction=True)
        listen("mine.updated", listeners.ReadPayload, listeners.update_own_devices, in_transaction=True)
        accounts.hooks.device_notes_hook = subscriptions.device_notes
        register_settings_page(
            SettingsPage("notifications", "notification_settings", _("Notifications"), "bell"), after="privacy"
        )
        register_conversation_page(LinkedPage("conversation_notifications", _("Notifications"), "bell"))
        register_message_page(LinkedPage("message_notification", _("Why was I notified?"), "bell"))
