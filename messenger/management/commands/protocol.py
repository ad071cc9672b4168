"""`manage.py protocol`: the contract, as docs/protocol.md and static/js/realtime/protocol.d.ts say it, from the code."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from messenger.protocol import writer


class Command(BaseCommand):
    help = "Write what the code says of the protocol into docs/protocol.md and static/js/realtime/protocol.d.ts."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="change nothing; fail where a file differs")

    def handle(self, *, check: bool, **options):
        changed = writer.differing() if check else writer.write()
        names = ", ".join(str(path.relative_to(settings.BASE_DIR)) for path in changed)
        if check and changed:
            raise CommandError(f"Not as the code has it: {names}. Run manage.py protocol.")
        self.stdout.write(f"Written: {names}" if changed else "As the code has it.")
