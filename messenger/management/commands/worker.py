"""`manage.py worker`: executes background tasks. See messenger/background."""

from __future__ import annotations

import argparse
import os
import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import autodiscover_modules

from messenger.background import queue
from messenger.background.worker import Worker, disable_connection_pool
from messenger.startup import find_missing_migrations


class Command(BaseCommand):
    help = "Executes background tasks: mail, thumbnails, cleanup. On SIGTERM it ends after the running tasks."

    requires_system_checks = []  # the server has run them; they would import views that a worker does not need

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="execute the due tasks in this process, then end")
        parser.add_argument("--sidecar", action="store_true", help="started by the server: end when stdin is closed")
        # The name of --sidecar in version 0.1.0.
        parser.add_argument("--beside", action="store_true", dest="sidecar", help=argparse.SUPPRESS)
        parser.add_argument("--jobs", type=int, default=settings.WORKER_JOBS, help="how many tasks at a time")

    def handle(self, *, once: bool, sidecar: bool, jobs: int, **options: object) -> None:
        if not sidecar and (reasons := list(find_missing_migrations())):  # the server has checked it for its sidecar
            raise CommandError("\n".join(reasons))
        autodiscover_modules("tasks")
        if once:
            self.stdout.write(f"{queue.run_due()} done.")
            return
        disable_connection_pool()
        if sidecar:
            os.nice(5)  # requests have priority over tasks
        Worker(max(1, jobs), sys.stdin.fileno() if sidecar else None).run()
