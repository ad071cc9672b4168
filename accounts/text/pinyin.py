"""How names are typed: `keys("单小明")` has `shanxiaoming`, `xiaoming`, `ming`, `sxm`, `xm` and, since that is how
it is read elsewhere, `danxiaoming`. `keys("Zoë Lee")` is `zoelee`, `lee`.

What somebody types finds a name where one of its keys begins with it, written as keys are: with `typed`, or with
`folded` where the characters themselves are keys too (`person_keys`). Pure: no database.
"""

from __future__ import annotations

import os
import re
import unicodedata
from functools import lru_cache
from itertools import pairwise, product

# Before the import: its phrases take 40 MB in each process, and tell of words, not of names.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "true")

from pypinyin import Style, pinyin

_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(f"[{_HAN}]+|[^\\W_{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")
_GAP = re.compile(f"(?<=[{_HAN}])[\\s·・‧]+(?=[{_HAN}])")  # 王 小明 is 王小明
LONGEST = 12  # characters of one run that are read; names are shorter
READINGS = 8  # of one name
MOST = 48  # keys of one text

# Read in another way as a family name than in words.
_SURNAMES = {
    **{"单": "shan", "單": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "区": "ou", "區": "ou", "朴": "piao"},
    **{"查": "zha", "翟": "zhai", "乐": "yue", "樂": "yue", "盖": "ge", "蓋": "ge", "覃": "qin", "缪": "miao"},
    **{"繆": "miao", "召": "shao", "员": "yun", "員": "yun", "种": "chong", "折": "she", "宓": "mi", "任": "ren"},
    **{"纪": "ji", "紀": "ji", "冼": "xian", "洗": "xian", "秘": "bi", "尹": "yin", "郇": "xun", "隗": "wei"},
    **{"尉迟": "yu chi", "尉遲": "yu chi", "万俟": "mo qi", "單于": "chan yu", "单于": "chan yu"},
    **{"长孙": "zhang sun", "長孫": "zhang sun", "澹台": "tan tai", "澹臺": "tan tai"},
}


def folded(text: str) -> str:
    """What was typed, in small letters of any script, without tones, spaces and signs: `Zoë 明` is `zoe明`."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return "".join(char for char in unicodedata.normalize("NFC", bare) if char.isalnum())


def typed(text: str) -> str:
    """The same, and nothing left but the letters a to z and digits: Chinese as it is typed, not as it is written."""
    return "".join(char for char in folded(text) if char.isascii())


def keys(text: str) -> list[str]:
    """In full and by initials, from each character or word on; the likeliest reading first. At most `MOST`."""
    return list(_keys(text))


@lru_cache(maxsize=10_000)
def spelled(text: str) -> str:
    """For scripts that look by themselves: `wang xiao ming`, a word for each character, readings as `chong|zhong`.

    Empty for a text without Chinese characters.
    """
    words: list[str] = []
    for run in _PIECE.findall(unicodedata.normalize("NFKC", text)):
        if _IS_HAN.match(run):
            readings = _readings(run[:LONGEST])
            words += ["|".join(dict.fromkeys(said)) for said in zip(*readings, strict=True)]
    return " ".join(words)


def person_keys(username: str, name: str) -> list[str]:
    """All that finds a person: both names as they are typed and as they are written. None begins another."""
    found: list[str] = []
    for text in (name, username):
        pieces = [folded(piece) for piece in _pieces(text)]
        for at, piece in enumerate(pieces):
            found += [piece[skip:] + "".join(pieces[at + 1 :]) for skip in _skips(piece)]
        found += keys(text)
    found = [key[:60] for key in dict.fromkeys(found) if key][: 2 * MOST]
    in_order = sorted(found)
    shorter = {one for one, other in pairwise(in_order) if other.startswith(one)}
    return [key for key in dict.fromkeys(found) if key not in shorter]


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(_GAP.sub("", unicodedata.normalize("NFKC", text)))


def _skips(piece: str) -> range:
    """Where one may begin to write it: Chinese at each character, a word at its first letter."""
    return range(min(len(piece), LONGEST) if _IS_HAN.match(piece) else 1)


@lru_cache(maxsize=10_000)
def _keys(text: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    pieces = _pieces(text)
    words = [typed(piece) for piece in pieces]
    for place, piece in enumerate(pieces):
        if _IS_HAN.match(piece):
            for reading in _readings(piece[:LONGEST]):
                for start in range(len(reading)):
                    found["".join(reading[start:])] = None
                for start in range(len(reading)):
                    found["".join(syllable[:1] for syllable in reading[start:])] = None
        else:
            found["".join(words[place:])] = None
    found.pop("", None)
    return tuple(found)[:MOST]


def _readings(run: str) -> list[tuple[str, ...]]:
    """Ways to read it: all combinations where they are few, else the likeliest and one other at a time."""
    syllables = [_syllables(char) for char in run]
    for length in (2, 1):
        if family := _SURNAMES.get(run[:length]):
            for place, said in enumerate(family.split()):
                syllables[place] = list(dict.fromkeys([said, *syllables[place]]))
            break
    count = 1
    for each in syllables:
        count *= len(each)
    if count <= READINGS:
        return list(product(*syllables))
    usual = tuple(each[0] for each in syllables)
    ways = [usual]
    for place, each in enumerate(syllables):
        ways += [(*usual[:place], other, *usual[place + 1 :]) for other in each[1:]]
    return ways[:READINGS]


def _syllables(char: str) -> list[str]:
    """How a character is read. Who types `ü` as u finds it too: 吕 is `lv` and `lu`."""
    found: dict[str, None] = {}
    for said in pinyin(char, style=Style.NORMAL, heteronym=True)[0]:
        plain = typed(said)
        found[plain] = None
        if plain[:2] in ("lv", "nv"):
            found[plain.replace("v", "u")] = None
    return list(found)
