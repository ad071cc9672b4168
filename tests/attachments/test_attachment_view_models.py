"""Files as the log draws them: by the table that `static/js/conversation/attachments/attachment-renderer.js` keeps to as well (tests/js/attachment-renderer.test.js)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.schemas import AttachmentSchema
from chat.view_models.attachments import box, lasts, mark_of, size_of

TABLE = json.loads((Path(__file__).resolve().parent.parent / "shared_cases/attachments.json").read_text())


@pytest.mark.parametrize("case", TABLE["boxes"], ids=str)
def test_its_place_is_known_before_it_is_loaded(case):
    file = AttachmentSchema(1, case["kind"], "a", "", 1, "", width=case["width"], height=case["height"])
    assert list(box(file, case["several"])) == case["box"]


@pytest.mark.parametrize(("count", "said"), TABLE["sizes"])
def test_sizes(count, said):
    assert size_of(count) == said


@pytest.mark.parametrize(("name", "mark"), TABLE["marks"])
def test_the_mark_on_its_card(name, mark):
    assert mark_of(name) == mark


@pytest.mark.parametrize(("seconds", "said"), TABLE["lengths"])
def test_how_long_it_lasts(seconds, said):
    assert lasts(seconds) == said
