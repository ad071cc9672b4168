"""Tests of excerpts: one-line texts that represent a message in conversation lists, replies and pinned messages.

tests/js/wording.test.js tests the same function in JavaScript with the same cases.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.schemas import AttachmentSchema, make_excerpt
from chat.text.markdown import render_markdown
from messenger.core.excerpts import shorten
from messenger.core.graphemes import find_cut, first_grapheme

CASES = json.loads((Path(__file__).parent.parent / "js/shared_cases/excerpts.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["line"][:20]))
def test_excerpt(case):
    files = [
        AttachmentSchema(1, each["kind"], each["name"], "", 0, "", duration=each.get("duration"))
        for each in case["files"]
    ]
    assert [file.is_voice_note for file in files] == [each.get("is_voice_note", False) for each in case["files"]]
    html, _mentions = render_markdown(case["body"], {})
    assert html == case["html"], "the rendered text, with which the test in JavaScript begins"
    assert make_excerpt(html, files) == case["line"]


GRAPHEMES = json.loads((Path(__file__).parent.parent / "js/shared_cases/graphemes.json").read_text("utf-8"))


@pytest.mark.parametrize("characters", GRAPHEMES, ids=ascii)
def test_a_text_is_cut_between_the_characters_that_readers_see(characters):
    text = "".join(characters)
    assert first_grapheme(text) == characters[0]
    ends = [len("".join(characters[: count + 1])) for count in range(len(characters))]
    for end in range(ends[0], len(text) + 1):
        assert find_cut(text, end) == max(each for each in ends if each <= end)


def test_a_single_character_that_is_too_long_is_cut_anyway():
    assert shorten("e" + "\u0301" * 200) == "e" + "\u0301" * 118 + "…"
