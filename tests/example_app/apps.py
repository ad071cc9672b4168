"""Registers what the example app adds to the messenger."""

from django.apps import AppConfig


class ExampleAppConfig(AppConfig):
    name = "tests.example_app"

    def ready(self) -> None:
        from accounts.settings_pages import SettingsPage, register_settings_page
        from chat.events import MessagePayload
        from messenger.live.consumer import register_consumer
        from messenger.live.listeners import listen
        from tests.example_app import listeners
        from tests.example_app.consumers import NoticeConsumer

        listen("message.created", MessagePayload, listeners.store_notices, in_transaction=True)
        listen("message.created", MessagePayload, listeners.fail)
        register_consumer(NoticeConsumer)
        register_settings_page(SettingsPage("notices", "example_notices", "Notices", "bell"), after="privacy")
