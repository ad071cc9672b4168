"""Rules for backslashes. A backslash disappears only if it prevents formatting; otherwise it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.balance_pairs import processDelimiters
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from chat.text.markdown_rules.blocks import ITEM_START, QUOTE_START
from chat.text.markdown_rules.cost import ESCAPE_WORK, LABEL_WORK, spend
from chat.text.markdown_rules.emphasis import list_delimiter_lists, release_faces, scan_delimiters
from chat.text.markdown_rules.links import is_allowed_target, normalize_target

_ESCAPED_SIGNS = re.compile(r"\\([*_~])(?:\\\1)*")
_LINK_LIKE = re.compile(r"\\?\[(?:[^\[\]\n\\]|\\[\[\]]?){0,100}?\\?\]\\?\(([^()\s]*?)\\?\)")
_AUTOLINK_LIKE = re.compile(r"<[a-zA-Z][\w+.-]*[:@][^<>\s]*>")
_BACKTICK_PAIR = re.compile("`[^`]+`")
_MARKER_BEFORE = re.compile(r"(?:^|\n)[ \t]*(\d{0,9})\\\Z")


@dataclass(slots=True)
class EscapedDelimiter(Delimiter):
    """Signs of emphasis (such as `**`) with backslashes before them. `signs` are their parser tokens.

    They never become emphasis. The parser only finds out whether they would be emphasis without the backslashes.
    """

    signs: list[Token] = field(default_factory=list)


def escape_rule(state: StateInline, silent: bool) -> bool:
    """Parses a run of backslashes. If their number is odd, the last one may escape the character behind it."""
    start = end = state.pos
    if state.src[start] != "\\":
        return False
    while end < state.posMax and state.src[end] == "\\":
        end += 1
    is_odd = (end - start) % 2 == 1
    escaped = is_odd and end < state.posMax
    if escaped and _prevents_formatting(state, end):
        if not silent:
            state.append_pending(state.src[start : end - 1])
            _push_escaped(state, state.src[end])
        state.pos = end + 1
    elif escaped and (signs := _ESCAPED_SIGNS.match(state.src, end - 1, state.posMax)):
        if not silent:
            state.append_pending(state.src[start : end - 1])
            _push_escaped_signs(state, signs)
        state.pos = signs.end()
    else:
        if not silent:
            state.append_pending(state.src[start:end])
        state.pos = end
    return True


def _push_escaped(state: StateInline, char: str) -> Token:
    token = state.push("text_special", "", 0)
    token.content, token.markup, token.info = char, "\\" + char, "escape"
    return token


def _push_escaped_signs(state: StateInline, match: re.Match) -> None:
    sign, count = match[1], len(match[0]) // 2
    spend(state.env, ESCAPE_WORK * count)
    before, after = match.start(), match.end()
    while before > 0 and state.src[before - 1] == sign:
        before -= 1
    while after < state.posMax and state.src[after] == sign:
        after += 1
    length = count + match.start() - before + after - match.end()
    scanned = scan_delimiters(
        state.src[before - 1] if before else " ", sign, length, state.src[after : min(after + 2, state.posMax)] or " "
    )
    tokens = [_push_escaped(state, sign) for _ in range(count)]
    groups = [tokens] if sign == "~" else [[token] for token in tokens]
    first = len(state.tokens) - count
    for index, group in enumerate(groups):
        can_pair = sign != "~" or length >= 2
        state.delimiters.append(
            EscapedDelimiter(
                marker=ord(sign),
                length=0 if sign == "~" else length,
                token=first + index,
                end=-1,
                open=scanned.can_open and can_pair,
                close=scanned.can_close and can_pair,
                signs=group,
            )
        )


def _prevents_formatting(state: StateInline, position: int) -> bool:
    """Returns True if the backslash before `position` prevents formatting other than emphasis.

    That is the case if the character at `position` would begin or end such formatting without the backslash.
    """
    char, src = state.src[position], state.src
    if char in "-+*>.)" and (marker := _MARKER_BEFORE.search(src[max(position - 24, 0) : position])):
        line = f"{marker[1]}{src[position : _line_end(src, position)]}"
        if ITEM_START.match(line) or QUOTE_START.match(line):
            return True
    if char == "`":
        return _has_words_between_backticks(state)
    if char in "[](":
        return any(start <= position < end for start, end in _find_possible_links(state))
    if char == "<":
        return _AUTOLINK_LIKE.match(src, position) is not None
    return char == "@" and state.env.get("is_mention", _is_no_mention)(src, position)


def _line_end(src: str, position: int) -> int:
    end = src.find("\n", position)
    return len(src) if end < 0 else end


def _is_no_mention(_src: str, _position: int) -> bool:
    return False


def _has_words_between_backticks(state: StateInline) -> bool:
    return _remember(state, "backticks", lambda: _BACKTICK_PAIR.search(state.src) is not None)


def _find_possible_links(state: StateInline) -> list[tuple[int, int]]:
    """Returns the index ranges that Markdown would read as links if no character were escaped by a backslash."""

    def find() -> list[tuple[int, int]]:
        spend(state.env, LABEL_WORK * state.src.count("["))
        matches = _LINK_LIKE.finditer(state.src)
        return [match.span() for match in matches if is_allowed_target(normalize_target(match[1]))]

    return _remember(state, "links", find)


def _remember(state: StateInline, key: str, compute: Callable[[], Any]) -> Any:
    """Returns the value of `compute`, which is called only once for each paragraph. `key` is the name of the value."""
    kept = state.env.setdefault(key, {})
    if state.src not in kept:
        kept[state.src] = compute()
    return kept[state.src]


def resolve_escapes_rule(state: StateInline) -> None:
    """Shows a backslash before a sign such as `*` if the sign would not begin or end emphasis without the backslash."""
    for delimiters in list_delimiter_lists(state):
        if not any(isinstance(each, EscapedDelimiter) for each in delimiters):
            continue
        trial = [replace(each) for each in delimiters]
        processDelimiters(state, trial)
        release_faces(state.tokens, trial)
        paired = {id(each) for each in trial if each.end >= 0}
        paired |= {id(trial[each.end]) for each in trial if each.end >= 0}
        for each in trial:
            if isinstance(each, EscapedDelimiter) and id(each) not in paired:
                for token in each.signs:
                    token.content = token.markup
        delimiters[:] = [each for each in delimiters if not isinstance(each, EscapedDelimiter)]
