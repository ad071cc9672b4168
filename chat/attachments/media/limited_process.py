"""Runs programs that parse untrusted files, with limits for memory, CPU time and the size of written files.

The programs are `image_subprocess`, `inspect_subprocess` and `strip_subprocess` of this package, started with `python
-m chat.attachments.media.NAME`. They import neither Django nor settings, so that they start quickly.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[3]


def limit_this_process(*, memory_bytes: int, cpu_seconds: int, file_bytes: int) -> None:
    """Sets limits for memory, CPU time and the size of written files for the current process.

    A program calls it before it opens an untrusted file. If it reaches a limit, it gets a MemoryError or OSError, or
    the system kills it.
    """
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def command(program: str, *arguments: str) -> list[str]:
    """Returns the command line that starts one of the programs of this package, such as `image_subprocess`.

    The program ignores Python's environment variables. It must be started in PROJECT_DIR.
    """
    return [sys.executable, "-E", "-s", "-m", f"chat.attachments.media.{program}", *arguments]


def run(program: str, *arguments: str, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """Runs one of the programs of this package, such as `image_subprocess`, to its end. Returns its exit status and
    output.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    return subprocess.run(
        command(program, *arguments), capture_output=True, timeout=timeout, check=False, cwd=PROJECT_DIR
    )
