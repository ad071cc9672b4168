"""Compares versions of a message: by words, or by characters in languages without spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

MAX_WORDS = 200  # between the common beginning and end of both texts; if there are more, all of them are one change
MAX_PAGE_CHARACTERS = 4_000  # code points compared for one page; older versions are shown without a diff

# Code points that belong to the character before them: accents, variation selectors, skin tones, letters of flags.
_MARKS = r"[\u0300-\u036f\u20d0-\u20ff\u3099\u309a\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
_LETTER = r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U000323af]"
# A word, white space, or one character with its marks; emoji that are joined, and the two letters of a flag, are one
# character. Thai, Burmese, Khmer, Japanese, Chinese and Korean are split by characters.
_WORD = re.compile(
    rf"(?:{_LETTER}{_MARKS})+|\s+|[\U0001f1e6-\U0001f1ff]{{2}}|.{_MARKS}(?:\u200d.{_MARKS})*",
    re.DOTALL,
)


class DiffPart(NamedTuple):
    """A part of the comparison of two texts. `kind` is "same", "removed" or "added"."""

    kind: str
    text: str


def diff_texts(before: str, after: str) -> list[DiffPart]:
    """Compares two texts. Returns a list of parts that are the same, removed or added, in the order of the text.

    The same and added parts together are the text `after`. The same and removed parts together are `before`.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    start = _common_prefix_length(old, new)
    end = _common_prefix_length(old[start:][::-1], new[start:][::-1])
    parts = [("same", "".join(old[:start]))]
    parts += _diff_words(old[start : len(old) - end], new[start : len(new) - end])
    parts.append(("same", "".join(old[len(old) - end :])))
    return list(_merge_changes(parts))


def _common_prefix_length(old: Sequence[str], new: Sequence[str]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))


def _diff_words(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    if max(len(old), len(new)) > MAX_WORDS:
        yield from (("removed", "".join(old)), ("added", "".join(new)))
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "same", "".join(old[i1:i2])
        else:
            yield from (("removed", "".join(old[i1:i2])), ("added", "".join(new[j1:j2])))


def _merge_changes(parts: list[tuple[str, str]]) -> Iterator[DiffPart]:
    """Yields the parts of a comparison of two texts (same, removed, added).

    Joins two changes that have only a space between them, because one change is easier to read.
    """
    removed = added = ""
    for index, (kind, text) in enumerate(parts):
        is_space_between = (removed or added) and text.isspace() and "\n" not in text and _is_change(parts, index + 1)
        if kind == "same" and not is_space_between:
            yield from _change(removed, added)
            removed = added = ""
            if text:
                yield DiffPart("same", text)
        else:
            removed += text if kind in ("removed", "same") else ""
            added += text if kind in ("added", "same") else ""
    yield from _change(removed, added)


def _is_change(parts: list[tuple[str, str]], index: int) -> bool:
    return index < len(parts) and parts[index][0] != "same"


def _change(removed: str, added: str) -> Iterator[DiffPart]:
    if removed:
        yield DiffPart("removed", removed)
    if added:
        yield DiffPart("added", added)


def diff_versions(texts: Sequence[str]) -> list[list[DiffPart]]:
    """Compares each version of a text with the version before it, and returns one diff per version, oldest first.

    To limit the time, only about MAX_PAGE_CHARACTERS characters are compared, beginning with the newest version. The
    diff of an older version that is not compared is its whole text, marked as "same".
    """
    diffs: list[list[DiffPart]] = []
    budget = MAX_PAGE_CHARACTERS
    for index in range(len(texts) - 1, 0, -1):
        text = texts[index]
        budget -= len(text)
        diffs.append(diff_texts(texts[index - 1], text) if budget > -len(text) else [DiffPart("same", text)])
    return [[DiffPart("same", texts[0])], *reversed(diffs)] if texts else []
