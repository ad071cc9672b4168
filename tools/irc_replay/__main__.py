"""`manage.py replay_irc FILE…`: plays recorded days through the public doors of a running server, and compares."""

import asyncio
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tools.irc_replay import log_parser
from tools.irc_replay.http_client import Refusal, Trouble
from tools.irc_replay.runner import DOORS, Replay


class Command(BaseCommand):
    help = (
        "Play days of a recorded IRC channel through the public doors of a running server: a person per nick, a group"
        " per file, each line once and in its order, while another client watches. Ends with 1 if anything differs."
    )
    requires_system_checks = []  # it asks no database of ours
    requires_migrations_checks = False

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="lines like [12:34] <nick> words")
        parser.add_argument("--url", default=settings.SITE_URL, help="the server's address (SITE_URL unless said)")
        parser.add_argument("--speed", type=float, default=60, help="60: an hour in a minute; 0: as fast as it goes")
        parser.add_argument("--doors", default=",".join(DOORS), help="which, each sender in turn: socket,api,form")
        parser.add_argument("--password", default="let-me-talk", help="of everybody who is signed up")
        parser.add_argument("--watcher", default="watcher", help="user name of the one who owns the groups and watches")
        parser.add_argument("--patience", type=float, default=60, help="seconds to try one line again before giving up")

    def handle(self, *, files, url, speed, doors, password, watcher, patience, **options):
        chosen = [door.strip() for door in doors.split(",") if door.strip()]
        if not chosen or not set(chosen) <= set(DOORS):
            raise CommandError(f"--doors is a list of these: {', '.join(DOORS)}")
        try:
            days = [log_parser.read(file) for file in files]
        except OSError as error:
            raise CommandError(str(error)) from None
        replay = Replay(
            url,
            days,
            speed=speed,
            doors=chosen,
            password=password,
            watcher=watcher,
            patience=patience,
            tell=self.stdout.write,
        )
        try:
            report = asyncio.run(replay.run())
        except (Trouble, Refusal) as error:
            raise CommandError(f"Given up: {error}") from None
        self.stdout.write(report.words())
        if not report.good:
            raise CommandError("What was stored or shown differs from what was sent.")
