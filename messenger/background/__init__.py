"""Background tasks: mail, thumbnails, cleanup and other work outside of requests.

A task is a function in the module `tasks` of its app. Enqueuing a task inserts a row into the database of the site:

    from messenger.background import task

    @task(timeout=60, max_attempts=5)
    def draw_thumbnail(attachment_id: int) -> None:
        "Must be idempotent."

    draw_thumbnail.enqueue(attachment.pk)

The row belongs to the current transaction. After a rollback the task does not run. After a commit the task runs, even
if the server crashes. A task may run more than once, so it must be idempotent. The arguments are stored as JSON for at
least a day: pass ids, never secrets.

The API is that of tasks in Django 6, from the package django-tasks. The rows are in the table of django-tasks-db.
Retries, time limits, periodic tasks and the worker are our own code: see messenger/background/worker.py and
docs/decisions/background-work.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import django_tasks
from django_tasks.base import Task, TaskResultStatus

Function = TypeVar("Function", bound=Callable[..., Any])

HIGH_PRIORITY, LOW_PRIORITY = 10, -10  # the default is 0
LONG_TASK_SECONDS = 120  # a task with a longer timeout never takes the last free slot of a worker, so mail is sent soon


class PermanentFailure(Exception):
    """Raised by a task that failed and must not be tried again."""


class TaskOptions(NamedTuple):
    timeout: float  # seconds; then the attempt is killed and counts as failed
    max_attempts: int
    retry_delay: float  # seconds until the second attempt; doubled for each further attempt
    max_retry_delay: float  # seconds
    every: float  # interval of a periodic task in seconds; 0: only when enqueued


_options_by_path: dict[str, TaskOptions] = {}
_DEFAULT_OPTIONS = TaskOptions(timeout=60, max_attempts=5, retry_delay=5, max_retry_delay=3600, every=0)


def task(
    *,
    timeout: float = _DEFAULT_OPTIONS.timeout,
    max_attempts: int = _DEFAULT_OPTIONS.max_attempts,
    retry_delay: float = _DEFAULT_OPTIONS.retry_delay,
    max_retry_delay: float = _DEFAULT_OPTIONS.max_retry_delay,
    every: float = 0,
    priority: int = 0,
) -> Callable[[Function], Task]:
    """Declares a function in a module named `tasks` as a background task: `django_tasks.task` with the options below.

    With `every` (seconds), a worker also enqueues the task once per interval. An interval during which no worker runs
    is skipped: the task does not run for this interval later.
    """

    def declare(function: Function) -> Task:
        declared: Task = django_tasks.task(priority=priority)(function)
        _options_by_path[declared.module_path] = TaskOptions(timeout, max_attempts, retry_delay, max_retry_delay, every)
        return declared

    return declare


def is_queued(declared: Task, *arguments: Any) -> bool:
    """Returns whether this task with the same arguments waits in the queue. A task that already runs does not count.

    Used by a task that publishes the current state of something. If the same task waits in the queue, the running one
    may skip its work, because the waiting one will publish the state later.
    """
    from django_tasks_db.models import DBTaskResult  # models cannot be imported before the apps are loaded

    return DBTaskResult.objects.filter(
        task_path=declared.module_path, status=TaskResultStatus.READY, args_kwargs__args=list(arguments)
    ).exists()


def options_for(path: str) -> TaskOptions:
    """Returns the options of the background task with this dotted path. Imports the module of the task if necessary."""
    if path not in _options_by_path:
        with contextlib.suppress(ImportError, ValueError):
            import_module(path.rpartition(".")[0])
    return _options_by_path.get(path, _DEFAULT_OPTIONS)


def long_task_paths() -> list[str]:
    """Returns the dotted paths of the background tasks that have a timeout of more than LONG_TASK_SECONDS."""
    return [path for path, options in _options_by_path.items() if options.timeout > LONG_TASK_SECONDS]


def periodic_tasks() -> list[tuple[str, TaskOptions]]:
    """Returns the dotted paths and options of all periodic tasks (declared with `every`)."""
    return [(path, options) for path, options in _options_by_path.items() if options.every]
