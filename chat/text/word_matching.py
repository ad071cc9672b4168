"""Finds the words of word lists in texts, also in Chinese and against the usual tricks to hide a word.

Ignored are: upper and lower case, full-width and half-width forms, accents, characters without width, and up to
MAX_GAP spaces or signs between two letters (`s p a m`, `赌*博`). A word in Latin letters is found only as a whole word,
so `this pamphlet` does not contain `spam`. Words in scripts without spaces, such as Chinese, are found anywhere.

All words are searched in one pass (Aho-Corasick), so the time does not depend on their number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

import ahocorasick

MAX_GAP = 3  # signs between two letters of a word
MASK = "＊"  # the full-width sign has no meaning in Markdown
_STOPS = frozenset("\n\r。，！？；、,!?;")  # a word does not go on after the end of a sentence or line

Value = TypeVar("Value")


class Match(NamedTuple, Generic[Value]):
    """A word that was found: its position in the text, the number of its letters, and the value of the word."""

    start: int
    end: int
    length: int
    value: Value


@lru_cache(maxsize=20_000)
def _fold(char: str) -> str:
    """Returns the letters and digits that a character stands for, or "" for all other characters."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", char).casefold())
    folded = unicodedata.normalize("NFC", "".join(each for each in folded if not "\u0300" <= each <= "\u036f"))
    return "".join(each for each in folded if unicodedata.category(each)[0] in "LN" or each in "ーｰ")


@lru_cache(maxsize=20_000)
def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cf", "Mn", "Me")


@lru_cache(maxsize=20_000)
def _has_word_boundaries(letter: str) -> bool:
    """Returns whether words in the script of this letter are separated by spaces."""
    return not ("\u2e80" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff" or letter >= "\U00020000") and not (
        "\u0e00" <= letter <= "\u0eff" or "\u1000" <= letter <= "\u109f" or "\u1780" <= letter <= "\u17ff"
    )


def fold_word(word: str) -> str:
    """Returns a word as it is compared: only its letters and digits, without case, width and accents."""
    return "".join(_fold(char) for char in word)


class WordMatcher(Generic[Value]):
    """Finds words in texts. Each word has a value, which a match contains."""

    def __init__(self, words: Iterable[tuple[str, Value]]):
        self._automaton = ahocorasick.Automaton()
        for word, value in words:
            if folded := fold_word(word):
                self._automaton.add_word(folded, (len(folded), value))
        self._is_empty = len(self._automaton) == 0
        if not self._is_empty:
            self._automaton.make_automaton()

    def find(self, text: str) -> list[Match[Value]]:
        """Returns the words in a text, in the order of their last letter."""
        if self._is_empty or not text:
            return []
        letters: list[str] = []
        positions: list[int] = []  # of each letter in the text
        gaps: list[int] = []  # signs before each letter; MAX_GAP + 1: the word does not go on
        gap = 0
        for index, char in enumerate(text):
            folded = _fold(char)
            if folded:
                for letter in folded:
                    letters.append(letter)
                    positions.append(index)
                    gaps.append(gap)
                    gap = 0
            elif char in _STOPS:
                gap = MAX_GAP + 1
            elif not _is_invisible(char):
                gap += 1
        matches = []
        for last, (length, value) in self._automaton.iter("".join(letters)):
            first = last - length + 1
            if any(gaps[index] > MAX_GAP for index in range(first + 1, last + 1)):
                continue
            is_inside_word = (first > 0 and gaps[first] == 0 and _are_joined(letters[first - 1], letters[first])) or (
                last + 1 < len(letters) and gaps[last + 1] == 0 and _are_joined(letters[last], letters[last + 1])
            )
            if not is_inside_word:
                matches.append(Match(positions[first], positions[last] + 1, length, value))
        return matches


def _are_joined(before: str, after: str) -> bool:
    """Returns whether two letters without a space between them belong to one word."""
    return _has_word_boundaries(before) and _has_word_boundaries(after)


def mask(text: str, matches: Iterable[Match]) -> str:
    """Replaces the words that were found by one sign for each of their letters."""
    parts, position = [], 0
    for match in sorted(matches, key=lambda match: (match.start, -match.end)):
        if match.end <= position:
            continue
        parts += [text[position : max(match.start, position)], MASK * match.length]
        position = match.end
    return "".join([*parts, text[position:]])
