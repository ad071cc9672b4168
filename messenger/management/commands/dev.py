"""`manage.py dev`: sets up the database and starts the development server. Used by bin/dev."""

from __future__ import annotations

import io

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from messenger import server


class Command(BaseCommand):
    help = "Migrates the database, creates missing keys and demo data, and starts the server. Only if DEBUG is on."

    requires_system_checks = []  # `migrate` runs them

    def handle(self, **options):
        if not settings.DEBUG:
            raise CommandError("DEBUG is off. To serve a site, run `messenger serve`.")
        # All in one process, because loading Django takes most of the time until the first page.
        call_command("migrate", interactive=False, verbosity=0)
        call_command("vapid_keys", stdout=io.StringIO())
        call_command("demo")
        connections.close_all()
        server.main([])
