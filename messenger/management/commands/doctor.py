"""`manage.py doctor`: checks the site and its services, and says what to do."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from messenger.maintenance.doctor import run_checks


class Command(BaseCommand):
    help = "Checks the site and its services, and says what to do. The status is 1 if there is an error."

    requires_system_checks = []  # it runs them itself, and goes on if they fail

    def add_arguments(self, parser):
        parser.add_argument("--url", default=settings.SITE_URL, help="the public URL (default: SITE_URL)")
        parser.add_argument("--offline", action="store_true", help="do not check the public URL: the server is stopped")

    def handle(self, *, url: str, offline: bool, **options):
        styles = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "error": self.style.ERROR}
        found = {"ok": 0, "warning": 0, "error": 0}
        for finding in run_checks(None if offline else url):
            found[finding.level] += 1
            self.stdout.write(f"{styles[finding.level](f'{finding.level:<8}')} {finding.part}: {finding.text}")
            if finding.advice:
                self.stdout.write(f"{'':<8} → {finding.advice}")
        if found["error"]:
            raise CommandError(f"{found['error']} errors, {found['warning']} warnings.")
        self.stdout.write(f"No errors, {found['warning']} warnings.")
