"""Counts function calls, which measure work alike on a fast and on a busy machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def count_calls(function: Callable, *arguments: Any) -> int:
    """Returns how many functions, also built-in ones, are called by `function(*arguments)`."""
    calls = 0

    def count(_frame, event: str, _argument) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        function(*arguments)
    finally:
        sys.setprofile(previous)
    return calls
