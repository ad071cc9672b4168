"""Rules for emphasis (`*`, `**`, `_`, `~~`) beside East Asian characters, and for kaomoji (faces of characters)."""

from __future__ import annotations

import re
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.rules_inline.state_inline import Delimiter, Scanned
from markdown_it.token import Token

from chat.text.east_asian import PUNCTUATION, UNSPACED_LETTERS
from chat.text.markdown_rules.cost import CODE_WORK, EMPHASIS_WORK, SKIP_WORK, spend

_EAST_ASIAN_PUNCTUATION = re.compile(f"[{PUNCTUATION}]")
# The private characters are placeholders of mentions; see chat/text/markdown.py.
_OPENING_BRACKETS = "([{（［｛〔【〖〘〚「『｢《〈〝"
_SEPARATORS = "，、；：。"
_CLOSING_BRACKETS = ")]}）］｝〕】〗〙〛」』｣》〉〞〟"
_EAST_ASIAN = re.compile(f"[{PUNCTUATION}{UNSPACED_LETTERS}\ue000\ue001]")


_FILE_SUFFIX = re.compile(r"\.[A-Za-z0-9]")


class MessageInlineState(StateInline):
    """The state of the inline parser of markdown-it. It changes where emphasis (`*`, `**`, `~~`) may begin and end.

    CommonMark allows no emphasis to begin or end between punctuation and a letter. This is wrong for Chinese, which has
    no spaces between words. So this rule is not applied to East Asian punctuation, nor to any punctuation beside an
    East Asian character.
    """

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        spend(self.env, EMPHASIS_WORK * (end - start + 1))
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end : min(end + 2, self.posMax)] or " "
        return scan_delimiters(before, self.src[start], end - start, after)


def scan_delimiters(before: str, sign: str, length: int, after: str) -> Scanned:
    """Returns whether emphasis can begin or end at `length` repetitions of a sign, such as `**`.

    This depends on the character `before` them and the one or two characters `after` them. A sign between two digits,
    as in `3*5` or `9~~10`, begins nothing. As on GitHub, only two `~` strike a text through; `~~~` is a long wave.
    """
    is_before_suffix = _FILE_SUFFIX.match(after) is not None
    if sign * length == "*" and is_before_suffix and (isWhiteSpace(ord(before)) or _is_punctuation(before)):
        return Scanned(False, False, length)  # `*.js` in `*.py、*.js`
    after = after[0]
    if sign == "~" and length != 2:
        return Scanned(False, False, length)
    if sign == "_":  # does not split words
        if length == 1 and _FACE_SIDE.match(before) and _FACE_SIDE.match(after):
            return Scanned(False, False, length)  # `^_^`
        md: Any = None
        scanned = StateInline(f"{before}{sign * length}{after}", md, {}, []).scanDelims(1, False)
        return scanned._replace(can_close=scanned.can_close and not is_before_suffix)  # `__init__.py`
    if after in ".,;:!?" and not isWhiteSpace(ord(before)) and not _is_punctuation(before):
        can_open = False  # `是*.txt` is a file name
    elif before.isdecimal() and after.isdecimal():
        can_open = False
    elif sign == "*" and after in _SEPARATORS and not isWhiteSpace(ord(before)) and not _is_punctuation(before):
        can_open = False  # `张**，李**` hides names
    else:
        can_open = after not in _CLOSING_BRACKETS and _may_stand_between(before, after)
    if sign * length == "*" and before.isdecimal() and after.isdecimal():
        return Scanned(False, False, length)
    can_close = before not in _OPENING_BRACKETS and _may_stand_between(after, before)
    return Scanned(can_open, can_close, length)


def _may_stand_between(outer: str, inner: str) -> bool:
    """Returns True if a sign of emphasis such as `*` may stand between the characters `outer` and `inner`.

    `inner` is the character next to the sign inside the emphasis, `outer` the one outside.
    """
    if isWhiteSpace(ord(inner)):
        return False
    if not _is_punctuation(inner) or _EAST_ASIAN_PUNCTUATION.match(inner):
        return True
    return isWhiteSpace(ord(outer)) or _is_punctuation(outer) or _EAST_ASIAN.match(outer) is not None


def _is_punctuation(char: str) -> bool:
    return isMdAsciiPunct(ord(char)) or isPunctChar(char)


class MessageInlineParser(ParserInline):
    """The inline parser of markdown-it, with `MessageInlineState`. Skipping known tokens counts as work, too."""

    def skipToken(self, state: StateInline) -> None:
        if state.pos in state.cache:
            spend(state.env, SKIP_WORK)
        super().skipToken(state)

    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = MessageInlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


# Eyes and cheeks of kaomoji on both sides of a mouth `_`.
_FACE_SIDE = re.compile(
    r"[\^\-=<>.;@*'|+~\u00b0\u00b4\u02c7\u2022\u3002\u30fb\uff0d\uff1b\uff1d\uff3e\uff5e\uff65\uffe3]"
)
# The words between two signs of emphasis that are a face: signs at both ends, and no two letters beside each other.
_FACE_EDGE = r"[^\s\w“‘「『《【（〈＂\U0001f000-\U0001ffff]|[_\u02b0-\u02ff]"
_FACE = re.compile(
    rf"(?!.*[^\W_\u02b0-\u02ff]{{2}})(?![(\[\"'][A-Za-z0-9\u3400-\u9fff][)\]\"']\Z)(?:{_FACE_EDGE})(?:.*(?:{_FACE_EDGE}))?"
)
# Half of a face, such as `(੭` in `*(੭*ˊᵕˋ)੭*`: a bracket is not closed.
_HALF_FACE = re.compile(r"(?!.*[A-Za-z0-9\u3400-\u9fff])(?:[^()]*\([^()]*|[^()]*\)[^()]*)")
# A face with eyes and mouth, such as `(>_<)` in `~~(>_<)~~`.
_WHOLE_FACE = re.compile(r"(?!.*[^\W_]{2})[^\s\w]*[\^><=;TtOoUu\-]?[_.ω﹏▽︿∇][\^><=;TtOoUu\-][^\s\w]*")
_MAX_FACE_LENGTH = 20
# The parts of a face with the cheeks ´ and `, such as (´・ω・`), before and behind its backtick.
_FACE_BEFORE_BACKTICK = re.compile(r"[(（][^()（）`\n]{0,9}\Z")
_FACE_BEHIND_BACKTICK = re.compile(r"[^()（）`\n]{0,9}[)）]")


def backticks_rule(state: StateInline, silent: bool) -> bool:
    """Parses code between backticks. The backtick of a face such as (´・ω・`) begins no code."""
    if not _is_in_face(state.src, state.pos):
        if not silent:
            spend(state.env, CODE_WORK)
        return backtick(state, silent)
    if not silent:
        state.pending += "`"
    state.pos += 1
    return True


def _is_in_face(src: str, position: int) -> bool:
    before = _FACE_BEFORE_BACKTICK.search(src[max(position - 10, 0) : position])
    behind = _FACE_BEHIND_BACKTICK.match(src, position + 1) if src[position] == "`" and before else None
    return before is not None and behind is not None and "´" in before[0] + behind[0]


def list_delimiter_lists(state: StateInline) -> list[list[Delimiter]]:
    return [state.delimiters, *(meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta)]


def release_faces(tokens: list[Token], delimiters: list[Delimiter]) -> None:
    """Finds signs such as `*` that belong to a kaomoji (a face such as `(*^_^*)`), so that they are shown as typed.

    Without this, two such signs would be a pair that begins and ends emphasis.
    """
    for opener in delimiters:
        closer = delimiters[opener.end]
        if opener.end < 0 or opener.length > 1 or closer.token - opener.token > _MAX_FACE_LENGTH + 1:
            continue
        inside = "".join(token.content for token in tokens[opener.token + 1 : closer.token])
        patterns = (_FACE, _HALF_FACE) if opener.length == closer.length == 1 else (_WHOLE_FACE,)
        if len(inside) <= _MAX_FACE_LENGTH and any(pattern.fullmatch(inside) for pattern in patterns):
            opener.end = -1


def faces_rule(state: StateInline) -> None:
    for delimiters in list_delimiter_lists(state):
        release_faces(state.tokens, delimiters)
