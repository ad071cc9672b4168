"""Makes search keys of names. Chinese characters are spelled in Latin letters (pinyin).

`pinyin_keys("单小明")` contains `shanxiaoming`, `xiaoming`, `ming`, the initials `sxm`, `xm`, and `danxiaoming`,
because 单 is also read as "dan". `pinyin_keys("Zoë Lee")` contains `zoelee` and `lee`.

A search text finds a name if one of the name's keys begins with this text. The search text must be normalized like the
keys: with `fold_to_ascii`, or with `fold_text` for keys that also contain Chinese characters (`user_search_keys`). This
module does not use the database.
"""

from __future__ import annotations

import os
import re
import unicodedata
from functools import lru_cache
from itertools import pairwise, product

# Before the import: pypinyin's phrases take 40 MB in each process and do not help with names.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "true")

from pypinyin import Style, pinyin

from accounts.text.letters import replace_letters

_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(f"[{_HAN}]+|[^\\W_{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")
_GAP = re.compile(f"(?<=[{_HAN}])[\\s·・‧]+(?=[{_HAN}])")  # 王 小明 is 王小明
MAX_RUN_LENGTH = 12  # Chinese characters in a row that are converted; names are shorter
MAX_READINGS = 8  # readings of one name
MAX_KEYS = 48  # keys of one name

# Characters with another reading as a family name.
_SURNAMES = {
    **{"单": "shan", "單": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "区": "ou", "區": "ou", "朴": "piao"},
    **{"查": "zha", "翟": "zhai", "乐": "yue", "樂": "yue", "盖": "ge", "蓋": "ge", "覃": "qin", "缪": "miao"},
    **{"繆": "miao", "召": "shao", "员": "yun", "員": "yun", "种": "chong", "折": "she", "宓": "mi", "任": "ren"},
    **{"纪": "ji", "紀": "ji", "冼": "xian", "洗": "xian", "秘": "bi", "尹": "yin", "郇": "xun", "隗": "wei"},
    **{"尉迟": "yu chi", "尉遲": "yu chi", "万俟": "mo qi", "單于": "chan yu", "单于": "chan yu"},
    **{"长孙": "zhang sun", "長孫": "zhang sun", "澹台": "tan tai", "澹臺": "tan tai"},
}


def fold_text(text: str) -> str:
    """Returns the letters and digits of a text in lowercase, without diacritics: `Zoë 明` becomes `zoe明`.

    A change needs a migration that computes the stored search keys again (such as 0006_search_letters).
    """
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    without_marks = "".join(char for char in decomposed if not unicodedata.combining(char))
    composed = replace_letters(unicodedata.normalize("NFC", without_marks))
    return "".join(char for char in composed if char.isalnum())


def fold_to_ascii(text: str) -> str:
    """Returns `fold_text(text)` without characters outside ASCII, so without Chinese characters."""
    return "".join(char for char in fold_text(text) if char.isascii())


def pinyin_keys(text: str) -> list[str]:
    """Returns the search keys of a name in Latin letters, at most `MAX_KEYS`. The most likely one comes first.

    Each key contains the name from the beginning of a word, or from a Chinese character, to the end. So a search finds
    the name from each of these positions. For Chinese characters there are keys in full (`xiaoming`) and keys of
    initials (`xm`).
    """
    return list(_keys(text))


@lru_cache(maxsize=10_000)
def spell_pinyin(text: str) -> str:
    """Returns the pinyin of the Chinese characters in a text, such as `wang xiao ming`, for the search in page scripts.

    The result has one word for each Chinese character. If a character has several readings, they are joined to one
    word, as in `chong|zhong`. The result is empty for a text without Chinese characters.
    """
    words: list[str] = []
    for run in _PIECE.findall(unicodedata.normalize("NFKC", text)):
        if _IS_HAN.match(run):
            readings = _readings(run[:MAX_RUN_LENGTH])
            words += ["|".join(dict.fromkeys(syllables)) for syllables in zip(*readings, strict=True)]
    return " ".join(words)


def user_search_keys(username: str, name: str) -> list[str]:
    """Returns all search keys of a user: of the user name and the display name, as written and in pinyin.

    A key that is the beginning of another key is left out, because every search that matches it also matches the other
    key.
    """
    keys: list[str] = []
    for text in (name, username):
        pieces = [fold_text(piece) for piece in _pieces(text)]
        for index, piece in enumerate(pieces):
            keys += [piece[start:] + "".join(pieces[index + 1 :]) for start in _start_positions(piece)]
        keys += pinyin_keys(text)
    keys = [key[:60] for key in dict.fromkeys(keys) if key][: 2 * MAX_KEYS]
    prefixes = {key for key, next_key in pairwise(sorted(keys)) if next_key.startswith(key)}
    return [key for key in dict.fromkeys(keys) if key not in prefixes]


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(_GAP.sub("", unicodedata.normalize("NFKC", text)))


def _start_positions(piece: str) -> range:
    """Returns the positions in `piece` (a word or a run of Chinese characters) at which search keys begin.

    In a run of Chinese characters these are the first MAX_RUN_LENGTH positions, in a word of another script only the
    first position.
    """
    return range(min(len(piece), MAX_RUN_LENGTH) if _IS_HAN.match(piece) else 1)


@lru_cache(maxsize=10_000)
def _keys(text: str) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    pieces = _pieces(text)
    words = [fold_to_ascii(piece) for piece in pieces]
    for index, piece in enumerate(pieces):
        if _IS_HAN.match(piece):
            for reading in _readings(piece[:MAX_RUN_LENGTH]):
                for start in range(len(reading)):
                    keys["".join(reading[start:])] = None
                for start in range(len(reading)):
                    keys["".join(syllable[:1] for syllable in reading[start:])] = None
        else:
            keys["".join(words[index:])] = None
    keys.pop("", None)
    return tuple(keys)[:MAX_KEYS]


def _readings(run: str) -> list[tuple[str, ...]]:
    """Returns the possible readings (pronunciations) of some Chinese characters in a row, at most MAX_READINGS.

    If there are more combinations, returns the most likely one and combinations that differ from it in one character.
    """
    syllables = [_syllables(char) for char in run]
    for length in (2, 1):
        if family := _SURNAMES.get(run[:length]):
            for index, syllable in enumerate(family.split()):
                syllables[index] = list(dict.fromkeys([syllable, *syllables[index]]))
            break
    count = 1
    for choices in syllables:
        count *= len(choices)
    if count <= MAX_READINGS:
        return list(product(*syllables))
    likeliest = tuple(choices[0] for choices in syllables)
    readings = [likeliest]
    for index, choices in enumerate(syllables):
        readings += [(*likeliest[:index], syllable, *likeliest[index + 1 :]) for syllable in choices[1:]]
    return readings[:MAX_READINGS]


def _syllables(char: str) -> list[str]:
    """Returns the readings of a Chinese character in pinyin. `ü` may be typed as v or as u: 吕 is `lv` and `lu`."""
    syllables: dict[str, None] = {}
    for reading in pinyin(char, style=Style.NORMAL, heteronym=True)[0]:
        syllable = fold_to_ascii(reading)
        syllables[syllable] = None
        if syllable[:2] in ("lv", "nv"):
            syllables[syllable.replace("v", "u")] = None
    return list(syllables)
