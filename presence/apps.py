"""The Django app `presence`. It adds its functions to the hooks of `accounts`, which may not import `presence`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PresenceConfig(AppConfig):
    name = "presence"
    verbose_name = _("Presence")

    def ready(self) -> None:
        import accounts.hooks
        from presence import visibility

        accounts.hooks.presence_setting_changed.append(visibility.on_presence_setting_changed)
        accounts.hooks.relationship_changed.append(visibility.on_relationship_changed)
