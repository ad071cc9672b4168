"""Decides whether a message is so long that the web page shows only its beginning, with a "show more" button.

The decision depends only on the text and not on the layout. So Django can render a long message collapsed, and nothing
on the page moves after it is loaded. In the browser `static/js/lib/long-message.js` does the same. The tests of both
modules use tests/js/shared_cases/long_messages.json.
"""

from __future__ import annotations

MAX_ROWS = 24  # longer texts are collapsed to sixteen rows by static/css/conversation/message.css
ROW_WIDTH = 84  # Latin letters per row; a Chinese character is as wide as two
_FIRST_WIDE = 0x1100  # code points from here on count as two; this is an approximation


def is_long(text: str) -> bool:
    """Returns True if a message has so many rows that it is shown collapsed.

    `text` is the Markdown source of the message, with any kind of line ends.
    """
    most_rows = 1 + text.count("\n") + text.count("\r") + 2 * len(text) // ROW_WIDTH  # if all characters are wide
    if most_rows <= MAX_ROWS:
        return False
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return sum(1 + (_width(line) - 1) // ROW_WIDTH if line else 1 for line in lines) > MAX_ROWS


def _width(line: str) -> int:
    return len(line) if line.isascii() else sum(2 if ord(char) >= _FIRST_WIDE else 1 for char in line)
