"""The composition has no models; it brings the system checks and the commands that are about all apps together."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessengerConfig(AppConfig):
    name = "messenger"
    verbose_name = _("Messenger")

    def ready(self) -> None:
        from messenger import checks  # noqa: F401  (registers them)
