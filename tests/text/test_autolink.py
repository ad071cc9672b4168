"""Tests that URLs in plain texts, such as descriptions of groups, become links."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.text.autolink import linkify, split_links

CASES = json.loads((Path(__file__).parents[1] / "js/shared_cases/autolink.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:30])
def test_urls_are_found(case):
    assert [list(part) for part in split_links(case["text"])] == case["parts"]
    assert "".join(piece for piece, _url in split_links(case["text"])) == case["text"]


def test_text_of_users_is_escaped():
    html = linkify('<img src=x onerror=alert(1)> https://a.example/?q=1&r="2 <b>')
    assert "<img" not in html and "<b>" not in html
    assert html.count("<a ") == 1 and 'href="https://a.example/?q=1&amp;r="' in html
