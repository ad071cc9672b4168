"""The Django app `scheduling`: messages that are sent later, and reminders. `chat` does not know it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SchedulingConfig(AppConfig):
    name = "scheduling"
    verbose_name = _("Scheduled messages and reminders")

    def ready(self) -> None:
        import accounts.hooks
        from chat.attachments import cleanup
        from chat.linked_pages import LinkedPage, register_message_page
        from messenger.core.page_parts import register_page_part
        from messenger.live.consumer import register_consumer
        from notifications.push.sources import PushSource, register_push_source
        from scheduling import delivery, export, push_notifications, reminders, scheduled_messages
        from scheduling.consumers import SchedulingConsumer

        accounts.hooks.data_export_parts.append(export.export_scheduling)
        cleanup.needed_unsent.append(scheduled_messages.list_attachment_ids)
        register_consumer(SchedulingConsumer)
        register_message_page(LinkedPage("remind", _("Remind me"), "clock", is_in_menu=True))
        register_page_part("composer_tools", "scheduling/_composer_tool.html")
        register_page_part("composer_end", "scheduling/_composer_button.html")
        register_page_part("above_composer", "scheduling/_scheduled_note.html")
        register_page_part("navigation_rail", "scheduling/_rail_link.html")
        register_page_part("script_templates", "scheduling/_script_templates.html")
        register_push_source(
            reminders.PUSH_KIND, PushSource(push_notifications.build_reminders, push_notifications.store_reminders)
        )
        register_push_source(
            delivery.PUSH_KIND, PushSource(push_notifications.build_failures, push_notifications.store_nothing)
        )
