"""Letters and colour of somebody without a picture. `static/js` does the same; both keep to tests/shared_cases/initials.json."""

from __future__ import annotations

import re
from typing import NamedTuple

HUES = 10  # as many as static/css/base/tokens.css has

_HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


class Initials(NamedTuple):
    """`second` stands beside `initial` only where the avatar is all one sees of a person: in the narrow list."""

    initial: str
    second: str
    lang: str


def initials_for(name: str) -> Initials:
    """Chinese names show two characters, so that 小千 and 小泷 differ; others one letter, and another in reserve."""
    words = [word for word in name.split() if any(map(str.isalnum, word))]
    if not words:
        return Initials(name.strip()[:1], "", "en")
    word = words[0]
    start = next(place for place, char in enumerate(word) if char.isalnum())
    after = word[start + 1 : start + 2]
    if _HAN.match(word[start]):
        return Initials(word[start] + (after if _HAN.match(after) else ""), "", "zh-Hans")
    return Initials(
        _upper(word[start]), _second(words[-1]) if len(words) > 1 else after if after.isalnum() else "", "en"
    )


def _second(word: str) -> str:
    return _upper(next(filter(str.isalnum, word)))


def hue(number: int, room: bool = False) -> int:
    """By the number of the person or group: a new name keeps its colour. Groups begin elsewhere in the circle."""
    return (number + (HUES // 2 if room else 0)) % HUES


def _upper(char: str) -> str:
    upper = char.upper()
    return upper if len(upper) == 1 else char
