"""The worker as it is shipped: processes, killed and hung, on both databases; and as the server's companion."""

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

from tests.background import sample_tasks
from tests.databases import ROOT, shipped_environment
from tests.processes import Program

pytestmark = pytest.mark.faults
SMTP = Path(__file__).with_name("smtp_server.py")


class Worker(Program):
    name = "worker"

    def __init__(self, site):
        super().__init__(site.folder)
        self._environment = site.environment

    def command(self):
        return [sys.executable, "manage.py", "worker"]

    def popen_options(self) -> dict:
        return {"cwd": ROOT}

    def environment(self) -> dict[str, str]:
        return shipped_environment(**{**self._environment, "PYTHONPATH": str(ROOT)})

    def answers(self) -> bool:
        return "Worker started" in self.tail()

    def kill_alone(self) -> None:
        """kill -9 of the worker itself, not of its group."""
        assert self.process
        self.process.kill()
        self.process.wait()


@pytest.fixture
def marks(tmp_path):
    return tmp_path / "marks"


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def until(condition, within: float = 20.0):
    """What it says as soon as it says anything."""
    end = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
    return value


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request, make_site):
    return make_site(database=request.param)


@pytest.fixture
def worker(installation):
    worker = Worker(installation)
    yield worker
    worker.kill()
    print(worker.tail(100))


def test_killed_in_the_middle_another_does_it_again(installation, worker, marks):
    worker.start()
    with installation.orm():
        sample_tasks.slow.enqueue(str(marks))
    [[_, pid]] = until(lambda: lines(marks))
    worker.kill_alone()
    until(lambda: not psutil.pid_exists(int(pid)), within=2)  # the job's own process ends with its worker
    worker.start()
    until(lambda: "done" in [word for word, _ in lines(marks)])
    assert [word for word, _ in lines(marks)] == ["began", "began", "done"]


def test_what_hangs_is_killed_at_its_limit_and_stops_nobody(installation, worker, marks):
    worker.start()
    with installation.orm():
        sample_tasks.hang.enqueue(str(marks))
        sample_tasks.crash.enqueue(str(marks))
        sample_tasks.note.enqueue(str(marks), "note")
    until(lambda: "note" in [word for word, _ in lines(marks)])
    until(lambda: [word for word, _ in lines(marks)].count("began") == 3)  # twice the one that hangs
    with installation.orm():
        from django_tasks_db.models import DBTaskResult

        ours = DBTaskResult.objects.filter(task_path__startswith="tests.")
        until(lambda: not ours.filter(status__in=["READY", "RUNNING"]).exists())
        states = dict(ours.values_list("task_path", "status"))
    assert states == {
        "tests.background.sample_tasks.hang": "FAILED",
        "tests.background.sample_tasks.crash": "FAILED",
        "tests.background.sample_tasks.note": "SUCCESSFUL",
    }
    assert worker.running


def test_told_to_end_it_finishes_what_it_does(site, marks):
    worker = Worker(site)
    worker.start()
    with site.orm():
        sample_tasks.slow.enqueue(str(marks))
    until(lambda: lines(marks))
    worker.process.terminate()
    assert worker.process.wait(15) == 0
    assert [word for word, _ in lines(marks)] == ["began", "done"]


# ── Beside the server ────────────────────────────────────────────────────────────────────────────────────────────
def companion(server) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(server.process.pid).children(recursive=True):
            if "worker" in child.cmdline():
                return child
    return None


@contextlib.contextmanager
def mail_server(folder: Path, *options: str):
    """Takes mail and writes each into `mails`; see smtp.py."""
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


def test_the_server_brings_one_along_and_takes_it_with_it(make_site, tmp_path, each_server):
    with mail_server(tmp_path) as (port, mails):
        site = make_site(EMAIL_URL=f"smtp://127.0.0.1:{port}")
        server = site.start(server=each_server, WORKER="on")
        until(lambda: companion(server))
        ask_for_reset(server, "nobody@example.org")
        [mail] = until(lambda: list(mails.iterdir()))
        assert b"nobody@example.org" in mail.read_bytes()
        with site.orm():
            from accounts.models import QueuedMail

            until(lambda: not QueuedMail.objects.exists())
        beside = companion(server)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        until(lambda: not beside.is_running() or beside.status() == psutil.STATUS_ZOMBIE, within=10)


def test_a_companion_that_dies_is_followed_by_another(site):
    server = site.start(WORKER="on")
    first = until(lambda: companion(server))
    first.kill()
    until(lambda: (now := companion(server)) and now.pid != first.pid)


def test_mail_that_could_not_go_out_goes_out_once_after_a_restart(make_site, tmp_path):
    with mail_server(tmp_path) as (port, mails):
        pass  # a mail server that is away
    site = make_site(EMAIL_URL=f"smtp://127.0.0.1:{port}")
    server = site.start(WORKER="on")
    ask_for_reset(server, "late@example.org")
    until(lambda: "accounts.tasks.send_mail failed, try 1" in server.tail(500))
    server.kill()
    with mail_server(tmp_path, str(port)) as (port, mails):
        with site.orm():
            from django.utils import timezone
            from django_tasks_db.models import DBTaskResult

            DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
        server.start()
        until(lambda: list(mails.iterdir()))
        time.sleep(2)
        assert len(list(mails.iterdir())) == 1
    assert "late@example.org" not in server.tail(500), "no address in the log"
