"""Helpers for tests of HTML that was rendered from messages: they parse it strictly and check that it contains only
harmless tags and attributes.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

ALLOWED = {
    "p": set(),
    "br": set(),
    "strong": set(),
    "em": set(),
    "s": set(),
    "code": {"class"},
    "pre": {"data-language"},
    "a": {"href", "title", "rel", "class", "target"},
    "ul": set(),
    "ol": {"start"},
    "li": {"value"},
    "blockquote": set(),
    "span": {"class", "data-user-id"},
}
VOID = {"br"}
REL = {"noopener", "noreferrer", "nofollow", "ugc"}


class HTMLReader(HTMLParser):
    """Parses a fragment of HTML into its `tags` (with attributes) and its visible `text`.

    Raises AssertionError if a tag is not closed or closed twice, because browsers repair such HTML in different ways.
    """

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.inside: list[tuple[str, str]] = []  # pairs of a tag and the text in it
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open and self._open[-1] == tag, f"</{tag}> in {self._open}"
        self._open.pop()

    def handle_startendtag(self, tag, attrs):
        raise AssertionError(f"<{tag}/>")

    def handle_data(self, data):
        self.text += data
        self.inside.append((self._open[-1] if self._open else "", data))

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment


def assert_harmless(html: str) -> HTMLReader:
    """Parses HTML and returns the result. Raises AssertionError if a tag or attribute is not allowed in messages.

    Not allowed are, for example, scripts, styles, images, links with another scheme than http, https or mailto, and
    links that send a referrer (the URL of the page that contains the link).
    """
    read = HTMLReader(html)
    for tag, attributes in read.tags:
        assert tag in ALLOWED, f"<{tag}>"
        assert set(attributes) <= ALLOWED[tag], f"<{tag} {attributes}>"
        if tag == "a":
            assert set(attributes["rel"].split()) == REL
            if "href" in attributes:
                scheme = re.match(
                    r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", attributes["href"]), re.IGNORECASE
                )
                assert scheme is None or scheme[1].lower() in {"http", "https", "mailto"}, attributes["href"]
        if "class" in attributes:
            kind = {"span": r"mention|host|t-[cdfikns]", "a": "long"}.get(tag, r"language-[\w+#.-]{1,30}")
            assert re.fullmatch(kind, attributes["class"]), attributes
        if attributes.get("class") == "mention":
            assert re.fullmatch(r"\d+|all", attributes["data-user-id"]), attributes
        if tag == "ol":
            assert re.fullmatch(r"\d+", attributes.get("start", "1"))
    return read
