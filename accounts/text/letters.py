"""Replaces Latin letters such as `ł`, which Unicode does not decompose into a letter and a mark, for search."""

from __future__ import annotations

import re
import unicodedata

_LETTER_WITH_SIGN = re.compile("LATIN SMALL LETTER (?:DOTLESS )?([A-Z])(?: WITH .+)?")
_LIGATURES_AND_LETTERS = {"æ": "ae", "œ": "oe", "ß": "ss", "ð": "d", "þ": "th", "ŋ": "n"}


class _AsciiLetters(dict[int, str]):
    """Maps the code point of each character to the ASCII letters for it, or to the character, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        letter = _LETTER_WITH_SIGN.fullmatch(unicodedata.name(character, ""))
        found = letter[1].lower() if letter else _LIGATURES_AND_LETTERS.get(character, character)
        self[code] = found
        return found


_ascii_letters = _AsciiLetters()


def replace_letters(text: str) -> str:
    """Replaces Latin small letters with a stroke or hook, and ligatures, by the letters that people type for them.

    `łódź` becomes `lódź`, `øl` becomes `ol`, `ısı` becomes `isi`, `æsir` becomes `aesir`. Accents are left as they are.
    The text must be in lowercase and, if accents follow such letters, without them.
    """
    return text if text.isascii() else text.translate(_ascii_letters)
