"""What an edit took away and what it put there: by words, or by characters where words are not set apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

WORDS = 200  # between what two versions have in common at both ends; more on either side is one change
ALL_WORDS = 4_000  # code points, compared for one page; older versions are shown as they were

_WORD = re.compile(
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U000323af]+|\s+|.",
    re.DOTALL,
)


class Piece(NamedTuple):
    """`kind`: same, gone or new."""

    kind: str
    text: str


def compare(before: str, after: str) -> list[Piece]:
    """The two texts in one. Without what is gone it is `after`, without what is new `before`."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    pieces = [("same", "".join(old[:start]))]
    pieces += _between(old[start : len(old) - end], new[start : len(new) - end])
    pieces.append(("same", "".join(old[len(old) - end :])))
    return list(_joined(pieces))


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))


def _between(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    if max(len(old), len(new)) > WORDS:
        yield from (("gone", "".join(old)), ("new", "".join(new)))
        return
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield "same", "".join(old[a:b])
        else:
            yield from (("gone", "".join(old[a:b])), ("new", "".join(new[c:d])))


def _joined(pieces: list[tuple[str, str]]) -> Iterator[Piece]:
    """A space that stayed between two words that did not is no news: one change is read more easily than three."""
    gone = new = ""
    for at, (kind, text) in enumerate(pieces):
        alone = (gone or new) and text.isspace() and "\n" not in text and _changes(pieces, at + 1)
        if kind == "same" and not alone:
            yield from _change(gone, new)
            gone = new = ""
            if text:
                yield Piece("same", text)
        else:
            gone += text if kind in ("gone", "same") else ""
            new += text if kind in ("new", "same") else ""
    yield from _change(gone, new)


def _changes(pieces: list[tuple[str, str]], at: int) -> bool:
    return at < len(pieces) and pieces[at][0] != "same"


def _change(gone: str, new: str) -> Iterator[Piece]:
    if gone:
        yield Piece("gone", gone)
    if new:
        yield Piece("new", new)


def versions(texts: Sequence[str]) -> list[list[Piece]]:
    """Each of these texts, oldest first, as a change of the one before it."""
    shown: list[list[Piece]] = []
    left = ALL_WORDS
    for at in range(len(texts) - 1, 0, -1):
        left -= len(texts[at])
        shown.append(compare(texts[at - 1], texts[at]) if left > -len(texts[at]) else [Piece("same", texts[at])])
    return [[Piece("same", texts[0])], *reversed(shown)] if texts else []
