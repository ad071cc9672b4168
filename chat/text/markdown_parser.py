"""Parses the Markdown of messages: CommonMark with changes for chat and for East Asian languages.

Differences from CommonMark:

- Emphasis may begin and end next to East Asian punctuation, as in `**注意：**别忘了`.
- A backslash disappears only if it prevents formatting. Otherwise it is shown, as in `C:\\_new`.
- A quote needs a space after `>`. A line without `>` ends a quote, a line without indentation ends a list item.
- A code block begins with three backticks, and with nothing or the name of a programming language behind them. The
  three backticks that end it may stand behind the last line of code.
- Kaomoji (faces made of characters) such as `(*^_^*)` are not emphasis.

The work for one text is limited to MAX_WORK; see `TooComplex`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from markdown_it import MarkdownIt, helpers
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace, unescapeAll
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, autolink, link
from markdown_it.rules_inline.balance_pairs import processDelimiters
from markdown_it.rules_inline.state_inline import Delimiter, Scanned
from markdown_it.token import Token

from chat.text import link_safety
from chat.text.autolink import match_url
from chat.text.code_highlighting import LANGUAGE_NAMES
from chat.text.east_asian import PUNCTUATION, UNSPACED_LETTERS

_EAST_ASIAN_PUNCTUATION = re.compile(f"[{PUNCTUATION}]")
# The private characters are placeholders of mentions; see chat/text/markdown.py.
_OPENING_BRACKETS = "([{（［｛〔【〖〘〚「『｢《〈〝"
_CLOSING_BRACKETS = ")]}）］｝〕】〗〙〛」』｣》〉〞〟"
_EAST_ASIAN = re.compile(f"[{PUNCTUATION}{UNSPACED_LETTERS}\ue000\ue001]")


# ── Emphasis ────────────────────────────────────────────────────────────────────────────────────────────────────────
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
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end] if end < self.posMax else " "
        return scan_delimiters(before, self.src[start], end - start, after)


def scan_delimiters(before: str, sign: str, length: int, after: str) -> Scanned:
    """Returns whether emphasis can begin or end at `length` repetitions of a sign, such as `**`.

    This depends on the characters `before` and `after` them. A sign between two digits, as in `3*5` or `9~~10`, begins
    nothing. As on GitHub, only two `~` strike a text through; `~~~` is a long wave.
    """
    if sign == "~" and length != 2:
        return Scanned(False, False, length)
    if sign == "_":  # does not split words
        if length == 1 and _FACE_SIDE.match(before) and _FACE_SIDE.match(after):
            return Scanned(False, False, length)  # `^_^`
        md: Any = None
        return StateInline(f"{before}{sign * length}{after}", md, {}, []).scanDelims(1, False)
    if after in ".,;:!?" and not isWhiteSpace(ord(before)) and not _is_punctuation(before):
        can_open = False  # `是*.txt` is a file name
    elif before.isdecimal() and after.isdecimal():
        can_open = False
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
    """The inline parser of markdown-it, with `MessageInlineState`."""

    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = MessageInlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


# Eyes and cheeks of kaomoji on both sides of a mouth `_`.
_FACE_SIDE = re.compile(r"[\^\-=<>.;@*'|+\u00b0\u00b4\u02c7\u2022\u3002\u30fb\uff0d\uff1b\uff1d\uff3e\uff65\uffe3]")
# The words between two signs of emphasis that are a face: signs at both ends, and no two letters beside each other.
_FACE_EDGE = r"[^\s\w“‘「『《【（〈＂\U0001f000-\U0001ffff]|[_\u02b0-\u02ff]"
_FACE = re.compile(
    rf"(?!.*[^\W_\u02b0-\u02ff]{{2}})(?![(\[\"'][A-Za-z0-9\u3400-\u9fff][)\]\"']\Z)(?:{_FACE_EDGE})(?:.*(?:{_FACE_EDGE}))?"
)
# Half of a face, such as `(੭` in `*(੭*ˊᵕˋ)੭*`: a bracket is not closed.
_HALF_FACE = re.compile(r"(?!.*[A-Za-z0-9\u3400-\u9fff])(?:[^()]*\([^()]*|[^()]*\)[^()]*)")
# A face with eyes and mouth, such as `(>_<)` in `~~(>_<)~~`.
_WHOLE_FACE = re.compile(r"(?!.*[^\W_]{2})[^\s\w]*[\^><=;TtOoUu\-]?[_.ω﹏▽︿∇][\^><=;TtOoUu\-][^\s\w]*")
_MAX_FACE_LENGTH = 12


def _delimiter_lists(state: StateInline) -> list[list[Delimiter]]:
    return [state.delimiters, *(meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta)]


def _release_faces(tokens: list[Token], delimiters: list[Delimiter]) -> None:
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


def _faces_rule(state: StateInline) -> None:
    for delimiters in _delimiter_lists(state):
        _release_faces(state.tokens, delimiters)


# ── Backslashes ─────────────────────────────────────────────────────────────────────────────────────────────────────
_ESCAPED_SIGNS = re.compile(r"\\([*_~])(?:\\\1)*")
_LINK_LIKE = re.compile(r"\\?\[(?:[^\[\]\n\\]|\\[\[\]]?){0,100}?\\?\]\\?\(([^()\s]*?)\\?\)")
_AUTOLINK_LIKE = re.compile(r"<[a-zA-Z][\w+.-]*[:@][^<>\s]*>")
_ENTITY_LIKE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BACKTICK_PAIR = re.compile("`[^`]+`")
_MARKER_BEFORE = re.compile(r"(?:^|\n)[ \t]*(\d{0,9})\\\Z")


@dataclass(slots=True)
class EscapedDelimiter(Delimiter):
    """Signs of emphasis (such as `**`) with backslashes before them. `signs` are their parser tokens.

    They never become emphasis. The parser only finds out whether they would be emphasis without the backslashes.
    """

    signs: list[Token] = field(default_factory=list)


def _escape_rule(state: StateInline, silent: bool) -> bool:
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
        state.src[before - 1] if before else " ", sign, length, state.src[after] if after < state.posMax else " "
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
        if _ITEM_START.match(line) or _QUOTE_START.match(line):
            return True
    if char == "`":
        return _has_words_between_backticks(state)
    if char in "[](":
        return any(start <= position < end for start, end in _find_link_likes(state))
    if char == "<":
        return _AUTOLINK_LIKE.match(src, position) is not None
    if char == "&":
        return _ENTITY_LIKE.match(src, position) is not None
    return char == "@" and state.env.get("is_mention", _is_no_mention)(src, position)


def _line_end(src: str, position: int) -> int:
    end = src.find("\n", position)
    return len(src) if end < 0 else end


def _is_no_mention(_src: str, _position: int) -> bool:
    return False


def _has_words_between_backticks(state: StateInline) -> bool:
    return _remember(state, "backticks", lambda: _BACKTICK_PAIR.search(state.src) is not None)


def _find_link_likes(state: StateInline) -> list[tuple[int, int]]:
    """Returns the parts of the text, as index ranges, that would be links if the text had no backslashes."""

    def find() -> list[tuple[int, int]]:
        matches = _LINK_LIKE.finditer(state.src)
        return [match.span() for match in matches if _is_allowed_target(_normalize_target(match[1]))]

    return _remember(state, "links", find)


def _remember(state: StateInline, key: str, compute: Callable[[], Any]) -> Any:
    """Returns the value of `compute`, which is called only once for each paragraph. `key` is the name of the value."""
    kept = state.env.setdefault(key, {})
    if state.src not in kept:
        kept[state.src] = compute()
    return kept[state.src]


def _resolve_escapes_rule(state: StateInline) -> None:
    """Shows a backslash before a sign such as `*` if the sign would not begin or end emphasis without the backslash."""
    for delimiters in _delimiter_lists(state):
        if not any(isinstance(each, EscapedDelimiter) for each in delimiters):
            continue
        trial = [replace(each) for each in delimiters]
        processDelimiters(state, trial)
        _release_faces(state.tokens, trial)
        paired = {id(each) for each in trial if each.end >= 0}
        paired |= {id(trial[each.end]) for each in trial if each.end >= 0}
        for each in trial:
            if isinstance(each, EscapedDelimiter) and id(each) not in paired:
                for token in each.signs:
                    token.content = token.markup
        delimiters[:] = [each for each in delimiters if not isinstance(each, EscapedDelimiter)]


# ── URLs ────────────────────────────────────────────────────────────────────────────────────────────────────────────
_SCHEME = re.compile(r"(?:^|[^a-z0-9.+-])(https?)$", re.IGNORECASE)


def _linkify_rule(state: StateInline, silent: bool) -> bool:
    """Makes a link of a URL when the parser has reached its `://`.

    The characters of the scheme, such as `https`, are already in `state.pending`.
    """
    position = state.pos
    if silent or state.src[position] != ":" or state.linkLevel > 0 or not state.src.startswith("://", position):
        return False
    scheme = _SCHEME.search(state.src[max(position - 6, 0) : position])
    if not scheme or not state.pending.endswith(scheme[1]):
        return False
    start = position - len(scheme[1])
    url = match_url(state.src, start)
    before = state.src[start - 1 : start]
    if before in ("*", "~"):
        url = url.partition(before)[0]
    elif before == "_":
        url = url.rstrip("_")
    href = state.md.normalizeLink(url)
    if len(url) <= len(scheme[1]) + 3 or not state.md.validateLink(href):
        return False
    spend(state.env, LINK_WORK)
    state.pending = state.pending[: -len(scheme[1])]
    opening = state.push("link_open", "a", 1)
    opening.attrs, opening.markup, opening.info = {"href": href}, "linkify", "auto"
    state.push("text", "", 0).content = url
    closing = state.push("link_close", "a", -1)
    closing.markup, closing.info = "linkify", "auto"
    state.pos = start + len(url)
    return True


def _links_rule(state: StateCore) -> None:
    for token in state.tokens:
        if token.children and any(child.type == "link_open" for child in token.children):
            token.children = link_safety.annotate_links(token.children)


# A link target without scheme: a host such as `www.example.com/page`, or an e-mail address.
_HOST_TARGET = re.compile(r"(?:[^\W_][\w-]*\.)+[^\W\d_]{2,}(?::\d{1,5})?(?:[/?#].*)?", re.DOTALL)
_EMAIL_TARGET = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")
_HTTP_TARGET = re.compile(r"(https?):/?(?=[^/\\?#\s])", re.IGNORECASE)


def _normalize_target(url: str) -> str:
    """Returns the target of a link as it goes into the HTML. A host without scheme gets `https://`.

    `http:example.com` gets its missing slashes, because a browser would open it as a path of this site.
    """
    if match := _HTTP_TARGET.match(url):
        url = f"{match[1]}://{url[match.end() :]}"
    elif url.startswith("//"):
        url = f"https:{url}"
    elif _HOST_TARGET.fullmatch(url):
        url = f"https://{url}"
    elif _EMAIL_TARGET.fullmatch(url):
        url = f"mailto:{url}"
    return normalizeLink(url)


def _is_allowed_target(url: str) -> bool:
    """Returns True if a link in a message may open `url`: with `http`, `https` or `mailto`, or a path of this site.

    A link to another target, such as `word`, would open a page of this site that does not exist.
    """
    return re.match(r"https?://[^/?#\s]|mailto:[^?#\s]|/", url, re.IGNORECASE) is not None


class _NoTarget(Exception):
    """Raised for a link without target, such as `[word]()`. It would open the same page again."""


_MAX_BRACKETS = 8  # nested in the target of a link
_TARGET_PART = re.compile(r"(?:[^\x00-\x20\x7f()\\]|\\[^ ])*+")  # without brackets


def _parse_target(text: str, start: int, end: int) -> Any:
    """Parses the target of a link, such as `(https://example.org)` without its outer brackets.

    The function of markdown-it reads one character after the other, which makes it slow for targets without an end.
    """
    if text.startswith("<", start):
        target = helpers.parseLinkDestination(text, start, end)
        if not target.str:
            raise _NoTarget
        return target
    level, position = 0, start
    while (position := _match_end(text, position, end)) < end and text[position] in "()":
        level += 1 if text[position] == "(" else -1
        if level < 0:
            break
        if level > _MAX_BRACKETS:
            raise _NoTarget
        position += 1
    if position in (start, end) or level > 0:
        raise _NoTarget
    return SimpleNamespace(ok=True, pos=position, str=unescapeAll(text[start:position]))


def _match_end(text: str, start: int, end: int) -> int:
    match = _TARGET_PART.match(text, start, end)
    return match.end() if match else start


def _link_rule(state: StateInline, silent: bool) -> bool:
    """Parses a link such as `[word](https://example.org)`. A link without target remains text."""
    start = state.pos
    try:
        found = link(state, silent)
    except _NoTarget:
        state.pos = start
        return False
    if found and not silent:
        spend(state.env, TARGET_WORK)
    return found


def _autolink_rule(state: StateInline, silent: bool) -> bool:
    """Parses a link such as `<https://example.org>`."""
    found = autolink(state, silent)
    if found and not silent:
        spend(state.env, LINK_WORK)
    return found


# ── Blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────
_FENCE = re.compile(r"(`{3,})[ \t]*([^`]*)")
_FENCE_END = re.compile(r"[^`]*(`{3,})[ \t]*")
_QUOTE_LINE = re.compile(r">+(?=[ \t]|\Z)(?![\W_]*<(?:\s|\Z))")  # `> _ <` is a face
_QUOTE_START = re.compile(rf"{_QUOTE_LINE.pattern}[ \t>]*[^\s>]")
_ITEM_START = re.compile(r"(?:[-+*]|(?:0|[1-9]\d{0,8})[.)])[ \t]+(?![-+*>_\s]*\Z)")
_LEADING_ZERO = re.compile(r"0\d+[.)]")


def _get_line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _quote_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a quote of a message. The quote ends before the first line that does not begin with `> `."""
    if not _QUOTE_START.match(_get_line(state, start)):
        return False
    if silent:
        return True
    stop = start + 1
    while stop < end and state.sCount[stop] >= state.blkIndent and _QUOTE_LINE.match(_get_line(state, stop)):
        stop += 1
    last_line, state.lineMax = state.lineMax, stop
    found = blockquote(state, start, stop, silent)
    state.lineMax = last_line
    return found


def _list_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a list. The lines are a list only if the first item has a text, and if its number does not begin with 0.

    HTML would show the number `02.` as `2.`, so a line that begins with `02.` remains text.
    """
    return _ITEM_START.match(_get_line(state, start)) is not None and list_block(state, start, end, silent)


def _item_end_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Returns True if a line ends the list item before it.

    A line that is not indented ends the item. A line that begins with a number such as `02.` ends the whole list.
    """
    if not silent:
        return False
    if state.parentType == "list":
        return _LEADING_ZERO.match(_get_line(state, start)) is not None
    return state.sCount[start] < state.blkIndent


def _fence_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a code block between two lines of backticks. A block without code becomes text.

    After its backticks, the first line may have the name of a programming language. If it has other words, they become
    the first line of the code. But if the closing line of backticks is missing, a block with such words becomes normal
    text.
    """
    match = _FENCE.fullmatch(_get_line(state, start))
    if not match:
        return False
    words = match[2].strip()
    language = words.lower() if words.lower() in LANGUAGE_NAMES else ""
    if silent and (language or not words):
        return True
    stop, is_closed = _find_fence_end(state, start, end, len(match[1]))
    if words and not language and not is_closed:
        return False
    if silent:
        return True
    state.line = stop + 1 if is_closed else stop
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
        text = _get_line(state, line)
        if text and state.sCount[line] < state.blkIndent:
            return line, False
        closing = _FENCE_END.fullmatch(text)
        if closing and len(closing[1]) >= length:
            return line, True
    failed[key] = length
    return end, False


def _list_numbers_rule(state: StateCore) -> None:
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


# ── Cost ────────────────────────────────────────────────────────────────────────────────────────────────────────────
MAX_WORK = 3_000  # steps of the parser; about 4 µs each
ESCAPE_WORK, TARGET_WORK, BLOCK_WORK, LINK_WORK = 2, 4, 6, 12  # steps that an escaped sign, a link … counts as


class TooComplex(Exception):
    """Raised if a text has so much formatting that parsing would take too long.

    The text is then shown without formatting.
    """


def spend(env: MutableMapping[str, Any], work: int) -> None:
    env["work"] = env.get("work", 0) + work
    if env["work"] > MAX_WORK:
        raise TooComplex


def _inline_work_rule(state: StateInline, silent: bool) -> bool:
    spend(state.env, 1)
    return False


def _block_work_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    spend(state.env, BLOCK_WORK)
    return False


# ── The parser ──────────────────────────────────────────────────────────────────────────────────────────────────────
def create_parser(max_nesting: int) -> MarkdownIt:
    parser: Any = MarkdownIt("commonmark")
    parser.inline = MessageInlineParser()
    parser.configure("commonmark", {"html": False, "breaks": True, "linkify": True, "maxNesting": max_nesting})
    parser.enable(["strikethrough", "linkify"])
    parser.disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "code", "reference"])
    parser.helpers = SimpleNamespace(**{**vars(helpers), "parseLinkDestination": _parse_target})
    parser.normalizeLink = _normalize_target
    parser.validateLink = _is_allowed_target
    parser.normalizeLinkText = str  # URLs are shown as they were written
    inline, pairs, block = parser.inline.ruler, parser.inline.ruler2, parser.block.ruler
    inline.before("text", "work", _inline_work_rule)
    inline.at("linkify", _linkify_rule)
    inline.at("link", _link_rule)
    inline.at("autolink", _autolink_rule)
    inline.at("escape", _escape_rule)
    pairs.before("balance_pairs", "escapes", _resolve_escapes_rule)
    pairs.after("balance_pairs", "faces", _faces_rule)
    block.before("fence", "work", _block_work_rule)
    block.at("fence", _fence_rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("blockquote", _quote_rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("list", _list_rule, {"alt": ["paragraph", "reference", "blockquote"]})
    block.before("paragraph", "item_end", _item_end_rule, {"alt": ["paragraph", "list"]})
    parser.core.ruler.disable("linkify")  # it would also link `www.example.com` and e-mail addresses
    parser.core.ruler.push("links", _links_rule)
    parser.core.ruler.push("list_numbers", _list_numbers_rule)
    return parser
