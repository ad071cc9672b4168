"""Computes the initials and the colour of an avatar that has no picture. Scripts get them with each user and group."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from messenger.core.graphemes import first_grapheme

HUE_COUNT = 10  # number of avatar colours in static/css/base/tokens.css

_HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


class Initials(msgspec.Struct, frozen=True):
    """What an avatar without a picture shows. `initial` is always shown: one character, or two of a Chinese name.

    `second` is empty or one more letter, for places where avatars have no names beside them. `lang` is the language of
    the characters. `hue` is the number of the colour (0 to 9); it does not change with the name.
    """

    initial: str
    second: str
    lang: str
    hue: int


@lru_cache(maxsize=4096)  # a page of messages repeats the same few people
def initials_for(name: str, number: int, is_group: bool = False) -> Initials:
    """Returns the initials of the name of a user or group, and the colour of its id `number`.

    A Chinese name has two characters: with one, many names would look the same, for example 小千 and 小泷.
    """
    return Initials(*_characters(name), _hue(number, is_group))


def _characters(name: str) -> tuple[str, str, str]:
    words = [word for word in name.split() if any(map(str.isalnum, word))]
    if not words:
        return first_grapheme(name.strip()), "", "en"
    word = words[0]
    start = next(index for index, char in enumerate(word) if char.isalnum())
    after = word[start + 1 : start + 2]
    if _HAN.match(word[start]):
        return word[start] + (after if _HAN.match(after) else ""), "", "zh-Hans"
    second = _second(words[-1]) if len(words) > 1 else after if after.isalnum() else ""
    return _upper(word[start]), second, "en"


def _second(word: str) -> str:
    return _upper(next(filter(str.isalnum, word)))


def _hue(number: int, is_group: bool) -> int:
    # A group gets another colour than the user with the same id.
    return (number + (HUE_COUNT // 2 if is_group else 0)) % HUE_COUNT


def _upper(char: str) -> str:
    upper = char.upper()
    return upper if len(upper) == 1 else char
