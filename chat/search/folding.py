"""Folds text for search, so that case, accents, width and Chinese variants do not matter.

`Café`, `cafe` and `ＣＡＦＥ` become `cafe`; `Łódź` becomes `lodz`; `圖書館` becomes `图书馆`. The same folding is used
for the index, for queries, and for finding the words to highlight in a message. A change of it needs a migration that
indexes all messages again (such as 0013_search_letters).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from accounts.text.letters import replace_letters

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Scripts without spaces between words, and Hangul, whose words have endings and parts that people search for.
UNSPACED = (
    _HAN
    + "\u3040-\u30ff\u31f0-\u31ff"  # kana
    + "\uac00-\ud7a3"  # Hangul
    + "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
)
_HAS_HAN = re.compile(f"[{_HAN}]")
_EMOJI_MODIFIERS = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")  # variation selectors and skin tones
# Marks that belong to the character before: accents, Hebrew and Arabic vowels, and the voiced marks of katakana.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u3099\u309a\uff9e\uff9f"
_MARK = re.compile(f"[{_MARKS}]")
_CLUSTER = re.compile(f"[^{_MARKS}][{_MARKS}]*|.", re.DOTALL)
# Signs of Markdown inside a word, as in `**bold**word`. Between two digits they are shown (see emphasis.py).
_EMPHASIS_INSIDE_WORD = re.compile(r"(?<=\w)(?:\*+|~~|`+)(?=[^\W\d])|(?<=[^\W\d])(?:\*+|~~|`+)(?=\d)")
_SCRIPTS_WITH_OPTIONAL_MARKS = ("LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC")


class FoldedText(NamedTuple):
    """A folded text. `starts` and `ends` say for each of its characters where it comes from in the original text."""

    text: str
    starts: list[int]
    ends: list[int]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the part of the original text from which the characters `start` to `end` were folded."""
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> str:
    """Returns the text in lowercase, without accents, in normal width, and with simplified Chinese characters."""
    if text.isascii():
        return text.lower()
    if not _MARK.search(text):
        return text.translate(_folded_characters)  # three times as fast
    return "".join(map(_fold_cluster, _CLUSTER.findall(text)))


def fold_with_positions(text: str) -> FoldedText:
    """Folds a text like `fold`, and remembers from which part of the original text each character comes."""
    if text.isascii():
        return FoldedText(text.lower(), list(range(len(text))), list(range(1, len(text) + 1)))
    folded, starts, ends = [], [], []
    for match in _CLUSTER.finditer(text):
        part = _fold_cluster(match[0])
        folded.append(part)
        starts += [match.start()] * len(part)
        ends += [match.end()] * len(part)
    return FoldedText("".join(folded), starts, ends)


def fold_markdown(text: str) -> str:
    """Folds the Markdown source of a message. Words with emphasis inside are added as they are displayed.

    `**bold**word` is followed by a line with `**boldword`, so that it is found by `boldword` and by `word`.
    """
    folded = fold(text)
    if "*" in folded or "`" in folded or "~~" in folded:
        displayed = _EMPHASIS_INSIDE_WORD.sub("", folded)
        if displayed != folded:
            return f"{folded}\n{displayed}"
    return folded


def fold_markdown_with_positions(text: str) -> FoldedText:
    """Folds a text like `fold_markdown`, and remembers from which part of it each character comes."""
    folded = fold_with_positions(text)
    kept = list(range(len(folded.text)))
    for sign in reversed(list(_EMPHASIS_INSIDE_WORD.finditer(folded.text))):
        del kept[sign.start() : sign.end()]
    if len(kept) == len(folded.text):
        return folded
    end = len(text)
    return FoldedText(
        "\n".join((folded.text, "".join(folded.text[index] for index in kept))),
        [*folded.starts, end, *(folded.starts[index] for index in kept)],
        [*folded.ends, end, *(folded.ends[index] for index in kept)],
    )


@cache
def _fold_cluster(cluster: str) -> str:
    """Returns one character, with its combining marks, in the form in which it is compared. Emoji lose modifiers."""
    text = unicodedata.normalize("NFKC", _EMOJI_MODIFIERS.sub("", cluster)).casefold()
    decomposed = unicodedata.normalize("NFKD", text)
    if decomposed != text or len(text) > 1:
        text = unicodedata.normalize("NFC", _strip_optional_marks(decomposed))
    text = replace_letters(text)
    return _simplify(text) if _HAS_HAN.search(text) else text


class _FoldedCharacters(dict[int, str]):
    """Maps the code point of each character to its folded form, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_cluster(chr(code))
        return folded


_folded_characters = _FoldedCharacters()


def _strip_optional_marks(decomposed: str) -> str:
    """Removes the combining marks (such as accents) after letters of scripts in which people often leave them out."""
    kept, is_optional = [], False
    for character in decomposed:
        if not unicodedata.combining(character):
            is_optional = unicodedata.name(character, "").startswith(_SCRIPTS_WITH_OPTIONAL_MARKS)
        elif is_optional:
            continue
        kept.append(character)
    return "".join(kept)


def _simplify(text: str) -> str:
    """Returns a text with simplified instead of traditional Chinese characters, each converted alone.

    Conversion of whole words would be better Chinese, but the result would depend on the neighbours: a query would not
    find the same character in another word.
    """
    convert = _load_converter().convert
    return "".join(convert(character) for character in text)


@cache
def _load_converter():
    """Loads OpenCC, which takes 80 ms, when the first Chinese character is folded."""
    from opencc import OpenCC

    return OpenCC("t2s")
