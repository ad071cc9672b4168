"""Claims rows in the database table of background tasks, executes the tasks and records the results.

Any number of workers (processes that execute tasks) may use the table at the same time.
"""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache

from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

from messenger.background import (
    LOW_PRIORITY,
    PermanentFailure,
    TaskOptions,
    long_task_paths,
    options_for,
    periodic_tasks,
)

log = logging.getLogger(__name__)

GRACE = 30.0  # a row that still runs this many seconds after its timeout counts as abandoned
SUCCESSFUL_KEPT, FAILED_KEPT = timedelta(days=1), timedelta(days=14)
_SLOT_NAMESPACE = uuid.UUID("5ba5b1c4-50c5-4a35-9f0e-6a1a86d1a3f6")

# A queued row contains the path of its task and may wait during an upgrade. If you rename or move a task, add
# its old path here. An entry can be removed two releases later. Version 0.1.0 had the paths with `jobs`.
RENAMED_TASKS = {
    "accounts.jobs.forget_old_mail": "accounts.tasks.delete_old_mail",
    "accounts.jobs.send_mail": "accounts.tasks.send_mail",
    "chat.jobs.build_archive": "chat.tasks.build_data_export",
    "chat.jobs.bury_files": "chat.tasks.delete_orphaned_files",
    "chat.jobs.leave_everything": "chat.tasks.leave_all_conversations",
    "chat.jobs.prepare_file": "chat.tasks.prepare_file",
    "chat.jobs.sweep_archives": "chat.tasks.clean_up_data_exports",
    "chat.jobs.sweep_files": "chat.tasks.clean_up_files",
    "messenger.jobs.clear_sessions": "messenger.tasks.clear_sessions",
    "messenger.jobs.forget_finished_work": "messenger.tasks.delete_finished_tasks",
}


@cache
def host() -> str:
    return socket.gethostname()[:40]


def worker_id() -> str:
    """Returns the id of this worker process. The id is stored in each row of a task that the worker executes.

    With this id, other workers on the same machine can find out whether the process still runs.
    """
    return f"{host()}:{os.getpid()}"


def claim(worker: str, *, short_only: bool = False) -> DBTaskResult | None:
    """Marks the next due task as running on this worker process and returns its row. Returns None if no task is due.

    With `short_only`, ignores tasks with a timeout of more than LONG_TASK_SECONDS. If no task is due, this function
    makes one query and locks no rows.
    """
    ready = DBTaskResult.objects.ready()
    if short_only:
        ready = ready.exclude(task_path__in=long_task_paths())
    if not ready.values_list("pk")[:1]:
        return None
    with transaction.atomic():
        row = ready.get_locked()
        if row is not None:
            row.claim(worker)
            if row.task_path in RENAMED_TASKS:
                row.task_path = RENAMED_TASKS[row.task_path]
                row.save(update_fields=["task_path"])
    return row


def run_task(row: DBTaskResult) -> bool:
    """Executes a task that this worker has claimed, in the current process. Records the result in the row of the task.

    Returns whether the task succeeded.
    """
    try:
        row.task.call(*row.args_kwargs["args"], **row.args_kwargs["kwargs"])
    except (ImportError, SuspiciousOperation) as error:
        record_failure(row, PermanentFailure(f"There is no such task: {error}"))
        return False
    except Exception as error:
        record_failure(row, error)
        return False
    with _log_database_errors():
        _own_row(row).update(status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now(), traceback="")
    return True


def record_failure(row: DBTaskResult, error: BaseException) -> None:
    """Records that an attempt to run a task failed, and schedules the next attempt.

    If no attempts are left, marks the row as failed. The message of the error is not stored or logged, because it may
    contain personal data such as an address. The log contains the type of the error and the line where it was raised.
    PermanentFailure is logged with its message.
    """
    options, attempts = _options_of(row), len(row.worker_ids)
    error_class = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, PermanentFailure) or attempts >= options.max_attempts:
        log.error("%s failed for good after %d tries: %s", row.task_path, attempts, _describe(error))
        changes: dict = {"status": TaskResultStatus.FAILED, "finished_at": timezone.now()}
    else:
        delay = min(options.retry_delay * 2 ** (attempts - 1), options.max_retry_delay)
        log.warning("%s failed, try %d, again in %d s: %s", row.task_path, attempts, delay, _describe(error))
        changes = {"status": TaskResultStatus.READY, "run_after": timezone.now() + timedelta(seconds=delay)}
    with _log_database_errors():
        _own_row(row).update(exception_class_path=error_class, **changes)


def requeue_abandoned() -> int:
    """Puts tasks whose worker process has died (kill -9, power loss) into the queue again. Returns their number.

    A failed attempt is recorded for each, so a task without attempts left is marked as failed instead. If the worker
    ran on this machine, its death is detected at once. A task on another machine counts as abandoned GRACE seconds
    after its timeout.
    """
    count = 0
    for row in DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING):
        started = row.started_at or row.enqueued_at
        has_expired = started + timedelta(seconds=_options_of(row).timeout + GRACE) < timezone.now()
        if has_expired or _is_dead(row.worker_ids[-1] if row.worker_ids else ""):
            record_failure(row, ProcessLookupError())
            count += 1
    return count


def enqueue_periodic(last_slots: dict[str, int]) -> None:
    """Adds each periodic task to the queue once per interval, even if several workers call this function.

    Adds no row for a task that still has a waiting or running row. `last_slots` belongs to the calling worker. It maps
    the path of a task to the number of the last interval that this worker has handled, and is updated here.
    """
    now = time.time()
    for path, options in periodic_tasks():
        slot = int(now // options.every)
        if last_slots.get(path) == slot:
            continue
        old_paths = [old_path for old_path, new_path in RENAMED_TASKS.items() if new_path == path]
        unfinished = DBTaskResult.objects.filter(
            task_path__in=[path, *old_paths], status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING]
        )
        if not unfinished.exists():
            row: DBTaskResult = DBTaskResult(
                id=uuid.uuid5(_SLOT_NAMESPACE, f"{path} {slot}"),  # the same in all workers
                args_kwargs={"args": [], "kwargs": {}},
                task_path=path,
                backend_name="default",
                run_after=get_date_max(),
                priority=LOW_PRIORITY,
            )
            DBTaskResult.objects.bulk_create([row], ignore_conflicts=True)
        last_slots[path] = slot


def delete_finished(now: datetime | None = None) -> int:
    """Deletes old rows of finished background tasks and returns the number of deleted rows.

    Rows of successful tasks are kept for SUCCESSFUL_KEPT, rows of failed tasks for FAILED_KEPT.
    """
    now = now or timezone.now()
    successful = DBTaskResult.objects.filter(
        status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - SUCCESSFUL_KEPT
    ).delete()[0]
    return successful + DBTaskResult.objects.filter(finished_at__lt=now - FAILED_KEPT).delete()[0]


def run_due(limit: int = 1000) -> int:
    """Executes all due background tasks one after another in this process. Returns the number of executed tasks.

    Used by tests and `manage.py worker --once`.
    """
    count = 0
    while count < limit and (row := claim(worker_id())):
        run_task(row)
        count += 1
    return count


def _options_of(row: DBTaskResult) -> TaskOptions:
    return options_for(RENAMED_TASKS.get(row.task_path, row.task_path))


def _own_row(row: DBTaskResult) -> QuerySet[DBTaskResult]:
    """Returns a queryset with the row of the task that this worker executes.

    The queryset is empty if another worker has claimed the row since. All results are written through this queryset. So
    a worker that finishes too late cannot overwrite the result of a later attempt.
    """
    return DBTaskResult.objects.filter(pk=row.pk, status=TaskResultStatus.RUNNING, started_at=row.started_at)


def _is_dead(worker: str) -> bool:
    """Returns whether the worker process with this id ran on this machine and has ended.

    Returns False if the process ran on another machine.
    """
    name, _, pid = worker.rpartition(":")
    if name != host() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _describe(error: BaseException) -> str:
    """Returns a text for the log: the type of an error, and the file and line where it was raised.

    The message of the error is left out, except for a PermanentFailure.
    """
    frame, location = error.__traceback__, ""
    while frame:
        location = f" at {os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
        frame = frame.tb_next
    return f"{type(error).__name__}{location}" + (f" ({error})" if isinstance(error, PermanentFailure) else "")


@contextmanager
def _log_database_errors() -> Iterator[None]:
    """Context manager that logs a database error instead of raising it.

    The row of the task then stays "running" until `requeue_abandoned` finds it.
    """
    try:
        yield
    except OperationalError as error:
        log.warning("The result of a task could not be stored: %s", type(error).__name__)
