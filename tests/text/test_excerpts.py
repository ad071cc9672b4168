"""One line of a message, in the list, answers and pins: cut alike on the server and in static/js/lib/wording.js."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.schemas import AttachmentSchema, excerpt

CASES = json.loads((Path(__file__).parent.parent / "shared_cases/excerpts.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["line"][:20]))
def test_one_line_of_a_message(case):
    files = [AttachmentSchema(1, each["kind"], each["name"], "", 0, "") for each in case["files"]]
    assert excerpt(case["body"], files) == case["line"]
