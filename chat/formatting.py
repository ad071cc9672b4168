"""Markdown to HTML, once, when a message is written. What comes out is stored and needs no more cleaning.

A chat is not a document: emphasis, strike-through, code, links, lists and quotes; no headings, pictures, tables or
HTML. Line ends are kept. Mentions of members are found here too, and not inside code or link addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

import nh3
from markdown_it import MarkdownIt

from accounts.names import skeleton
from accounts.shapes import UserShape
from chat.shapes import MentionShape

EVERYBODY = "all"

# An `@`, what stands before it, and the run of characters after it in which a name may be.
_AT = re.compile(r"(?<![@/.\\-])@([^\s@/]{1,60})(?!@)")
# Addresses, and what is being written as one: an `@` in them names nobody.
_ADDRESS = re.compile(r"(?:://|mailto:|\]\()[^\s()<>\[\]，。！？；：、（）《》【】“”]*", re.IGNORECASE)
# Letters of languages that are written without spaces, or with endings joined to names: Thai to Burmese, Khmer,
# Chinese, Japanese, Korean. Between these and others, and among themselves, a name may end and words go on.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
# Between two private code points stands the number of a mention while Markdown is at work. The word before it is
# this process's own, so that nobody can write such a place.
_OPEN, _CLOSE = "\ue000", "\ue001"
_WORD = secrets.token_hex(8)
_PLACE = re.compile(f"{_OPEN}{_WORD}(\\d+){_CLOSE}")
_PLACE_QUOTED = re.compile(f"%EE%80%80{_WORD}(\\d+)%EE%80%81")
# Without any of these a body is plain text, as most messages in any chat are, and Markdown need not be asked.
_SIGNS = re.compile(r"[*_`~\[\]<>\\&]|://|mailto:|^[ \t]|^[+\-=]|^\d{1,9}[.)]", re.MULTILINE | re.IGNORECASE)
_DEEPEST = 20  # quotes and lists inside each other; what is deeper Markdown would leave out

_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True, "maxNesting": 20})
    .enable(["strikethrough", "linkify"])
    .disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "code", "reference"])
)
assert _markdown.linkify
_markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})

_TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li", "blockquote", "span"}
_ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}, "span": {"class", "data-user-id"}}


def _text_rule(renderer, tokens, index, options, env) -> str:
    """Ordinary text: here, and only here, a mention becomes one."""

    def mention(match: re.Match) -> str:
        number = int(match[1])
        env["seen"].add(number)
        return env["spans"][number]

    return _PLACE.sub(mention, escape(tokens[index].content, quote=False))


_markdown.add_render_rule("text", _text_rule)


def render(body: str, members: Mapping[str, UserShape], *, everybody: bool = False) -> tuple[str, list[MentionShape]]:
    """HTML of a body, and whom it mentions. `members` by `accounts.names.skeleton` of the user name.

    `everybody`: whether `@all` counts (its writer is an admin of a group).
    """
    found = _find(body, members, everybody) if "@" in body else []
    if not found and not _SIGNS.search(body):
        return _plain(body), []
    seen: set[int] = set()
    env = {"seen": seen, "spans": [span for _, span in found]}
    html = _markdown.render(_marked(body, found), env)
    if found:  # those in code or in an address are words again
        words = [escape(body[mention.start : mention.end]) for mention, _ in found]
        html = _PLACE.sub(lambda match: words[int(match[1])], html)
        html = _PLACE_QUOTED.sub(lambda match: words[int(match[1])], html)
    return _clean(html), [mention for number, (mention, _) in enumerate(found) if number in seen]


def named_in(body: str) -> set[str]:
    """The keys of all names that this body could mention: what to look up before `render`."""
    if "@" not in body:
        return set()
    return {skeleton(shorter) for match in _MENTION.finditer(body) for shorter in _shortenings(match[1])}


def _shortenings(name: str) -> list[str]:
    """`小千你好` may be `小千` and words that follow: Chinese is written without spaces. Longest first."""
    if name.isascii():
        return [name]
    ends = [end for end in range(len(name), 1, -1) if end == len(name) or not name[end].isascii()]
    return [name[:end] for end in ends if name[end - 1] not in ".-_"]


def _find(body: str, members: Mapping[str, UserShape], everybody: bool) -> list[tuple[MentionShape, str]]:
    found = []
    for match in _MENTION.finditer(body):
        if everybody and match[1].lower() == EVERYBODY:
            span = f'<span class="mention" data-user-id="all">@{EVERYBODY}</span>'
            found.append((MentionShape(None, match.start(), match.end()), span))
            continue
        for name in _shortenings(match[1]):
            if user := members.get(skeleton(name)):
                span = f'<span class="mention" data-user-id="{user.id}">@{escape(name)}</span>'
                found.append((MentionShape(user.id, match.start(), match.start() + 1 + len(name)), span))
                break
    return found


def _marked(body: str, found: list[tuple[MentionShape, str]]) -> str:
    """The body with a place held for each mention. What a writer put there of our two code points is dropped."""
    pieces, at = [], 0
    for number, (mention, _) in enumerate(found):
        pieces += [_without_places(body[at : mention.start]), f"{_OPEN}{number}{_CLOSE}"]
        at = mention.end
    return _line_ends("".join([*pieces, _without_places(body[at:])]))


def _without_places(text: str) -> str:
    return text.replace(_OPEN, "").replace(_CLOSE, "")


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(body: str) -> str:
    """The same as Markdown would make of it, without asking."""
    paragraphs = re.split(r"\n(?:[ \t]*\n)+", _without_places(_line_ends(body)).strip("\n"))
    return "".join(
        "<p>" + "<br>\n".join(line.rstrip(" \t") for line in paragraph.split("\n")) + "</p>\n"
        for paragraph in paragraphs
        if paragraph
    )


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
        attribute_filter=_keep,
    )


def _keep(tag: str, name: str, value: str) -> str | None:
    if (tag, name) == ("code", "class"):
        return value if re.fullmatch(r"language-[\w+#.-]{1,30}", value) else None
    if (tag, name) == ("span", "class"):
        return value if value == "mention" else None
    return value
