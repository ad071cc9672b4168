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
        from messenger.live.listeners import listen, listen_to_types
        from notifications import checks, export, listeners, pending_pushes, subscriptions  # noqa: F401 (registers)
        from notifications.push import content
        from notifications.push.sources import PushSource, register_push_source

        listen_to_types(
            {"message.created": listeners.CreatedPayload, "mine.updated": listeners.MemberStatePayload},
            listeners.handle_messages_and_states,
            in_transaction=True,
            has_savepoint=False,
        )
        listen("message.updated", listeners.UpdatedPayload, listeners.update_devices, in_transaction=True)
        register_push_source(pending_pushes.MESSAGES, PushSource(content.build_states, content.store))
        accounts.hooks.device_notes_hook = subscriptions.device_notes
        accounts.hooks.relationship_changed.append(listeners.update_devices_after_block)
        accounts.hooks.data_export_parts.append(export.export_notifications)
        register_settings_page(
            SettingsPage("notifications", "notification_settings", _("Notifications"), "bell"), after="privacy"
        )
        register_conversation_page(LinkedPage("conversation_notifications", _("Notifications"), "bell"))
        register_message_page(LinkedPage("message_notification", _("Why was I notified?"), "bell"))
