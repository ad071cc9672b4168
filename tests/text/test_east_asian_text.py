"""Tests of Markdown formatting in Chinese, Japanese and Korean messages.

tests/data/east_asian_text.txt contains the messages. In this file, the parts that must be rendered as bold, links and
so on are marked.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chat.text.markdown import render_markdown
from tests.text.html_reader import assert_harmless

EXAMPLES = [
    line
    for line in (Path(__file__).parents[1] / "data/east_asian_text.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("# ")
]
TAGS = {"strong": "b", "em": "i", "s": "s", "code": "c", "a": "a"}
SIGNS = {"b": r"\*\*", "i": r"\*", "s": "~~", "c": "`"}


class MarkReader(HTMLParser):
    """Converts rendered HTML to text in which formatted parts are marked like this: `⟦b:bold⟧`, `⟦a:link⟧`.

    The examples in tests/data/east_asian_text.txt have the same marks.
    """

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.marked = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag in TAGS:
            self.marked += f"⟦{TAGS[tag]}:"

    def handle_endtag(self, tag):
        if tag in TAGS:
            self.marked += "⟧"

    def handle_data(self, data):
        self.marked += data


def remove_marks(example: str) -> str:
    return re.sub("⟦[a-z]:|⟧", "", example)


def remove_signs(example: str) -> str:
    """Removes Markdown signs around marked parts of an example: `**⟦b:bold⟧**` becomes `⟦b:bold⟧`.

    The result is the text that a reader of the message sees, together with the marks.
    """
    example = re.sub(r"\*\*\*⟦b:⟦i:([^⟦⟧]*)⟧⟧\*\*\*", r"⟦i:⟦b:\1⟧⟧", example)
    example = re.sub(r"\[(⟦a:[^⟦⟧]*⟧)\]\([^()]*\)", r"\1", example)
    for kind, sign in SIGNS.items():
        example = re.sub(rf"{sign}(⟦{kind}:(?:[^⟦⟧]|⟦[^⟦⟧]*⟧)*⟧){sign}", r"\1", example)
    return example


def test_there_are_enough_examples():
    assert len(EXAMPLES) >= 60


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_message_is_rendered_as_marked(example):
    html = render_markdown(remove_marks(example).replace("⏎", "\n"), {})[0]
    assert_harmless(html)
    assert MarkReader(html).marked.strip() == remove_signs(example)
