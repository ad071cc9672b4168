"""Defines the Django app `messenger`.

The app has no models. It contains the system checks, commands and tasks that concern all apps.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class MessengerConfig(AppConfig):
    name = "messenger"
    verbose_name = _("Messenger")

    def ready(self) -> None:
        from messenger import checks  # noqa: F401  (registers the checks)

        if settings.SENTRY_DSN:
            from messenger.monitoring.sentry import start_sentry

            start_sentry(settings.SENTRY_DSN, settings.SITE_URL)
