"""Background tasks for tests. Each task appends a line with its process id to a file that the tests read."""

from __future__ import annotations

import os
import time
from pathlib import Path

from messenger.background import PermanentFailure, task


def _write_word(path: str, word: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{word} {os.getpid()}\n")


@task(max_attempts=3, retry_delay=0.1)
def note(path: str, word: str) -> None:
    _write_word(path, word)


@task(max_attempts=3, retry_delay=0.1)
def fail_twice(path: str) -> None:
    _write_word(path, "tried")
    if len(Path(path).read_text().splitlines()) < 3:
        raise OSError("secret@example.org was not there")


@task(max_attempts=2, retry_delay=0.1)
def always_fail(path: str) -> None:
    _write_word(path, "tried")
    raise OSError("no")


@task(max_attempts=5, retry_delay=0.1)
def give_up(path: str) -> None:
    _write_word(path, "tried")
    raise PermanentFailure("nobody wants it")


@task(timeout=1, max_attempts=2, retry_delay=0.1)
def hang(path: str) -> None:
    _write_word(path, "began")
    time.sleep(600)


@task(timeout=60, max_attempts=3, retry_delay=0.1)
def slow(path: str) -> None:
    _write_word(path, "began")
    time.sleep(3)
    _write_word(path, "done")


@task(timeout=600, max_attempts=1)
def long(path: str) -> None:
    _write_word(path, "began")
    time.sleep(4)


@task(max_attempts=1)
def crash(path: str) -> None:
    _write_word(path, "began")
    os.abort()
