"""Programs that tests start, stop, freeze and kill: database servers, Redis, S3 and our own server."""

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

STARTS_WITHIN = 60  # seconds; far less on a machine with nothing else to do


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """One process group of ours on one loopback port. What it prints is kept in `log` over all its lives."""

    name = "program"

    def __init__(self, folder: Path, port: int | None = None):
        self.folder = folder
        self.port = port or free_port()
        self.log = folder / f"{self.name}-{self.port}.log"
        self.process: subprocess.Popen[bytes] | Child | None = None

    # ── What each kind says of itself ────────────────────────────────────────────────────────────────────────────
    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def popen_options(self) -> dict:
        return {}

    def answers(self) -> bool:
        """Does it do its work, beyond listening?"""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    # ── Its life ─────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, wait: bool = True) -> None:
        if self.running:
            raise RuntimeError(f"{self.name} runs already.")
        self.process = self.launch()
        if wait:
            self.wait_until_it_answers()

    def launch(self) -> subprocess.Popen[bytes] | Child:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(part) for part in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment()),
                start_new_session=True,  # a group of its own: workers die with it, Ctrl-C does not reach it
                **self.popen_options(),
            )

    def wait_until_it_answers(self, within: float = STARTS_WITHIN) -> None:
        until = time.monotonic() + within
        while not self.answers():
            if not self.running:
                status = self.process.returncode if self.process else None
                raise RuntimeError(f"{self.name} ended at its start with status {status}.\n{self.tail()}")
            if time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"{self.name} did not answer within {within} s.\n{self.tail()}")
            time.sleep(0.03)

    def signal(self, number: int) -> None:
        """To the whole group, so that a server's workers get it too."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def stop(self, within: float = 15) -> None:
        """Ask it to end, as a service manager does; kill it if it does not."""
        if not self.running:
            return
        assert self.process
        self.signal(signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        self.kill()  # also whoever of its group is left

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait(10)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Frozen, with all its connections open, until `resume`."""
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
