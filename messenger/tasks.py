"""Sweeping up that belongs to no app of ours."""

from __future__ import annotations

from django.core.management import call_command

from messenger.background import job, queue


@job(every=3600)
def forget_finished_work() -> None:
    queue.forget_finished()


@job(every=24 * 3600, seconds=600)
def clear_sessions() -> None:
    """Sessions of browsers that are over, by time."""
    call_command("clearsessions")
