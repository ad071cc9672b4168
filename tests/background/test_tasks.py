"""Tests of the queue of background tasks without a worker process (the tests execute the tasks themselves).

Tasks are enqueued in the current database transaction, failed tasks are tried again, and no task is lost.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from messenger import background as api
from messenger.background import queue
from tests.background import sample_tasks


@pytest.fixture
def task_log(tmp_path):
    """Provides an object with the `path` of a file to which background tasks append lines.

    `words()` returns the first word of each line in the file.
    """

    class Marks:
        path = str(tmp_path / "marks")

        def words(self) -> list[str]:
            try:
                return [line.split()[0] for line in open(self.path)]
            except FileNotFoundError:
                return []

    return Marks()


def make_all_due() -> None:
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())


def get_only_row() -> DBTaskResult:
    return DBTaskResult.objects.get()


def test_a_task_of_a_rolled_back_transaction_is_not_executed(each_database, task_log):
    with pytest.raises(RuntimeError), transaction.atomic():
        sample_tasks.note.enqueue(task_log.path, "never")
        raise RuntimeError
    with transaction.atomic():
        sample_tasks.note.enqueue(task_log.path, "once")
    assert queue.run_due() == 1
    assert queue.run_due() == 0
    assert task_log.words() == ["once"]


def test_a_failed_task_is_retried_after_a_delay(each_database, task_log, caplog):
    sample_tasks.fail_twice.enqueue(task_log.path)
    assert queue.run_due() == 1
    assert get_only_row().status == "READY" and get_only_row().run_after > timezone.now()
    make_all_due()
    queue.run_due()
    make_all_due()
    queue.run_due()
    assert task_log.words() == ["tried"] * 3
    assert get_only_row().status == "SUCCESSFUL"
    assert "OSError at sample_tasks.py" in caplog.text
    assert "secret@example.org" not in caplog.text + get_only_row().traceback, "what an error says may be somebody's"


def test_a_task_fails_after_its_last_attempt(database, task_log):
    sample_tasks.always_fail.enqueue(task_log.path)
    for _ in range(4):
        queue.run_due()
        make_all_due()
    assert task_log.words() == ["tried"] * 2
    assert get_only_row().status == "FAILED"


def test_retry_delays_grow_up_to_a_maximum(database, task_log):
    options = api.TaskOptions(timeout=1, max_attempts=9, retry_delay=10, max_retry_delay=60, every=0)
    waits = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "options_for", lambda path: options)
        sample_tasks.always_fail.enqueue(task_log.path)
        for _ in range(5):
            queue.run_due()
            waits.append(round((get_only_row().run_after - timezone.now()).total_seconds()))
            make_all_due()
    assert waits == [10, 20, 40, 60, 60]


def test_a_permanent_failure_is_not_retried(database, task_log):
    sample_tasks.give_up.enqueue(task_log.path)
    queue.run_due()
    assert get_only_row().status == "FAILED" and task_log.words() == ["tried"]


def test_a_task_that_no_longer_exists_fails_without_blocking_others(database, task_log):
    row = sample_tasks.note.enqueue(task_log.path, "x").db_result
    DBTaskResult.objects.filter(pk=row.pk).update(task_path="chat.tasks.removed_last_year")
    sample_tasks.note.enqueue(task_log.path, "next")
    assert queue.run_due() == 2
    assert task_log.words() == ["next"]


def test_two_workers_take_different_rows(each_database, task_log):
    sample_tasks.note.enqueue(task_log.path, "a")
    sample_tasks.note.enqueue(task_log.path, "b")
    first, second = queue.claim("here:1"), queue.claim("here:2")
    assert first and second and first.pk != second.pk
    assert queue.claim("here:3") is None


def test_a_row_of_a_killed_worker_is_retried(each_database, task_log):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    sample_tasks.note.enqueue(task_log.path, "done")
    assert queue.claim(f"{queue.host()}:{gone.pid}")
    assert queue.requeue_abandoned() == 1
    make_all_due()
    queue.run_due()
    assert task_log.words() == ["done"] and len(get_only_row().worker_ids) == 2


def test_a_row_of_another_machine_is_requeued_only_after_the_timeout(database, task_log):
    sample_tasks.note.enqueue(task_log.path, "done")
    assert queue.claim("elsewhere:1")
    assert queue.requeue_abandoned() == 0
    long_ago = timezone.now() - timedelta(
        seconds=api.options_for("tests.background.sample_tasks.note").timeout + queue.GRACE + 1
    )
    DBTaskResult.objects.update(started_at=long_ago)
    assert queue.requeue_abandoned() == 1


def test_a_worker_that_lost_its_row_stores_no_result(database, task_log):
    sample_tasks.note.enqueue(task_log.path, "late")
    row = queue.claim(f"elsewhere:{os.getpid()}")
    assert row
    DBTaskResult.objects.update(started_at=timezone.now())  # as if another worker had started the task again
    queue.record_failure(row, OSError())
    assert get_only_row().status == "RUNNING"


def test_a_periodic_task_is_enqueued_once_per_interval_by_all_workers(each_database, task_log, monkeypatch):
    options = api.TaskOptions(60, 1, 1, 1, every=3600)
    monkeypatch.setattr(queue, "periodic_tasks", lambda: [("messenger.tasks.delete_finished_tasks", options)])
    one, other = {}, {}
    queue.enqueue_periodic(one)
    queue.enqueue_periodic(other)
    queue.enqueue_periodic(one)
    assert DBTaskResult.objects.count() == 1
    assert queue.run_due() == 1
    queue.enqueue_periodic({})  # the empty state of a worker that has just started
    assert queue.run_due() == 0, "this interval has had its round"
    now = queue.time.time()
    monkeypatch.setattr(queue.time, "time", lambda: now + 3600)
    queue.enqueue_periodic(one)
    assert queue.run_due() == 1


def test_finished_rows_are_deleted_after_a_day(database, task_log):
    sample_tasks.note.enqueue(task_log.path, "x")
    sample_tasks.give_up.enqueue(task_log.path)
    queue.run_due()
    assert queue.delete_finished() == 0
    assert queue.delete_finished(timezone.now() + timedelta(days=2)) == 1
    assert queue.delete_finished(timezone.now() + timedelta(days=20)) == 1


def test_a_row_with_the_path_of_an_earlier_release_is_executed(each_database, task_log, monkeypatch):
    monkeypatch.setitem(queue.RENAMED_TASKS, "chat.jobs.note", "tests.background.sample_tasks.note")
    sample_tasks.note.enqueue(task_log.path, "done")
    DBTaskResult.objects.update(task_path="chat.jobs.note")
    assert queue.run_due() == 1
    assert task_log.words() == ["done"]
    assert get_only_row().status == "SUCCESSFUL" and get_only_row().task_path == "tests.background.sample_tasks.note"


def test_a_queued_periodic_row_of_an_earlier_release_is_not_enqueued_again(database, monkeypatch):
    path = "messenger.tasks.delete_finished_tasks"
    monkeypatch.setattr(queue, "periodic_tasks", lambda: [(path, api.TaskOptions(60, 1, 1, 1, every=3600))])
    queue.enqueue_periodic({})
    DBTaskResult.objects.update(id=uuid.uuid4(), task_path="messenger.jobs.forget_finished_work")
    queue.enqueue_periodic({})
    assert queue.run_due() == 1
    assert get_only_row().status == "SUCCESSFUL" and get_only_row().task_path == path


def test_a_running_row_of_an_earlier_release_is_requeued_after_the_timeout_of_its_task(database, monkeypatch, task_log):
    monkeypatch.setitem(queue.RENAMED_TASKS, "chat.jobs.slow", "tests.background.sample_tasks.hang")
    sample_tasks.hang.enqueue(task_log.path)
    assert queue.claim("elsewhere:1")
    started = timezone.now() - timedelta(seconds=1 + queue.GRACE + 1)  # `hang` has a timeout of one second
    DBTaskResult.objects.update(task_path="chat.jobs.slow", started_at=started)
    assert queue.requeue_abandoned() == 1


@pytest.mark.parametrize("path", sorted(queue.RENAMED_TASKS))
def test_the_paths_of_the_first_release_still_name_a_task(path):
    assert isinstance(import_string(queue.RENAMED_TASKS[path]), Task)


def test_every_tasks_module_can_be_imported(run_tasks):
    paths = [path for path, _ in api.periodic_tasks()]
    assert "messenger.tasks.delete_finished_tasks" in paths
    assert "accounts.tasks.delete_old_mail" in paths
