"""Starts messenger servers and `manage.py` commands for tests in half a second instead of four.

The fork server is a helper process that has imported third-party packages, but neither settings nor code of the
project. To start a process, it forks (copies itself). The copy sets its environment variables and runs `python -m
messenger.server`, as `bin/serve` does, or `manage.py`. Where `fork` is not safe (macOS), no fork server is used.

Most processes are copies of a copy that has also loaded the project (see prepared_process.py), which takes them a fifth
of the processor time. The fork server passes requests for them on to it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from tests import prepared_process

# Packages that a server imports and that need no settings. They must not import a Twisted reactor, which opens file
# descriptors.
PACKAGES = """
    ahocorasick aiohttp asyncio autobahn.websocket.protocol boto3 botocore.client channels.consumer channels.db
    channels.layers channels.routing channels_redis.core cryptography.x509 dj_database_url
    django.contrib.admin.utils django.contrib.staticfiles.finders django.core.files.storage
    django.core.handlers.asgi django.core.mail django.core.management django.core.serializers.json
    django.db.backends.postgresql.base django.db.backends.sqlite3.base django.db.migrations.loader django.db.models
    django.forms django.template.defaulttags django.template.loader_tags django.test.client django.urls
    django.utils.translation.trans_real django.views.generic django.views.i18n drf_spectacular.utils fido2.server
    httptools jinja2 jwt markdown_it msgspec nh3 OpenSSL.SSL PIL.Image PIL.JpegImagePlugin PIL.PngImagePlugin
    PIL.WebPImagePlugin pi_heif prometheus_client psycopg psycopg_pool py_vapid pypinyin pywebpush qrcode
    redis.asyncio requests rest_framework.compat rest_framework.fields rest_framework.serializers service_identity
    tinytag twisted.internet.abstract twisted.internet.base twisted.internet.ssl twisted.internet.tcp
    twisted.web.http twisted.web.server ujson uvicorn.config uvicorn.main uvloop websockets.server
    whitenoise.middleware
""".split()  # noqa: SIM905


class Child:
    """A process that the fork server has started by copying itself. It has the main methods of `subprocess.Popen`."""

    def __init__(self, fork_server: ForkServer, pid: int):
        self._fork_server, self.pid = fork_server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._fork_server.request(ended=self.pid)
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


class ForkServer:
    """Starts and controls a helper process, which forks (copies itself) for each messenger server that a test needs.

    The helper process ends when the test run ends.
    """

    def __init__(self) -> None:
        own_socket, child_socket = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(child_socket.fileno())],
            cwd=Path(__file__).resolve().parent.parent,
            pass_fds=[child_socket.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Python reads PYTHONUNBUFFERED only when it starts, so it is set here for all child processes.
            env={k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"} | {"PYTHONUNBUFFERED": "1"},
        )
        child_socket.close()
        self._stream = own_socket.makefile("rwb")
        self._lock = threading.Lock()
        atexit.register(self.end)

    def request(self, **message: Any) -> Any:
        with self._lock:
            self._stream.write(json.dumps(message).encode() + b"\n")
            self._stream.flush()
            return json.loads(self._stream.readline())

    def start(
        self,
        module: str,
        *arguments: str,
        log: Path,
        environment: dict[str, str],
        ordinary: dict[str, str],
        error_log: Path | None = None,
    ) -> Child:
        """Runs `python -m module …` in a new process with these environment variables.

        Its output goes to the file `log`, that to standard error to `error_log` if this is given. `ordinary` are the
        environment variables of most processes: those of the prepared process.
        """
        logs = [str(log), str(error_log or log)]
        options = {"module": module, "arguments": arguments, "logs": logs, "environment": environment}
        if prepared_process.fits(environment, ordinary):
            options["prepared"] = ordinary
        return Child(self, self.request(start=options))

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        self._process.kill()
        self._process.wait()


_instance: ForkServer | None = None


def get_fork_server() -> ForkServer | None:
    """Returns the fork server (a process that starts servers by copying itself) of this test run.

    The first call starts it. Returns None where forking is not safe.
    """
    global _instance
    if not sys.platform.startswith("linux"):
        return None
    if _instance is None:
        _instance = ForkServer()
    return _instance


# ── In the process that forks ───────────────────────────────────────────────────────────────────────────────────────
def wait_for_children(connection: socket.socket) -> None:
    for name in PACKAGES:
        with contextlib.suppress(Exception):  # a child process will report the error
            import_module(name)
    prepared: PreparedProcess | None = None
    for line, message in _requests(connection):
        if "prepared" in message.get("start", {}) and not prepared:
            prepared = PreparedProcess(connection, message["start"]["prepared"])
        if prepared and ("prepared" in message.get("start", {}) or message.get("ended") in prepared.pids):
            response = prepared.request(line)
        elif "ended" in message:
            response = _exit_status(message["ended"])
        else:
            response = _fork_child(message["start"], connection, *([prepared.connection] if prepared else []))
        connection.sendall(json.dumps(response).encode() + b"\n")


class PreparedProcess:
    """A copy of the fork server that loads the project and forks too. `pids` are the processes that it has started."""

    def __init__(self, connection: socket.socket, environment: dict[str, str]):
        self.connection, other_end = socket.socketpair()
        self._stream = self.connection.makefile("rwb")
        self.pids: set[int] = set()
        if os.fork():
            other_end.close()
            return
        _let_go(connection, self.connection)
        os.environ.clear()
        os.environ.update(environment)
        prepared_process.prepare()
        for _line, message in _requests(other_end):
            response = (
                _exit_status(message["ended"]) if "ended" in message else _fork_child(message["start"], other_end)
            )
            other_end.sendall(json.dumps(response).encode() + b"\n")
        sys.exit()

    def request(self, line: bytes) -> Any:
        self._stream.write(line)
        self._stream.flush()
        response = json.loads(self._stream.readline())
        if "start" in json.loads(line):
            self.pids.add(response)
        return response


def _requests(connection: socket.socket) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yields each request that arrives, and ends when the other end is closed."""
    assert "twisted.internet.reactor" not in sys.modules and threading.active_count() == 1
    gc.collect()
    gc.freeze()  # garbage collection in a child would visit, and so copy, all that the packages have allocated
    with connection.makefile("rb") as stream:
        for line in stream:
            yield line, json.loads(line)


def _exit_status(pid: int) -> int | None:
    finished_pid, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if finished_pid else None


def _fork_child(options: dict[str, Any], *connections: socket.socket) -> int:
    """Starts a process and returns its id. The new process does not keep the `connections` of this one."""
    if pid := os.fork():
        return pid
    # The rest runs in the child, until it exits.
    os.setsid()  # own process group: can be killed with its children; Ctrl-C does not reach it
    for number, path in enumerate(options["logs"], start=1):
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(log, number)
        os.close(log)
    _let_go(*connections)
    os.environ.clear()
    os.environ.update(options["environment"])
    sys.argv = [options["module"], *options["arguments"]]
    if "prepared" in options:
        prepared_process.load_settings_again()
    runpy.run_module(options["module"], run_name="__main__", alter_sys=True)
    sys.exit()


def _let_go(*connections: socket.socket) -> None:
    """Makes these sockets unusable in a new process, so that the other end notices when the older process ends."""
    devnull = os.open(os.devnull, os.O_RDWR)
    for connection in connections:
        os.dup2(devnull, connection.fileno())
    os.close(devnull)


if __name__ == "__main__":
    wait_for_children(socket.socket(fileno=int(sys.argv[1])))
