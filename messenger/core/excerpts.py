"""Makes excerpts: one line of text that represents a longer text, for example a message that a reply quotes.

static/js/lib/wording.js shortens drafts and messages that are not sent yet in the same way.
"""

from __future__ import annotations

import re
from html import unescape

from messenger.core.graphemes import find_cut

EXCERPT_LENGTH = 120  # code points
_PIECE = re.compile(r"""<(/?)([a-z]+)((?:[^">]|"[^"]*")*)>|([^<]+)""")
_NUMBER = re.compile(r'(?:start|value)="(\d+)"')


def shorten(text: str) -> str:
    """Returns the beginning of a text as one line. An ellipsis at its end shows that the text is longer."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_LENGTH else line[: find_cut(line, EXCERPT_LENGTH - 1)] + "…"


def html_to_text(html: str, limit: int | None = EXCERPT_LENGTH) -> str:
    """Returns a rendered message (see `chat.text.markdown`) as text without formatting.

    Items of lists begin with their number or with `-`, quotes with `>`. White space is not normalized. The text may
    end after `limit` characters, not counting spaces, which is enough for an excerpt. With None, the whole text is
    returned.
    """
    if html.count("<") == 2 and html.startswith("<p>") and html.endswith("</p>\n"):  # as most messages: saves time
        return unescape(html[3:-5]) + "\n"
    pieces: list[str] = []
    next_numbers: list[int | None] = []  # of the lists that are open; None for lists without numbers
    length = 0
    for piece in _PIECE.finditer(html):
        closing, tag, attributes, text = piece.groups()
        if text:
            pieces.append(unescape(text))
            length += len("".join(pieces[-1].split()))
            if limit is not None and length > limit:
                break
        elif tag in ("ol", "ul"):
            if closing:
                next_numbers.pop()
            else:
                number = _NUMBER.search(attributes)
                next_numbers.append((int(number[1]) if number else 1) if tag == "ol" else None)
        elif tag == "li" and not closing and next_numbers:
            number = _NUMBER.search(attributes)
            current = int(number[1]) if number else next_numbers[-1]
            pieces.append("- " if current is None else f"{current}. ")
            next_numbers[-1] = None if current is None else current + 1
        elif tag == "blockquote" and not closing:
            pieces.append("> ")
    return "".join(pieces)
