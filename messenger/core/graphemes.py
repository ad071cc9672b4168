"""Finds where a text can be cut without dividing what readers see as one character (a grapheme cluster).

Such a character may have several code points: an emoji with skin tone, a flag, a letter with accents.
static/js/lib/graphemes.js does the same for the browser. Tests run both with tests/js/shared_cases/graphemes.json. The
rules are those of Unicode Standard Annex 29, without rare characters that begin a cluster.
"""

from __future__ import annotations

import re
import unicodedata

# Code points that belong to the character before them, in addition to marks: joiners, skin tones, letters in flags of
# regions, half-width Japanese voice marks, and vowels of Thai and Lao.
_CONTINUES = re.compile("[\u0e33\u0eb3\u200c\u200d\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
# Parts of Korean syllables: the first consonant, and the vowels and last consonants.
_FIRST_CONSONANT = re.compile("[\u1100-\u115f\ua960-\ua97c]")
_SYLLABLE = re.compile("[\uac00-\ud7a3]")
_VOWEL_OR_LAST_CONSONANT = re.compile("[\u1160-\u11ff\ud7b0-\ud7c6\ud7cb-\ud7fb]")
# Signs that join two consonants in Hindi, Bengali, Gujarati, Odia, Telugu and Malayalam.
_JOINS_CONSONANTS = "\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d"
_FLAG_LETTER = re.compile("[\U0001f1e6-\U0001f1ff]")


def find_cut(text: str, end: int) -> int:
    """Returns the last index up to `end` where `text` can be cut; `end` itself if a single character is longer."""
    cut = end
    while cut > 0 and not _is_boundary(text, cut):
        cut -= 1
    return cut or end


def first_grapheme(text: str) -> str:
    """Returns the first character of a text, as readers see it, with all its code points."""
    end = 1
    while end < len(text) and not _is_boundary(text, end):
        end += 1
    return text[:end]


def _is_boundary(text: str, index: int) -> bool:
    if index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if unicodedata.category(after)[0] == "M" or _CONTINUES.match(after) or before == "\u200d":
        return False
    if before in _JOINS_CONSONANTS and after.isalpha():
        return False
    if _VOWEL_OR_LAST_CONSONANT.match(after):
        return False
    if _FIRST_CONSONANT.match(before) and (_FIRST_CONSONANT.match(after) or _SYLLABLE.match(after)):
        return False
    if not _FLAG_LETTER.match(after):
        return True
    start = index
    while start > 0 and _FLAG_LETTER.match(text[start - 1]):
        start -= 1
    return (index - start) % 2 == 0
