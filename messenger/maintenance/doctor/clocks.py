"""Compares clocks. Different clocks make codes of second factors and tokens invalid, and show wrong times."""

from __future__ import annotations

import time
from collections.abc import Iterator

from messenger.maintenance.doctor import Finding, error, ok

LARGEST_DIFFERENCE = 5.0  # seconds

now = time.time


def compare(part: str, other: float, resolution: float = 0) -> Iterator[Finding]:
    """Compares the clock of this machine with another one that has just been read. Both are seconds since 1970."""
    difference = other - now()
    if abs(difference) > LARGEST_DIFFERENCE + resolution:
        yield error(
            "clock",
            f"the clock of {part} differs by {difference:+.0f} s from that of this machine",
            "Run a time service such as chrony or systemd-timesyncd on both.",
        )
    else:
        yield ok("clock", f"{part} has the same time")
