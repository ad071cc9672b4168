"""What all services have in common: name, version and source, and the error if one is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path


class ServiceUnavailable(Exception):
    """A service that tests need is not available on this machine. The message says what is missing."""


class ServiceDescription:
    """Name, version and source of a service, which the summary at the end of the test run shows."""

    def __init__(self, label: str, source: str):
        self.label, self.source = label, source

    def __str__(self) -> str:
        return f"{self.label} ({self.source})"


def find_version(*command: str | Path) -> str:
    """Runs a command and returns the first version number in its output, or `?`."""
    printed = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=20)
    found = re.search(r"\d+\.\d+(\.\d+)?", printed.stdout)
    return found[0] if found else "?"


def find_program(*names: str) -> Path | None:
    return next((Path(found) for name in names if (found := shutil.which(name))), None)
