"""Command `manage.py rebuild_search`: indexes all messages again for search, while people can use the site."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from chat.actions import search_index
from chat.models import SearchBackfill


class Command(BaseCommand):
    help = "Indexes all messages again for search. With --resume, goes on where an interrupted run stopped."

    def add_arguments(self, parser):
        parser.add_argument("--resume", action="store_true", help="index only what is not indexed yet")

    def handle(self, *args, resume: bool, **options):
        if not resume:
            search_index.start_rebuild()
        search_index.fill(self._show_progress)
        self.stdout.write("All messages are in the search index.")

    def _show_progress(self, progress: SearchBackfill) -> None:
        done = 100 if not progress.total else 100 * (progress.total - progress.next_id) // progress.total
        self.stdout.write(f"\r{min(max(done, 0), 100)} %", ending="")
        self.stdout.flush()
