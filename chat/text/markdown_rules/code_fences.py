"""The rule for code blocks between two lines of backticks."""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock

from chat.text.code_highlighting import LANGUAGE_NAMES
from chat.text.markdown_rules.blocks import get_line

_FENCE = re.compile(r"(`{3,})[ \t]*([^`]*)")
_FENCE_END = re.compile(r"[^`]*(`{3,})[ \t]*")
_FENCE_END_BEFORE_WORDS = re.compile(r"(`{3,}[ \t]*)[^`\s][^`]*")


def fence_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a code block between two lines of backticks. A block without code becomes text.

    After its backticks, the first line may have the name of a programming language. If it has other words, they become
    the first line of the code. But if the closing line of backticks is missing, a block with such words becomes normal
    text. If the only line that could close a block has words behind its backticks, they become the text after the code.
    """
    match = _FENCE.fullmatch(get_line(state, start))
    if not match:
        return False
    words = match[2].strip()
    language = words.lower() if words.lower() in LANGUAGE_NAMES else ""
    if silent and (language or not words):
        return True
    stop, is_closed = _find_fence_end(state, start, end, len(match[1]))
    if not is_closed and (language or not words):
        stop, words_start = _find_fence_end_before_words(state, start, stop, len(match[1]))
    else:
        words_start = 0
    if words and not language and not is_closed:
        return False
    if silent:
        return True
    state.line = stop + 1 if is_closed else stop
    if words_start:
        state.bMarks[stop], state.tShift[stop], state.sCount[stop] = words_start, 0, state.blkIndent
    code = state.getLines(start + 1, stop, state.sCount[start], True)
    if is_closed and (last := state.getLines(stop, stop + 1, state.sCount[start], False).rstrip("` \t")):
        code += f"{last}\n"
    if words and not language:
        code = f"{words}\n{code}"
    if code.strip():
        token = state.push("fence", "code", 0)
        token.info, token.content = language, code
    else:
        token = state.push("typed_text", "", 0)
        token.content = state.getLines(start, state.line, state.sCount[start], False)
    token.map = [start, state.line]
    return True


def _find_fence_end(state: StateBlock, start: int, end: int, length: int) -> tuple[int, bool]:
    """Returns the number of the line at which a code block ends, and True if this line is its closing line.

    The closing line has at least `length` backticks at its end; the code before them belongs to the block. Without such
    a line, the code block is not closed.
    """
    failed = state.env.setdefault("unclosed_fences", {})  # the shortest fence that was not closed, by end of the search
    key = (end, state.blkIndent)
    if failed.get(key, length + 1) <= length:
        return end, False
    for line in range(start + 1, end):
        text = get_line(state, line)
        if text and state.sCount[line] < state.blkIndent:
            return line, False
        closing = _FENCE_END.fullmatch(text)
        if closing and len(closing[1]) >= length:
            return line, True
    failed[key] = length
    return end, False


def _find_fence_end_before_words(state: StateBlock, start: int, end: int, length: int) -> tuple[int, int]:
    """Returns the number of the line whose backticks end a code block, and the index of the words behind them.

    Without such a line it returns (`end`, 0). The name of a programming language begins another block instead.
    """
    for line in range(start + 1, end):
        text = get_line(state, line)
        match = _FENCE_END_BEFORE_WORDS.fullmatch(text)
        if match and match[1].count("`") >= length and text[match.end(1) :].strip().lower() not in LANGUAGE_NAMES:
            return line, state.bMarks[line] + state.tShift[line] + match.end(1)
    return end, 0
