"""`manage.py remove_second_factors NAME` lets a person sign in again who has lost phone and recovery codes."""

from django.core.management.base import BaseCommand, CommandError

from accounts.actions import remove_second_factors
from accounts.models import User


class Command(BaseCommand):
    help = "Remove authenticator app, passkeys and recovery codes of a person, and sign the person out everywhere."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--reason", default="", help="for the audit log")

    def handle(self, *, username: str, reason: str, **options):
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            raise CommandError(f"There is no person with the user name {username}.")
        if not (count := remove_second_factors(user, reason)):
            raise CommandError(f"{user.username} has no second factor.")
        self.stdout.write(f"Removed: {count}. {user.username} signs in with the password alone now.")
