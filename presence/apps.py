"""Presence is told by accounts what it has to know, since accounts may not import it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PresenceConfig(AppConfig):
    name = "presence"
    verbose_name = _("Presence")

    def ready(self) -> None:
        import accounts.hooks
        from presence import visibility

        accounts.hooks.presence_choice_changed.append(visibility.choice_changed)
        accounts.hooks.tie_changed.append(visibility.tie_changed)
