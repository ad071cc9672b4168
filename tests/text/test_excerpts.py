"""Tests of excerpts: one-line texts that represent a message in conversation lists, replies and pinned messages.

tests/js/wording.test.js tests the same function in JavaScript with the same cases.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.schemas import AttachmentSchema, make_excerpt

CASES = json.loads((Path(__file__).parent.parent / "shared_cases/excerpts.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["line"][:20]))
def test_excerpt(case):
    files = [
        AttachmentSchema(1, each["kind"], each["name"], "", 0, "", duration=each.get("duration"))
        for each in case["files"]
    ]
    assert make_excerpt(case["body"], files) == case["line"]
