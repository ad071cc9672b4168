"""Rules for quotes and lists."""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock, blockquote, list_block, paragraph
from markdown_it.rules_core import StateCore

_QUOTE_LINE = re.compile(r">+(?=[ \t]|\Z)(?![\W_]*<(?:\s|\Z))")  # `> _ <` is a face
QUOTE_START = re.compile(rf"{_QUOTE_LINE.pattern}[ \t\u3000>]*[^\s>]")
_NUMBERS = r"\d+[.)][ \t]+\d+[.)](?:[ \t]|\Z)"  # `3. 2. 1. Go`, or in Korea the date `2026. 11. 30.`
ITEM_START = re.compile(rf"(?!{_NUMBERS})(?:[-+*]|(?:0|[1-9]\d{{0,8}})[.)])[ \t]+(?![-+*>_\s]*\Z)")
_LEADING_ZERO = re.compile(r"0\d+[.)]")


def get_line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def quote_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a quote of a message. The quote ends before the first line that does not begin with `> `."""
    if not QUOTE_START.match(get_line(state, start)):
        return False
    if silent:
        return True
    stop = start + 1
    while stop < end and state.sCount[stop] >= state.blkIndent and _QUOTE_LINE.match(get_line(state, stop)):
        stop += 1
    last_line, state.lineMax = state.lineMax, stop
    found = blockquote(state, start, stop, silent)
    state.lineMax = last_line
    return found


def list_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a list. The lines are a list only if the first item has a text, and if its number does not begin with 0.

    HTML would show the number `02.` as `2.`, so a line that begins with `02.` remains text. So does a line that begins
    with several numbers, such as a countdown or a date with spaces: it is not a list inside a list.
    """
    return ITEM_START.match(get_line(state, start)) is not None and list_block(state, start, end, silent)


def paragraph_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a paragraph. It keeps the ideographic spaces that indent its first line in Chinese and Japanese.

    The rule of markdown-it removes all kinds of white space from both ends.
    """
    found = paragraph(state, start, end, silent)
    state.tokens[-2].content = state.getLines(start, state.line, state.blkIndent, False).strip(" \t\n")
    return found


def item_end_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Returns True if a line ends the list item before it.

    A line that is not indented ends the item. A line that begins with a number such as `02.` ends the whole list.
    """
    if not silent:
        return False
    if state.parentType == "list":
        return _LEADING_ZERO.match(get_line(state, start)) is not None
    return state.sCount[start] < state.blkIndent


def list_numbers_rule(state: StateCore) -> None:
    """Sets `value` on list items whose number is not the previous number + 1, so that the typed number is shown."""
    expected: list[int] = []
    for token in state.tokens:
        if token.type in ("ordered_list_open", "bullet_list_open"):
            expected.append(int(token.attrs.get("start", 1)))
        elif token.type in ("ordered_list_close", "bullet_list_close"):
            expected.pop()
        elif token.type == "list_item_open" and token.info:
            number = int(token.info)
            if number != expected[-1]:
                token.attrs["value"] = number
            expected[-1] = number + 1
