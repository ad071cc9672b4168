"""Command `manage.py verify_audit`: checks the chain of the audit log against itself and against published heads."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit import chain
from audit.models import AuditEntry


class Command(BaseCommand):
    help = "Checks that nobody has changed, inserted or removed entries of the audit log."

    def add_arguments(self, parser):
        parser.add_argument("--heads", help="file with published digests (default: the setting AUDIT_HEADS)")

    def handle(self, *args, heads: str | None, **options):
        path = heads or settings.AUDIT_HEADS
        published = []
        if path and (heads or Path(path).exists()):
            try:
                published = chain.parse_heads(Path(path).read_text(encoding="utf-8").splitlines())
            except (OSError, ValueError) as error:
                raise CommandError(f"{path} cannot be read: {error}") from error
        faults = list(chain.find_faults(published))
        for fault in faults:
            self.stderr.write(fault)
        if faults:
            raise CommandError(f"The audit log was changed: {len(faults)} faults.")
        count = AuditEntry.objects.exclude(number=None).count()
        self.stdout.write(f"{count} entries are in order; {len(published)} published digests match.")
