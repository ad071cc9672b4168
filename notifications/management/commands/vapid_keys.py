"""Creates the key pair with which the site identifies itself to push services: `manage.py vapid_keys`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from notifications.push import vapid


class Command(BaseCommand):
    help = "Creates the key for push notifications in DATA_DIR, unless the site has one. Prints the public key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--print",
            action="store_true",
            help="store nothing, but print a new key as a line for the environment, for sites on several machines",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["print"]:
            self.stdout.write(f"VAPID_PRIVATE_KEY={vapid.create_key()}")
            return
        if vapid.create_key_file():
            self.stdout.write(f"Created {vapid.key_file()}", self.style.SUCCESS)
        self.stdout.write(f"Public key: {vapid.public_key()}")
