"""Base class of the server processes that tests start, stop, pause and kill: PostgreSQL, Redis, S3, the messenger."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fork_server import Child

STARTS_WITHIN = 60  # seconds; usually a server needs far less


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A server process (with its child processes) that listens on a port of 127.0.0.1.

    It can be started again after `stop` or `kill`. All output goes to the file `log`.
    """

    name = "program"

    def __init__(self, folder: Path, port: int | None = None):
        self.folder = folder
        self.port = port or free_port()
        self.log = folder / f"{self.name}-{self.port}.log"
        self.process: subprocess.Popen[bytes] | Child | None = None

    # ── For subclasses ──────────────────────────────────────────────────────────────────────────────────────────────
    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def popen_options(self) -> dict:
        return {}

    def is_ready(self) -> bool:
        """Returns whether the server accepts connections. Subclasses also check that the server answers a request."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    # ── Start and stop ──────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, wait: bool = True) -> None:
        if self.running:
            raise RuntimeError(f"{self.name} runs already.")
        self.process = self.launch()
        if wait:
            self.wait_until_ready()

    def launch(self) -> subprocess.Popen[bytes] | Child:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(part) for part in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment()),
                start_new_session=True,  # own process group: can be killed with its children; Ctrl-C does not reach it
                **self.popen_options(),
            )

    def wait_until_ready(self, within: float = STARTS_WITHIN) -> None:
        until = time.monotonic() + within
        while not self.is_ready():
            if not self.running:
                status = self.process.returncode if self.process else None
                raise RuntimeError(f"{self.name} ended at its start with status {status}.\n{self.tail()}")
            if time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"{self.name} did not answer within {within} s.\n{self.tail()}")
            time.sleep(0.03)

    def signal(self, number: int) -> None:
        """Sends a signal to the process and all its child processes."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def stop(self, within: float = 15) -> None:
        """Stops the process with SIGTERM, as a service manager does.

        If the process still runs after `within` seconds, kills it.
        """
        if not self.running:
            return
        assert self.process
        self.signal(signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        self.kill()  # kills child processes that are still running

    def kill(self) -> None:
        """Kills the process and its child processes with SIGKILL."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait(10)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freezes the process with SIGSTOP until `resume` is called. Its connections stay open."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def tail(self, lines: int = 60) -> str:
        if not self.log.exists():
            return ""
        kept = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"── the end of {self.log.name} ──", *kept])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()
