"""Tests of the worker (the process that executes background tasks) on SQLite and PostgreSQL.

Tasks hang or are killed, and the worker itself is killed. Some tests start the worker alone, others start a server,
which starts the worker as its child process.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from tests.background import sample_tasks
from tests.databases import ROOT, start_manage
from tests.processes import Program

pytestmark = pytest.mark.faults
SMTP = Path(__file__).with_name("smtp_server.py")


class Worker(Program):
    name = "worker"

    def __init__(self, site):
        super().__init__(site.folder)
        self._environment = site.environment

    def launch(self):
        return start_manage("worker", log=self.log, **{**self._environment, "PYTHONPATH": str(ROOT)})

    def is_ready(self) -> bool:
        return "Worker started" in self.tail()

    def kill_alone(self) -> None:
        """Sends SIGKILL to the worker process only. The child processes that execute tasks are not killed."""
        assert self.process
        self.process.kill()
        self.process.wait()


@pytest.fixture
def task_log(tmp_path):
    return tmp_path / "marks"


def read_lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, within: float = 20.0):
    """Waits until `condition()` is true, and returns its value. Fails if this takes longer than `within` seconds."""
    end = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
    return value


def has_ended(pid: int) -> bool:
    """Returns whether the process has ended. It stays as a zombie where process 1 does not wait for it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def installation(request, make_site):
    return make_site(database=request.param)


@pytest.fixture
def worker(installation):
    worker = Worker(installation)
    yield worker
    worker.kill()
    print(worker.tail(100))


def test_a_task_of_a_killed_worker_is_executed_again(installation, worker, task_log):
    worker.start()
    with installation.orm():
        sample_tasks.slow.enqueue(str(task_log))
    [[_, pid]] = wait_for(lambda: read_lines(task_log))
    worker.kill_alone()
    wait_for(lambda: has_ended(int(pid)))  # the task process ends with its worker
    worker.start()
    wait_for(lambda: "done" in [word for word, _ in read_lines(task_log)])
    assert [word for word, _ in read_lines(task_log)] == ["began", "began", "done"]


def test_a_hanging_task_is_killed_at_its_timeout_without_blocking_others(installation, worker, task_log):
    worker.start()
    with installation.orm():
        sample_tasks.hang.enqueue(str(task_log))
        sample_tasks.crash.enqueue(str(task_log))
        sample_tasks.note.enqueue(str(task_log), "note")
    wait_for(lambda: "note" in [word for word, _ in read_lines(task_log)])
    wait_for(lambda: [word for word, _ in read_lines(task_log)].count("began") == 3)  # `hang` twice, `crash` once
    with installation.orm():
        from django_tasks_db.models import DBTaskResult

        ours = DBTaskResult.objects.filter(task_path__startswith="tests.")
        wait_for(lambda: not ours.filter(status__in=["READY", "RUNNING"]).exists())
        states = dict(ours.values_list("task_path", "status"))
    assert states == {
        "tests.background.sample_tasks.hang": "FAILED",
        "tests.background.sample_tasks.crash": "FAILED",
        "tests.background.sample_tasks.note": "SUCCESSFUL",
    }
    assert worker.running


def test_long_tasks_leave_one_slot_for_short_ones(installation, worker, task_log):
    """A short task is executed at once, although more long tasks are waiting than the worker can execute at a time.

    The worker keeps one of its child processes free for short tasks, such as sending a mail.
    """
    with installation.orm():
        for _ in range(4):
            sample_tasks.long.enqueue(str(task_log))
        sample_tasks.note.enqueue(str(task_log), "note")
    worker.start()
    words = wait_for(lambda: "note" in (words := [word for word, _ in read_lines(task_log)]) and words)
    assert words.count("began") == settings.WORKER_JOBS - 1


def test_a_stopping_worker_finishes_its_task(site, task_log):
    worker = Worker(site)
    worker.start()
    with site.orm():
        sample_tasks.slow.enqueue(str(task_log))
    wait_for(lambda: read_lines(task_log))
    worker.process.terminate()
    assert worker.process.wait(15) == 0
    assert [word for word, _ in read_lines(task_log)] == ["began", "done"]


# ── The worker of the server ───────────────────────────────────────────────────────────────────────────────────────
def find_worker_of(server) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(server.process.pid).children(recursive=True):
            if "worker" in child.cmdline():
                return child
    return None


@contextlib.contextmanager
def mail_server(folder: Path, *options: str):
    """Runs the mail server of smtp_server.py. Yields its port and the folder where it writes mails."""
    mails = folder / "mails"
    mails.mkdir(exist_ok=True)
    process = subprocess.Popen([sys.executable, str(SMTP), str(mails), *options], stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline()), mails
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask_for_reset(server, address: str) -> None:
    import httpx

    with httpx.Client(base_url=server.url) as client:
        page = client.get("/accounts/password/reset/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        form = {"email": address, "csrfmiddlewaretoken": token}
        assert client.post("/accounts/password/reset/", data=form, headers={"Origin": server.url}).status_code == 302


def test_the_server_starts_and_stops_a_worker(make_site, tmp_path, each_server):
    with mail_server(tmp_path) as (port, mails):
        site = make_site(EMAIL_URL=f"smtp://127.0.0.1:{port}")
        server = site.start(server=each_server, WORKER="on")
        wait_for(lambda: find_worker_of(server))
        ask_for_reset(server, "nobody@example.org")
        [mail] = wait_for(lambda: list(mails.iterdir()))
        assert b"nobody@example.org" in mail.read_bytes()
        with site.orm():
            from accounts.models import QueuedMail

            wait_for(lambda: not QueuedMail.objects.exists())
        beside = find_worker_of(server)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        wait_for(lambda: not beside.is_running() or beside.status() == psutil.STATUS_ZOMBIE, within=10)


def test_a_worker_that_dies_is_replaced(site):
    server = site.start(WORKER="on")
    first = wait_for(lambda: find_worker_of(server))
    first.kill()
    wait_for(lambda: (now := find_worker_of(server)) and now.pid != first.pid)


def test_undelivered_mail_is_sent_once_after_a_restart(make_site, tmp_path):
    with mail_server(tmp_path) as (port, mails):
        pass  # only for its port: from here on the mail server is down
    site = make_site(EMAIL_URL=f"smtp://127.0.0.1:{port}")
    server = site.start(WORKER="on")
    ask_for_reset(server, "late@example.org")
    wait_for(lambda: "accounts.tasks.send_mail failed, try 1" in server.tail(500))
    server.kill()
    with mail_server(tmp_path, str(port)) as (port, mails):
        with site.orm():
            from django.utils import timezone
            from django_tasks_db.models import DBTaskResult

            DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
        server.start()
        wait_for(lambda: list(mails.iterdir()), within=60)  # a try that the kill has ended is repeated after 10 s
        time.sleep(2)
        assert len(list(mails.iterdir())) == 1
    assert "late@example.org" not in server.tail(500), "no address in the log"
