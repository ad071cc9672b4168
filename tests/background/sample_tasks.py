"""Jobs for tests of the worker. Each leaves marks in a file, so that processes can be watched from outside."""

from __future__ import annotations

import os
import time
from pathlib import Path

from messenger.background import GiveUp, job


def _mark(path: str, word: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{word} {os.getpid()}\n")


@job(tries=3, wait=0.1)
def note(path: str, word: str) -> None:
    _mark(path, word)


@job(tries=3, wait=0.1)
def fail_twice(path: str) -> None:
    _mark(path, "tried")
    if len(Path(path).read_text().splitlines()) < 3:
        raise OSError("secret@example.org was not there")


@job(tries=2, wait=0.1)
def always_fail(path: str) -> None:
    _mark(path, "tried")
    raise OSError("no")


@job(tries=5, wait=0.1)
def give_up(path: str) -> None:
    _mark(path, "tried")
    raise GiveUp("nobody wants it")


@job(seconds=1, tries=2, wait=0.1)
def hang(path: str) -> None:
    _mark(path, "began")
    time.sleep(600)


@job(seconds=60, tries=3, wait=0.1)
def slow(path: str) -> None:
    _mark(path, "began")
    time.sleep(3)
    _mark(path, "done")


@job(tries=1)
def crash(path: str) -> None:
    _mark(path, "began")
    os.abort()
