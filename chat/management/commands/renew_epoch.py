"""`manage.py renew_epoch`: tells clients that the database was restored from a backup."""

from django.core.management.base import BaseCommand

from chat import actions


class Command(BaseCommand):
    help = "Run it after restoring a backup of the database: clients then read everything afresh when they connect."

    def handle(self, **options):
        self.stdout.write(f"The epoch is now {actions.renew_epoch()}.")
