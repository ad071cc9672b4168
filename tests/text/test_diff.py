"""Tests of the differences shown between two versions of an edited message. Texts are compared word by word, and
Chinese texts character by character.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.text.diff import MAX_WORDS, diff_texts, diff_versions


def format_diff(before: str, after: str) -> str:
    formats = {"removed": "[-{}-]", "added": "[+{}+]", "same": "{}"}
    return "".join(formats[part.kind].format(part.text) for part in diff_texts(before, after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("the quick fox", "the slow fox", "the [-quick-][+slow+] fox"),
        ("one two", "one two three", "one two[+ three+]"),
        ("a b c d", "x y z d", "[-a b c-][+x y z+] d"),
        ("我来负责校验。", "我来负责核对。", "我来负责[-校验-][+核对+]。"),
        ("same", "same", "same"),
        ("好👍", "好👍🏽", "好[-👍-][+👍🏽+]"),
        ("👨‍👩‍👧!", "👨‍👩‍👦!", "[-👨‍👩‍👧-][+👨‍👩‍👦+]!"),
        ("🇨🇳", "🇨🇦", "[-🇨🇳-][+🇨🇦+]"),
        ("cafe", "cafe\u0301", "[-cafe-][+cafe\u0301+]"),
        ("が", "か\u3099", "[-が-][+か\u3099+]"),
        ("", "all new", "[+all new+]"),
        ("line one\nline two", "line one\nline 2", "line one\nline [-two-][+2+]"),
    ],
)
def test_changes_are_marked(before, after, expected):
    assert format_diff(before, after) == expected


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_diff_contains_both_texts(before, after):
    parts = diff_texts(before, after)
    assert "".join(part.text for part in parts if part.kind != "added") == before
    assert "".join(part.text for part in parts if part.kind != "removed") == after


def test_many_changed_words_are_one_change():
    kinds = [part.kind for part in diff_texts("a " * MAX_WORDS, "b " * MAX_WORDS)]
    assert kinds == ["removed", "added"] or kinds == ["removed", "added", "same"]


def test_a_hundred_long_versions_take_less_than_a_second():
    texts = ["".join(chr(0x4E00 + (n * 7 + index * (n + 3)) % 9) for index in range(4000)) for n in range(100)]
    started = time.thread_time()
    assert len(diff_versions(texts)) == 100
    assert time.thread_time() - started < 1
