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
import fcntl
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
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

    All workers of pytest-xdist use one helper process, which loads the packages and the project once. It listens on a
    Unix socket in the folder of the test run, and ends when no worker is connected any more.
    """

    def __init__(self) -> None:
        folder = Path(os.environ["TEST_SHARED_DIR"])  # set by tests/settings.py
        self._path = folder / "fork_server.socket"
        with (folder / "fork_server.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._stream = self._connect() or self._launch()
        self._lock = threading.Lock()
        atexit.register(self.end)

    def _connect(self) -> Any:
        """Returns a connection to the helper process of another worker, or None if there is none."""
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(self._path))
            stream = connection.makefile("rwb")
            stream.write(b'{"hello": true}\n')  # it may be about to end
            stream.flush()
            return stream if stream.readline() else None
        except OSError:
            return None

    def _launch(self) -> Any:
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._path))
            listener.listen(100)
            subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(listener.fileno())],
                cwd=Path(__file__).resolve().parent.parent,
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                # Python reads PYTHONUNBUFFERED only when it starts, so it is set here for all child processes.
                env={k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"} | {"PYTHONUNBUFFERED": "1"},
            )
        return self._connect()

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
class Forking:
    """What a process that forks does: it answers the requests of its connections, one after another."""

    def __init__(self, listener: socket.socket | None = None, *connections: socket.socket):
        assert "twisted.internet.reactor" not in sys.modules and threading.active_count() == 1
        self.listener = listener
        self.connections = {connection: connection.makefile("rb") for connection in connections}
        self.prepared: dict[str, PreparedProcess] = {}
        gc.collect()
        gc.freeze()  # garbage collection in a child would visit, and so copy, all that the packages have allocated

    def run(self) -> None:
        """Answers until the last connection is closed."""
        has_started = not self.listener
        while self.connections or not has_started:
            for ready in select.select([*filter(None, [self.listener]), *self.connections], [], [])[0]:
                if ready is self.listener:
                    connection = ready.accept()[0]
                    self.connections[connection] = connection.makefile("rb")
                    has_started = True
                elif line := self.connections[ready].readline():
                    with contextlib.suppress(BrokenPipeError):  # the worker was killed
                        ready.sendall(json.dumps(self.respond(json.loads(line))).encode() + b"\n")
                else:
                    self.connections.pop(ready).close()
                    ready.close()

    def respond(self, message: dict[str, Any]) -> Any:
        if "hello" in message:
            return True
        if "ended" in message:
            pid = message["ended"]
            owner = next((prepared for prepared in self.prepared.values() if pid in prepared.pids), None)
            return owner.request(message) if owner else _exit_status(pid)
        options = message["start"]
        if self.listener and "prepared" in options:
            return self._get_prepared(options["prepared"]).request(message)
        return _fork_child(options, *self.open_sockets())

    def _get_prepared(self, environment: dict[str, str]) -> PreparedProcess:
        key = prepared_process.get_key(environment)
        if key not in self.prepared:
            self.prepared[key] = PreparedProcess(environment, self.open_sockets())
        return self.prepared[key]

    def open_sockets(self) -> list[socket.socket]:
        """Returns the sockets that a new process must not keep."""
        prepared = [process.connection for process in self.prepared.values()]
        return [*filter(None, [self.listener]), *self.connections, *prepared]


class PreparedProcess:
    """A copy of the fork server that loads the project and forks too. `pids` are the processes that it has started."""

    def __init__(self, environment: dict[str, str], open_sockets: list[socket.socket]):
        self.connection, other_end = socket.socketpair()
        self._stream = self.connection.makefile("rwb")
        self.pids: set[int] = set()
        if os.fork():
            other_end.close()
            return
        _let_go(self.connection, *open_sockets)
        os.environ.clear()
        os.environ.update(environment)
        prepared_process.prepare()
        Forking(None, other_end).run()
        sys.exit()

    def request(self, message: dict[str, Any]) -> Any:
        self._stream.write(json.dumps(message).encode() + b"\n")
        self._stream.flush()
        response = json.loads(self._stream.readline())
        if "start" in message:
            self.pids.add(response)
        return response


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


def main() -> None:
    for name in PACKAGES:
        with contextlib.suppress(Exception):  # a child process will report the error
            import_module(name)
    Forking(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
