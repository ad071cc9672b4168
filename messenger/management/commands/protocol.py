"""`manage.py protocol`: writes the contract of the protocol (commands, events, schemas …) into two files.

The files are docs/protocol.md and static/js/realtime/protocol.d.ts.
"""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from messenger.protocol import writer


class Command(BaseCommand):
    help = "Updates the generated parts of docs/protocol.md and static/js/realtime/protocol.d.ts from the code."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="change nothing; fail if a file is out of date")

    def handle(self, *, check: bool, **options):
        changed = writer.outdated_files() if check else writer.write()
        names = ", ".join(str(path.relative_to(settings.BASE_DIR)) for path in changed)
        if check and changed:
            raise CommandError(f"Out of date: {names}. Run manage.py protocol.")
        self.stdout.write(f"Written: {names}" if changed else "Up to date.")
