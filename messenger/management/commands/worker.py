"""Does the work that nobody waits for: mail, thumbnails, sweeping up. See messenger/background."""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import autodiscover_modules

from messenger.background import queue
from messenger.background.worker import Runner, without_pool


class Command(BaseCommand):
    help = "Does background work: mail, thumbnails, sweeping up. Ends on SIGTERM, after the jobs under way."

    requires_system_checks = []  # the server has run them; they would load every page that a worker never shows

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="do what is due, in this process, and end")
        parser.add_argument("--beside", action="store_true", help="as the server's companion: end when stdin ends")
        parser.add_argument("--jobs", type=int, default=settings.WORKER_JOBS, help="how many at once")

    def handle(self, *, once: bool, beside: bool, jobs: int, **options: object) -> None:
        autodiscover_modules("tasks")
        if once:
            self.stdout.write(f"{queue.run_all()} done.")
            return
        without_pool()
        if beside:
            os.nice(5)  # who writes and reads comes first
        Runner(max(1, jobs), sys.stdin.fileno() if beside else None).run()
