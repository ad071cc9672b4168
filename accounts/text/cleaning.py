"""Cleans text from outside before it is stored or used in a query."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Characters of letter and mark categories that have no visible glyph: fillers, joiners, variation selectors.
INVISIBLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x3164, 0xFFA0, 0x16FE4}
INVISIBLE |= {*range(0x180B, 0x180E), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_EMPTY_BRAILLE_CELL = "\u2800"
_JOINERS = "\u200c\u200d"
# The flags of England, Scotland, Wales and so on: a black flag and invisible letters.
_REGION_FLAG = re.compile("(\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f)")


def strip_unstorable(text: str) -> str:
    """Removes NUL, which PostgreSQL refuses in text, and lone surrogates, which cannot be encoded as UTF-8."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def remove_categories(text: str, categories: Collection[str]) -> str:
    """Removes all characters of some Unicode categories, such as `Cf`.

    Zero-width joiners are kept, because emoji and Persian words need them, and so are flags of regions such as England.
    """
    return "".join(
        part
        if index % 2  # a flag
        else "".join(char for char in part if char in _JOINERS or unicodedata.category(char) not in categories)
        for index, part in enumerate(_REGION_FLAG.split(text))
    )


def clean_single_line(text: str, max_length: int) -> str:
    """Returns a free text, such as a display name, as one line without control characters and with single spaces.

    Invisible characters are removed, too, for example those that change the writing direction. But zero-width joiners
    are kept, because emoji and Persian words need them. A text without any visible character becomes empty. Raises
    ValidationError if the result is longer than `max_length` characters.
    """
    spaced = "".join(" " if character.isspace() else character for character in unicodedata.normalize("NFC", text))
    line = " ".join(remove_categories(spaced, {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}).split())
    if not any(_is_visible(character) for character in line):
        return ""
    if len(line) > max_length:
        raise ValidationError(_("At most %(longest)d characters."), code="length", params={"longest": max_length})
    return line


def _is_visible(character: str) -> bool:
    is_blank = ord(character) in INVISIBLE or character == _EMPTY_BRAILLE_CELL
    return not is_blank and unicodedata.category(character) not in {"Cf", "Zs", "Mn"}
