"""Work that nobody waits for: sending mail, drawing thumbnails, sweeping up.

A job is a function, declared in a `jobs` module of its app, and put off by a row in our own database:

    from messenger.background import job

    @job(seconds=60, tries=5)
    def draw_thumbnail(attachment_id: int) -> None:
        "Harmless when it is done twice."

    draw_thumbnail.enqueue(attachment.pk)

The row is part of the transaction under way: what was rolled back is never done, what was committed is done, also
after a crash. It is done at least once, so a job has to bear being done again. Arguments are JSON and stay in the
table for a day: ids, never secrets.

The API is that of Django 6's own tasks, by django-tasks; rows by django-tasks-db. Retrying, time limits, repeating
and the worker are ours: see messenger/background/worker.py and docs/decisions/background-work.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

from django_tasks import task
from django_tasks.base import Task

Function = TypeVar("Function", bound=Callable[..., Any])

SOONER, LATER = 10, -10  # priorities; 0 is between them


class GiveUp(Exception):
    """Raised by a job that no further try can help."""


class Rules(NamedTuple):
    seconds: float  # that one try may take; then it is killed, and that try has failed
    tries: int
    wait: float  # seconds until the second try, doubled with each further one
    longest_wait: float
    every: float  # seconds; 0: only when it is asked for


_rules: dict[str, Rules] = {}
_USUAL = Rules(seconds=60, tries=5, wait=5, longest_wait=3600, every=0)


def job(
    *,
    seconds: float = _USUAL.seconds,
    tries: int = _USUAL.tries,
    wait: float = _USUAL.wait,
    longest_wait: float = _USUAL.longest_wait,
    every: float = 0,
    priority: int = 0,
) -> Callable[[Function], Task]:
    """Declare a job, at the top of a module named `jobs`. With `every` it is also done by itself, that often.

    What is missed while no worker runs is not made up for: one round is enough.
    """

    def declare(function: Function) -> Task:
        made: Task = task(priority=priority)(function)
        _rules[made.module_path] = Rules(seconds, tries, wait, longest_wait, every)
        return made

    return declare


def rules_of(path: str) -> Rules:
    """Of a job that is declared in a module nobody has read yet, too."""
    if path not in _rules:
        with contextlib.suppress(ImportError, ValueError):
            import_module(path.rpartition(".")[0])
    return _rules.get(path, _USUAL)


def repeated() -> list[tuple[str, Rules]]:
    """Path and rules of those that are done by themselves."""
    return [(path, rules) for path, rules in _rules.items() if rules.every]
