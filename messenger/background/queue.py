"""The rows of waiting work: who takes one, and what becomes of it. Any number of workers may do this at once."""

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
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

from messenger.background import GiveUp, repeated, rules_of

log = logging.getLogger(__name__)

GRACE = 30.0  # seconds over its limit after which nobody can be working at it any more
KEPT, FAILED_KEPT = timedelta(days=1), timedelta(days=14)
_SLOTS = uuid.UUID("5ba5b1c4-50c5-4a35-9f0e-6a1a86d1a3f6")


@cache
def host() -> str:
    return socket.gethostname()[:40]


def worker_id() -> str:
    """Tells which process took a row: others on this machine can see that it is gone."""
    return f"{host()}:{os.getpid()}"


def claim(worker: str) -> DBTaskResult | None:
    """The row to do next, taken for this worker. One look, and a lock only where there is something to take."""
    ready = DBTaskResult.objects.ready()
    if not ready.values_list("pk")[:1]:
        return None
    with transaction.atomic():
        row = ready.get_locked()
        if row is not None:
            row.claim(worker)
    return row


def perform(row: DBTaskResult) -> bool:
    """Do it here and now, and note what became of it. Says whether it was done."""
    try:
        work = row.task
        work.call(*row.args_kwargs["args"], **row.args_kwargs["kwargs"])
    except (ImportError, SuspiciousOperation) as error:
        failed(row, GiveUp(f"There is no such job: {error}"))
        return False
    except Exception as error:
        failed(row, error)
        return False
    with _patiently():
        _mine(row).update(status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now(), traceback="")
    return True


def failed(row: DBTaskResult, error: BaseException) -> None:
    """One try came to nothing: it waits for the next, or was the last. Of the error no text is kept or logged, since
    that may hold somebody's address; the developer gets its kind and place."""
    rules, tried = rules_of(row.task_path), len(row.worker_ids)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, GiveUp) or tried >= rules.tries:
        log.error("%s failed for good after %d tries: %s", row.task_path, tried, _place(error))
        changes: dict = {"status": TaskResultStatus.FAILED, "finished_at": timezone.now()}
    else:
        wait = min(rules.wait * 2 ** (tried - 1), rules.longest_wait)
        log.warning("%s failed, try %d, again in %d s: %s", row.task_path, tried, wait, _place(error))
        changes = {"status": TaskResultStatus.READY, "run_after": timezone.now() + timedelta(seconds=wait)}
    with _patiently():
        _mine(row).update(exception_class_path=kind, **changes)


def recover() -> int:
    """Rows whose worker is gone, by kill -9 or with its machine, count as a try that failed. Says how many."""
    found = 0
    for row in DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING):
        started = row.started_at or row.enqueued_at
        lapsed = started + timedelta(seconds=rules_of(row.task_path).seconds + GRACE) < timezone.now()
        if lapsed or _is_gone(row.worker_ids[-1] if row.worker_ids else ""):
            failed(row, ProcessLookupError())
            found += 1
    return found


def plan(done_here: dict[str, int]) -> None:
    """A row for each job that repeats, once in each of its intervals, whoever of the workers comes first.

    `done_here` remembers, for this worker, the interval that it last saw to.
    """
    now = time.time()
    for path, rules in repeated():
        slot = int(now // rules.every)
        if done_here.get(path) == slot:
            continue
        unfinished = DBTaskResult.objects.filter(
            task_path=path, status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING]
        )
        if not unfinished.exists():
            row: DBTaskResult = DBTaskResult(
                id=uuid.uuid5(_SLOTS, f"{path} {slot}"),
                args_kwargs={"args": [], "kwargs": {}},
                task_path=path,
                backend_name="default",
                run_after=get_date_max(),
                priority=-10,
            )
            DBTaskResult.objects.bulk_create([row], ignore_conflicts=True)
        done_here[path] = slot


def forget_finished(now: datetime | None = None) -> int:
    now = now or timezone.now()
    done = DBTaskResult.objects.filter(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - KEPT).delete()[0]
    return done + DBTaskResult.objects.filter(finished_at__lt=now - FAILED_KEPT).delete()[0]


def run_all(at_most: int = 1000) -> int:
    """Everything that is due, here, one after the other: for tests and `manage.py worker --once`."""
    count = 0
    while count < at_most and (row := claim(worker_id())):
        perform(row)
        count += 1
    return count


def _mine(row: DBTaskResult):
    """The row, while it is still this try's: another worker may have taken it over."""
    return DBTaskResult.objects.filter(pk=row.pk, status=TaskResultStatus.RUNNING, started_at=row.started_at)


def _is_gone(worker: str) -> bool:
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


def _place(error: BaseException) -> str:
    """The kind of an error and where it was raised, without what it says."""
    trace, place = error.__traceback__, ""
    while trace:
        place = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}{place}" + (f" ({error})" if isinstance(error, GiveUp) else "")


@contextmanager
def _patiently() -> Iterator[None]:
    """Writing down what was done. A database that is away now leaves the row to `recover`."""
    try:
        yield
    except OperationalError as error:
        log.warning("It could not be written down what became of a job: %s", type(error).__name__)
