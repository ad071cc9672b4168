"""Addresses in announcements, as the server reads them. The script's reading has the same cases in tests/js."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.text.autolink import linked, parts

CASES = json.loads((Path(__file__).parents[1] / "shared_cases/autolink.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:30])
def test_addresses_are_found(case):
    assert [list(part) for part in parts(case["text"])] == case["parts"]
    assert "".join(words for words, _address in parts(case["text"])) == case["text"]


def test_nothing_that_somebody_wrote_becomes_markup():
    html = linked('<img src=x onerror=alert(1)> https://a.example/?q=1&r="2 <b>')
    assert "<img" not in html and "<b>" not in html
    assert html.count("<a ") == 1 and 'href="https://a.example/?q=1&amp;r="' in html
