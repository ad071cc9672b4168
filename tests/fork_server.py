"""Starts our own server in half a second instead of four: most of a start is loading what never changes.

A process that has loaded the packages, but neither our settings nor our code, waits. Asked for a server it forks; the
child takes on the environment it is told and then does what `bin/serve` does: `python -m messenger.server`. Each test
has its server for itself and may kill it. Where no `fork` is safe (macOS), servers start the long way.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

# What a server loads of others' and what needs no settings for it. Never a reactor: it is a file descriptor, too.
PACKAGES = """
    asyncio autobahn.websocket.protocol boto3 botocore.client channels.consumer channels.db channels.layers
    channels.routing channels_redis.core cryptography.x509 dj_database_url django.contrib.admin.utils
    django.contrib.staticfiles.finders django.core.files.storage django.core.handlers.asgi django.core.mail
    django.core.management django.core.serializers.json django.db.backends.postgresql.base
    django.db.backends.sqlite3.base django.db.migrations.loader django.db.models django.forms
    django.template.defaulttags django.template.loader_tags django.urls django.utils.translation.trans_real
    django.views.generic django.views.i18n drf_spectacular.utils fido2.server httptools jwt linkify_it
    markdown_it msgspec nh3 OpenSSL.SSL PIL.Image PIL.JpegImagePlugin PIL.PngImagePlugin PIL.WebPImagePlugin
    pi_heif psycopg psycopg_pool pypinyin qrcode redis.asyncio requests rest_framework.compat
    rest_framework.fields rest_framework.serializers service_identity tinytag twisted.internet.abstract
    twisted.internet.base twisted.internet.ssl twisted.internet.tcp twisted.web.http twisted.web.server ujson
    uvicorn.config uvicorn.main uvloop websockets.server whitenoise.middleware
""".split()  # noqa: SIM905


class Child:
    """A process of the nursery's, spoken to as if it were a `subprocess.Popen`."""

    def __init__(self, nursery: Nursery, pid: int):
        self._nursery, self.pid = nursery, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(0.005)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The waiting process. It ends with the run: its line to us breaks then."""

    def __init__(self) -> None:
        ours, its = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(its.fileno())],
            cwd=Path(__file__).resolve().parent.parent,
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Whether what is printed waits in a buffer is settled when Python starts: here, for all children.
            env={k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"} | {"PYTHONUNBUFFERED": "1"},
        )
        its.close()
        self._line = ours.makefile("rwb")
        self._one_at_a_time = threading.Lock()
        atexit.register(self.end)

    def ask(self, **question: Any) -> Any:
        with self._one_at_a_time:
            self._line.write(json.dumps(question).encode() + b"\n")
            self._line.flush()
            return json.loads(self._line.readline())

    def start(self, module: str, *arguments: str, log: Path, environment: dict[str, str]) -> Child:
        """`python -m module …` in a session of its own; all that it prints goes to `log`."""
        wanted = {"module": module, "arguments": arguments, "log": str(log), "environment": environment}
        return Child(self, self.ask(start=wanted))

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._line.close()
        self._process.kill()
        self._process.wait()


_there: Nursery | None = None


def nursery() -> Nursery | None:
    """The one of this run. None where forking is not safe."""
    global _there
    if not sys.platform.startswith("linux"):
        return None
    if _there is None:
        _there = Nursery()
    return _there


# ── In the waiting process ───────────────────────────────────────────────────────────────────────────────────────
def wait_for_children(line: socket.socket) -> None:
    for name in PACKAGES:
        with contextlib.suppress(Exception):  # what does not load here will in the child, or say there why not
            import_module(name)
    assert "twisted.internet.reactor" not in sys.modules and threading.active_count() == 1
    with line.makefile("rwb") as spoken:
        for asked in spoken:
            question = json.loads(asked)
            answer = _status(question["ended"]) if "ended" in question else _born(line, question["start"])
            spoken.write(json.dumps(answer).encode() + b"\n")
            spoken.flush()


def _status(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _born(line: socket.socket, wanted: dict[str, Any]) -> int:
    if pid := os.fork():
        return pid
    # From here on the child, which leaves all this as any program does: by its exit.
    os.setsid()  # a group of its own: workers die with it, Ctrl-C does not reach it
    log = os.open(wanted["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in (1, 2):
        os.dup2(log, number)
    os.close(log)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, line.fileno())  # the line to the run is the nursery's alone
    os.close(nowhere)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv = [wanted["module"], *wanted["arguments"]]
    runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    wait_for_children(socket.socket(fileno=int(sys.argv[1])))
