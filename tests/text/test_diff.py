"""What an edit changed, by words, and in Chinese by characters."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.text.diff import WORDS, compare, versions


def shown(before: str, after: str) -> str:
    signs = {"gone": "[-{}-]", "new": "[+{}+]", "same": "{}"}
    return "".join(signs[piece.kind].format(piece.text) for piece in compare(before, after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("the quick fox", "the slow fox", "the [-quick-][+slow+] fox"),
        ("one two", "one two three", "one two[+ three+]"),
        ("a b c d", "x y z d", "[-a b c-][+x y z+] d"),
        ("我来负责校验。", "我来负责核对。", "我来负责[-校验-][+核对+]。"),
        ("same", "same", "same"),
        ("", "all new", "[+all new+]"),
        ("line one\nline two", "line one\nline 2", "line one\nline [-two-][+2+]"),
    ],
)
def test_what_changed_is_shown(before, after, expected):
    assert shown(before, after) == expected


@given(st.text(max_size=80), st.text(max_size=80))
def test_both_texts_are_in_it_whole(before, after):
    pieces = compare(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after


def test_a_change_of_nearly_all_is_one_change():
    kinds = [piece.kind for piece in compare("a " * WORDS, "b " * WORDS)]
    assert kinds == ["gone", "new"] or kinds == ["gone", "new", "same"]


def test_a_hundred_long_versions_take_no_second():
    texts = ["".join(chr(0x4E00 + (n * 7 + at * (n + 3)) % 9) for at in range(4000)) for n in range(100)]
    began = time.perf_counter()
    assert len(versions(texts)) == 100
    assert time.perf_counter() - began < 1
