"""The Django app `calls`: voice and video calls. `chat` does not know it; it registers itself here."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CallsConfig(AppConfig):
    name = "calls"
    verbose_name = _("Calls")

    def ready(self) -> None:
        import accounts.hooks
        from accounts.settings_pages import SettingsPage, register_settings_page
        from calls import actions, entries, listeners, pushes
        from calls.consumers import CallConsumer
        from chat.events import MemberPayload
        from messenger.core.page_parts import register_page_part
        from messenger.live.consumer import register_consumer
        from messenger.live.listeners import listen
        from notifications.push.sources import PushSource, register_push_source

        entries.register_kinds()
        register_consumer(CallConsumer)
        listen("member.updated", MemberPayload, listeners.leave_calls, in_transaction=True)
        accounts.hooks.relationship_changed.append(actions.separate)
        register_push_source(pushes.KIND, PushSource(pushes.build_rings, pushes.store_rings, pushes.find_read_calls))
        register_page_part("conversation_tools", "calls/_call_buttons.html")
        register_page_part("group_settings", "calls/_group_call_settings.html")
        register_page_part("script_templates", "calls/_script_templates.html")
        register_settings_page(SettingsPage("calls", "call_settings", _("Calls"), "phone"), after="privacy")
