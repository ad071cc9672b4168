"""Periodic background tasks for cleanup that do not belong to a single app."""

from __future__ import annotations

from django.core.management import call_command

from messenger.background import queue, task


@task(every=3600)
def delete_finished_tasks() -> None:
    """Deletes old rows of finished tasks."""
    queue.delete_finished()


@task(every=24 * 3600, timeout=600)
def clear_sessions() -> None:
    """Deletes expired browser sessions."""
    call_command("clearsessions")
