"""Command `manage.py export_audit`: writes the audit log as JSON, one entry a line."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date

from audit.export import entry_lines
from audit.models import AuditEntry


class Command(BaseCommand):
    help = "Writes the audit log as JSON, one entry a line, oldest first."

    def add_arguments(self, parser):
        parser.add_argument("--since", help="first day (UTC), such as 2026-01-31")

    def handle(self, *args, since: str | None, **options):
        entries = AuditEntry.objects.order_by("pk")
        if since:
            if (day := parse_date(since)) is None:
                raise CommandError(f"{since} is not a day such as 2026-01-31.")
            entries = entries.filter(created_at__date__gte=day)
        for line in entry_lines(entries):
            self.stdout.write(line, ending="")
