"""Finds texts without any visible character."""

from __future__ import annotations

import re
import unicodedata


def is_blank(text: str) -> bool:
    """Returns True if a text has no visible character.

    White space, control characters, zero-width characters and combining marks (such as accents without a letter) are
    not visible.
    """
    for char in text:  # `all` is slower, and most texts begin with a visible character
        if unicodedata.category(char) not in _INVISIBLE_CATEGORIES and not _INVISIBLE_CHARACTERS.match(char):
            return False
    return True


# Private and unassigned characters count as visible: they may be icons, or emoji newer than this Python.
_INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn"}
# Other invisible characters: fillers, blank symbols, and code points that Unicode defines as ignorable by default.
_INVISIBLE_CHARACTERS = re.compile(
    "[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\ufffe\uffff\U0001d159\U000e0000-\U000e0fff]"
)
