"""Rows of waiting work: with the transaction that wants them, tried again, never lost. Here without a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from messenger import background as api
from messenger.background import queue
from tests.background import sample_tasks


@pytest.fixture
def marks(tmp_path):
    """The file that jobs write into, and what stands there."""

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
    assert queue.run_all() == 1
    assert queue.run_all() == 0
    assert marks.words() == ["once"]


def test_what_failed_is_tried_again_after_a_while(each_database, marks, caplog):
    sample_tasks.fail_twice.enqueue(marks.path)
    assert queue.run_all() == 1
    assert the_row().status == "READY" and the_row().run_after > timezone.now()
    due_now()
    queue.run_all()
    due_now()
    queue.run_all()
    assert marks.words() == ["tried"] * 3
    assert the_row().status == "SUCCESSFUL"
    assert "OSError at sample_tasks.py" in caplog.text
    assert "secret@example.org" not in caplog.text + the_row().traceback, "what an error says may be somebody's"


def test_the_last_try_is_the_last(database, marks):
    sample_tasks.always_fail.enqueue(marks.path)
    for _ in range(4):
        queue.run_all()
        due_now()
    assert marks.words() == ["tried"] * 2
    assert the_row().status == "FAILED"


def test_waits_get_longer_and_have_an_end(database, marks):
    rules = api.Rules(seconds=1, tries=9, wait=10, longest_wait=60, every=0)
    waits = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "rules_of", lambda path: rules)
        sample_tasks.always_fail.enqueue(marks.path)
        for _ in range(5):
            queue.run_all()
            waits.append(round((the_row().run_after - timezone.now()).total_seconds()))
            due_now()
    assert waits == [10, 20, 40, 60, 60]


def test_a_job_can_give_up(database, marks):
    sample_tasks.give_up.enqueue(marks.path)
    queue.run_all()
    assert the_row().status == "FAILED" and marks.words() == ["tried"]


def test_a_job_that_is_no_more_fails_and_stops_nobody(database, marks):
    row = sample_tasks.note.enqueue(marks.path, "x").db_result
    DBTaskResult.objects.filter(pk=row.pk).update(task_path="chat.tasks.removed_last_year")
    sample_tasks.note.enqueue(marks.path, "next")
    assert queue.run_all() == 2
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
    assert queue.recover() == 1
    due_now()
    queue.run_all()
    assert marks.words() == ["done"] and len(the_row().worker_ids) == 2


def test_a_row_of_another_machine_is_left_alone_until_nobody_can_be_at_it(database, marks):
    sample_tasks.note.enqueue(marks.path, "done")
    assert queue.claim("elsewhere:1")
    assert queue.recover() == 0
    long_ago = timezone.now() - timedelta(
        seconds=api.rules_of("tests.background.sample_tasks.note").seconds + queue.GRACE + 1
    )
    DBTaskResult.objects.update(started_at=long_ago)
    assert queue.recover() == 1


def test_one_that_was_given_to_another_writes_nothing_down(database, marks):
    sample_tasks.note.enqueue(marks.path, "late")
    row = queue.claim(f"elsewhere:{os.getpid()}")
    assert row
    DBTaskResult.objects.update(started_at=timezone.now())  # somebody else's by now
    queue.failed(row, OSError())
    assert the_row().status == "RUNNING"


def test_what_repeats_is_planned_once_in_each_interval_by_whomever(each_database, marks, monkeypatch):
    rules = api.Rules(60, 1, 1, 1, every=3600)
    monkeypatch.setattr(queue, "repeated", lambda: [("messenger.tasks.forget_finished_work", rules)])
    one, other = {}, {}
    queue.plan(one)
    queue.plan(other)
    queue.plan(one)
    assert DBTaskResult.objects.count() == 1
    assert queue.run_all() == 1
    queue.plan({})  # a worker that has just begun
    assert queue.run_all() == 0, "this interval has had its round"
    now = queue.time.time()
    monkeypatch.setattr(queue.time, "time", lambda: now + 3600)
    queue.plan(one)
    assert queue.run_all() == 1


def test_what_is_done_is_forgotten_after_a_day(database, marks):
    sample_tasks.note.enqueue(marks.path, "x")
    sample_tasks.give_up.enqueue(marks.path)
    queue.run_all()
    assert queue.forget_finished() == 0
    assert queue.forget_finished(timezone.now() + timedelta(days=2)) == 1
    assert queue.forget_finished(timezone.now() + timedelta(days=20)) == 1


def test_every_jobs_module_can_be_read(work):
    paths = [path for path, _ in api.repeated()]
    assert "messenger.tasks.forget_finished_work" in paths
    assert "accounts.tasks.forget_old_mail" in paths
