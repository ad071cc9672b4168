"""`manage.py invite` prints a link that allows sign-up while SIGNUP=invite."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.auth import signup_links


class Command(BaseCommand):
    help = "Print a link with which people can sign up while SIGNUP is 'invite'."

    def add_arguments(self, parser):
        parser.add_argument("--days", type=int, default=7, help="how many days the link works (default: 7)")

    def handle(self, *, days: int, **options):
        if settings.SIGNUP == "closed":
            raise CommandError("SIGNUP is 'closed': no link would work.")
        if not 1 <= days <= 365:
            raise CommandError("A link works for 1 to 365 days.")
        self.stdout.write(signup_links.make_signup_link(days))
