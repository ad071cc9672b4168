"""Turns URLs in plain text into links, for texts without Markdown such as announcements.

In the browser `static/js/lib/autolink.js` does the same. Both are tested with tests/shared_cases/autolink.json.
"""

from __future__ import annotations

import re
from html import escape

from django.utils.safestring import SafeString, mark_safe

# A scheme, and everything up to white space or a character that ends a URL in running text.
_URL = re.compile(r"https?://[^\s<>\"'`（）《》【】“”‘’，。！？；：、]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}"  # at the end of a URL these characters belong to the sentence


def split_links(text: str) -> list[tuple[str, str]]:
    """Splits a text at its URLs into (text, URL) pairs. The URL is empty for a part that is no link."""
    pieces: list[tuple[str, str]] = []
    end = 0
    for match in _URL.finditer(text):
        url = match[0].rstrip(_TRAILING)
        if url.count("(") > url.count(")") and match[0][len(url) :].startswith(")"):
            url += ")"
        if not re.fullmatch(r"https?://[^/?#]+.*", url, re.IGNORECASE):
            continue
        if match.start() > end:
            pieces.append((text[end : match.start()], ""))
        pieces.append((url, url))
        end = match.start() + len(url)
    if end < len(text):
        pieces.append((text[end:], ""))
    return pieces


def linkify(text: str) -> SafeString:
    """Returns a plain text as escaped HTML, in which each URL is a link."""
    return mark_safe(
        "".join(
            f'<a href="{escape(url)}" rel="noopener noreferrer nofollow ugc">{escape(piece)}</a>'
            if url
            else escape(piece)
            for piece, url in split_links(text)
        )
    )
