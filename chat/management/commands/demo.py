"""`manage.py demo`: a lively workspace in a database with nobody in it."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from chat.demo.seed import PASSWORD, play


class Command(BaseCommand):
    help = "Fill an empty database with people who talk, to look at. Only where DEBUG is on."

    def add_arguments(self, parser):
        parser.add_argument(
            "--again", action="store_true", help="fail, instead of doing nothing, where there are people already"
        )

    def handle(self, *, again: bool, **options):
        if not settings.DEBUG:
            raise CommandError("DEBUG is off: people with a password that everybody knows are not made here.")
        if User.objects.exists():
            if again:
                raise CommandError("There are people in this database. Empty it first, with manage.py flush.")
            return
        played = play()
        names = ", ".join(user.username for user in played.people)
        self.stdout.write(
            f"A demo workspace: {len(played.people)} people, {played.conversations} conversations,"
            f" {played.messages} messages.\n"
            f"Sign in as any of: {names}\n"
            f"The password of each is {PASSWORD}; moderator may also look at /admin/."
        )
