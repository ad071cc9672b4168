"""Periodic background tasks that delete old data and do not belong to a single app."""

from __future__ import annotations

from django.core.management import call_command

from messenger.background import queue, task


@task(every=3600)
def delete_finished_tasks() -> None:
    """Deletes old database rows of background tasks that have finished."""
    queue.delete_finished()


@task(every=24 * 3600, timeout=600)
def clear_sessions() -> None:
    """Deletes expired browser sessions."""
    call_command("clearsessions")
