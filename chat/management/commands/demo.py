"""The command `manage.py demo`. It creates demo users and conversations in a database without users."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from chat.demo.seed import PASSWORD, seed_demo


class Command(BaseCommand):
    help = "Create demo users and conversations in a database without users. Only if DEBUG is on."

    def add_arguments(self, parser):
        parser.add_argument("--again", action="store_true", help="fail, instead of doing nothing, if there are users")

    def handle(self, *, again: bool, **options):
        if not settings.DEBUG:
            raise CommandError("DEBUG is off: the demo users have a public password and are not created here.")
        if User.objects.exists():
            if again:
                raise CommandError("There are people in this database. Empty it first, with manage.py flush.")
            return
        result = seed_demo()
        names = ", ".join(user.username for user in result.users)
        self.stdout.write(
            f"A demo workspace: {len(result.users)} people, {result.conversation_count} conversations,"
            f" {result.message_count} messages.\n"
            f"Sign in as any of: {names}\n"
            f"The password of each is {PASSWORD}; moderator may also look at /admin/."
        )
