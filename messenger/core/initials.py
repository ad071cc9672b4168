"""Computes the initials and the colour of an avatar that has no picture.

static/js/lib/initials.js does the same for the browser. Tests run both with tests/js/shared_cases/initials.json.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from messenger.core.graphemes import first_grapheme

HUE_COUNT = 10  # number of avatar colours in static/css/base/tokens.css

_HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


class Initials(NamedTuple):
    """The initials of a name. `initial` is shown on every avatar without a picture.

    `second` is shown only in the narrow form of the conversation list, where avatars have no names beside them. `lang`
    is the language of the initials.
    """

    initial: str
    second: str
    lang: str


def initials_for(name: str) -> Initials:
    """Returns the initials of a name: two characters for a Chinese name, one or two letters for other names.

    With one Chinese character, many names would look the same, for example 小千 and 小泷.
    """
    words = [word for word in name.split() if any(map(str.isalnum, word))]
    if not words:
        return Initials(first_grapheme(name.strip()), "", "en")
    word = words[0]
    start = next(index for index, char in enumerate(word) if char.isalnum())
    after = word[start + 1 : start + 2]
    if _HAN.match(word[start]):
        return Initials(word[start] + (after if _HAN.match(after) else ""), "", "zh-Hans")
    return Initials(
        _upper(word[start]), _second(words[-1]) if len(words) > 1 else after if after.isalnum() else "", "en"
    )


def _second(word: str) -> str:
    return _upper(next(filter(str.isalnum, word)))


def hue(number: int, is_group: bool = False) -> int:
    """Returns the number of the avatar colour (0 to HUE_COUNT - 1) for the id of a user or group.

    The colour does not depend on the name, so it stays the same if the name changes. A group gets another colour than
    the user with the same id.
    """
    return (number + (HUE_COUNT // 2 if is_group else 0)) % HUE_COUNT


def _upper(char: str) -> str:
    upper = char.upper()
    return upper if len(upper) == 1 else char
