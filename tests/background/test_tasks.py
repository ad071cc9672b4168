"""The task queue without a worker process: rows belong to the transaction, are retried, and are never lost."""

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
def marks(tmp_path):
    """A file that tasks append to, and the words in it."""

    class Marks:
        path = str(tmp_path / "marks")

        def words(self) -> list[str]:
            try:
                return [line.split()[0] for line in open(self.path)]
            except FileNotFoundError:
                return []

    return Marks()


def due_now() -> None:
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())


def the_row() -> DBTaskResult:
    return DBTaskResult.objects.get()


def test_what_was_rolled_back_is_never_done(each_database, marks):
    with pytest.raises(RuntimeError), transaction.atomic():
        sample_tasks.note.enqueue(marks.path, "never")
        raise RuntimeError
    with transaction.atomic():
        sample_tasks.note.enqueue(marks.path, "once")
    assert queue.run_due() == 1
    assert queue.run_due() == 0
    assert marks.words() == ["once"]


def test_what_failed_is_tried_again_after_a_while(each_database, marks, caplog):
    sample_tasks.fail_twice.enqueue(marks.path)
    assert queue.run_due() == 1
    assert the_row().status == "READY" and the_row().run_after > timezone.now()
    due_now()
    queue.run_due()
    due_now()
    queue.run_due()
    assert marks.words() == ["tried"] * 3
    assert the_row().status == "SUCCESSFUL"
    assert "OSError at sample_tasks.py" in caplog.text
    assert "secret@example.org" not in caplog.text + the_row().traceback, "what an error says may be somebody's"


def test_the_last_try_is_the_last(database, marks):
    sample_tasks.always_fail.enqueue(marks.path)
    for _ in range(4):
        queue.run_due()
        due_now()
    assert marks.words() == ["tried"] * 2
    assert the_row().status == "FAILED"


def test_waits_get_longer_and_have_an_end(database, marks):
    options = api.TaskOptions(timeout=1, max_attempts=9, retry_delay=10, max_retry_delay=60, every=0)
    waits = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "options_for", lambda path: options)
        sample_tasks.always_fail.enqueue(marks.path)
        for _ in range(5):
            queue.run_due()
            waits.append(round((the_row().run_after - timezone.now()).total_seconds()))
            due_now()
    assert waits == [10, 20, 40, 60, 60]


def test_a_task_can_fail_for_good(database, marks):
    sample_tasks.give_up.enqueue(marks.path)
    queue.run_due()
    assert the_row().status == "FAILED" and marks.words() == ["tried"]


def test_a_task_that_no_longer_exists_fails_and_stops_no_other(database, marks):
    row = sample_tasks.note.enqueue(marks.path, "x").db_result
    DBTaskResult.objects.filter(pk=row.pk).update(task_path="chat.tasks.removed_last_year")
    sample_tasks.note.enqueue(marks.path, "next")
    assert queue.run_due() == 2
    assert marks.words() == ["next"]


def test_two_workers_take_two_rows(each_database, marks):
    sample_tasks.note.enqueue(marks.path, "a")
    sample_tasks.note.enqueue(marks.path, "b")
    first, second = queue.claim("here:1"), queue.claim("here:2")
    assert first and second and first.pk != second.pk
    assert queue.claim("here:3") is None


def test_a_row_whose_worker_was_killed_is_tried_again(each_database, marks):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    sample_tasks.note.enqueue(marks.path, "done")
    assert queue.claim(f"{queue.host()}:{gone.pid}")
    assert queue.requeue_abandoned() == 1
    due_now()
    queue.run_due()
    assert marks.words() == ["done"] and len(the_row().worker_ids) == 2


def test_a_row_of_another_machine_is_left_alone_until_nobody_can_be_at_it(database, marks):
    sample_tasks.note.enqueue(marks.path, "done")
    assert queue.claim("elsewhere:1")
    assert queue.requeue_abandoned() == 0
    long_ago = timezone.now() - timedelta(
        seconds=api.options_for("tests.background.sample_tasks.note").timeout + queue.GRACE + 1
    )
    DBTaskResult.objects.update(started_at=long_ago)
    assert queue.requeue_abandoned() == 1


def test_one_that_was_given_to_another_writes_nothing_down(database, marks):
    sample_tasks.note.enqueue(marks.path, "late")
    row = queue.claim(f"elsewhere:{os.getpid()}")
    assert row
    DBTaskResult.objects.update(started_at=timezone.now())  # somebody else's by now
    queue.record_failure(row, OSError())
    assert the_row().status == "RUNNING"


def test_what_repeats_is_planned_once_in_each_interval_by_whomever(each_database, marks, monkeypatch):
    options = api.TaskOptions(60, 1, 1, 1, every=3600)
    monkeypatch.setattr(queue, "periodic_tasks", lambda: [("messenger.tasks.delete_finished_tasks", options)])
    one, other = {}, {}
    queue.enqueue_periodic(one)
    queue.enqueue_periodic(other)
    queue.enqueue_periodic(one)
    assert DBTaskResult.objects.count() == 1
    assert queue.run_due() == 1
    queue.enqueue_periodic({})  # a worker that has just begun
    assert queue.run_due() == 0, "this interval has had its round"
    now = queue.time.time()
    monkeypatch.setattr(queue.time, "time", lambda: now + 3600)
    queue.enqueue_periodic(one)
    assert queue.run_due() == 1


def test_what_is_done_is_forgotten_after_a_day(database, marks):
    sample_tasks.note.enqueue(marks.path, "x")
    sample_tasks.give_up.enqueue(marks.path)
    queue.run_due()
    assert queue.delete_finished() == 0
    assert queue.delete_finished(timezone.now() + timedelta(days=2)) == 1
    assert queue.delete_finished(timezone.now() + timedelta(days=20)) == 1


def test_a_row_with_the_path_of_an_earlier_release_is_executed(each_database, marks, monkeypatch):
    monkeypatch.setitem(queue.RENAMED_TASKS, "chat.jobs.note", "tests.background.sample_tasks.note")
    sample_tasks.note.enqueue(marks.path, "done")
    DBTaskResult.objects.update(task_path="chat.jobs.note")
    assert queue.run_due() == 1
    assert marks.words() == ["done"]
    assert the_row().status == "SUCCESSFUL" and the_row().task_path == "tests.background.sample_tasks.note"


def test_a_queued_periodic_row_of_an_earlier_release_is_not_enqueued_again(database, monkeypatch):
    path = "messenger.tasks.delete_finished_tasks"
    monkeypatch.setattr(queue, "periodic_tasks", lambda: [(path, api.TaskOptions(60, 1, 1, 1, every=3600))])
    queue.enqueue_periodic({})
    DBTaskResult.objects.update(id=uuid.uuid4(), task_path="messenger.jobs.forget_finished_work")
    queue.enqueue_periodic({})
    assert queue.run_due() == 1
    assert the_row().status == "SUCCESSFUL" and the_row().task_path == path


def test_a_running_row_of_an_earlier_release_is_requeued_after_the_timeout_of_its_task(database, monkeypatch, marks):
    monkeypatch.setitem(queue.RENAMED_TASKS, "chat.jobs.slow", "tests.background.sample_tasks.hang")
    sample_tasks.hang.enqueue(marks.path)
    assert queue.claim("elsewhere:1")
    started = timezone.now() - timedelta(seconds=1 + queue.GRACE + 1)  # `hang` has a timeout of one second
    DBTaskResult.objects.update(task_path="chat.jobs.slow", started_at=started)
    assert queue.requeue_abandoned() == 1


@pytest.mark.parametrize("path", sorted(queue.RENAMED_TASKS))
def test_the_paths_of_the_first_release_still_name_a_task(path):
    assert isinstance(import_string(queue.RENAMED_TASKS[path]), Task)


def test_every_tasks_module_can_be_imported(work):
    paths = [path for path, _ in api.periodic_tasks()]
    assert "messenger.tasks.delete_finished_tasks" in paths
    assert "accounts.tasks.delete_old_mail" in paths
