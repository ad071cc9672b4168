"""Tests which messages count as long. Pages show only the beginning of a long message until the reader opens it.

The function `is_long` has a copy in JavaScript, which tests/js/long-message.test.js tests with the same cases.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.text.truncation import is_long

CASES = json.loads((Path(__file__).parent.parent / "js/shared_cases/long_messages.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_is_long(case):
    assert is_long(case["repeat"] * case["times"] + case["then"]) is case["long"]
