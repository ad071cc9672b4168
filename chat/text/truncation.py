"""Whether a text is so long that only its beginning is shown until somebody asks for the rest.

Told from the text alone, so that a page is drawn folded and nothing jumps. `static/js/lib/long-message.js` does the same for
live messages; both keep to tests/shared_cases/long_messages.json.
"""

from __future__ import annotations

ROWS = 24  # as many are shown whole; of more, static/css/conversation/message.css shows sixteen
WIDTH = 84  # Latin letters in a row of the reading measure; a Chinese one is as wide as two
_WIDE = 0x1100  # from here on letters are wide, near enough


def is_long(text: str) -> bool:
    """`text` as it was written, with whichever line ends."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(text) > ROWS and sum(1 + (_width(line) - 1) // WIDTH if line else 1 for line in lines) > ROWS


def _width(line: str) -> int:
    return len(line) if line.isascii() else sum(2 if ord(char) >= _WIDE else 1 for char in line)
