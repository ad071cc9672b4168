"""Markdown to HTML, once, when a message is written. What comes out is stored and needs no more cleaning.

A chat is not a document: emphasis, strike-through, code, links, lists and quotes; no headings, pictures, tables or
HTML. Line ends are kept. Mentions of members are found here too, and not inside code or link addresses.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from html import escape
from itertools import takewhile
from typing import Any
from unicodedata import category

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.linkify import linkify

from accounts.schemas import UserSchema
from accounts.text.usernames import LONGEST, SHORTEST, is_name_character, skeleton
from chat.schemas import MentionSchema
from chat.text import link_safety
from chat.text.code_highlighting import highlighted

EVERYBODY = "all"

# An `@`, what stands before it, and the run of characters after it in which a name may be.
_AT = re.compile(r"(?<![@/.\\-])@([^\s@/]{1,60})")
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
# Without any of these a body is plain text, as most messages in any chat are, and Markdown need not be asked. The
# last are white space of other kinds, which Markdown trims, and the sanitiser writes, in its own ways.
_SIGNS = re.compile(
    r"[*_`~\[\]<>\\&]|://|mailto:|^ |^[+\-=]|^\d{1,9}[.)]|[^\S \n]|[\x00\ufeff]", re.MULTILINE | re.IGNORECASE
)
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}")  # as it is named behind a fence
_SPANS = {"mention", "host", *(f"t-{kind}" for kind in "cdfikns")}
_DEEPEST = 20  # quotes and lists inside each other; what is deeper Markdown would leave out

_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True, "maxNesting": _DEEPEST})
    .enable(["strikethrough", "linkify"])
    .disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "code", "reference"])
)
assert _markdown.linkify is not None
_markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})

_TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li", "blockquote", "span"}
_ATTRIBUTES = {
    "a": {"href", "title", "class", "target"},
    "code": {"class"},
    "ol": {"start"},
    "pre": {"data-language"},
    "span": {"class", "data-user-id"},
}


def _text_rule(renderer, tokens, index, options, env) -> str:
    """Ordinary text: here, and only here, a mention becomes one."""

    def mention(match: re.Match) -> str:
        number = int(match[1])
        env["seen"].add(number)
        return env["spans"][number]

    return _PLACE.sub(mention, escape(tokens[index].content, quote=False))


def _fence_rule(renderer, tokens, index, options, env) -> str:
    """Code, with its language where one is said. No mention stands in it, so their places are words again."""
    token = tokens[index]
    code = token.content
    if env.get("words"):
        code = _PLACE.sub(lambda match: env["words"][int(match[1])], code)
    language = token.info.split(maxsplit=1)[0].lower() if token.info.strip() else ""
    if not _LANGUAGE.fullmatch(language):
        return f"<pre><code>{escape(code, quote=False)}</code></pre>\n"
    said = highlighted(code, language) or escape(code, quote=False)
    return f'<pre data-language="{language}"><code class="language-{language}">{said}</code></pre>\n'


def _links_rule(state: StateCore) -> None:
    """What links say of themselves."""
    for token in state.tokens:
        if token.children and any(child.type == "link_open" for child in token.children):
            token.children = link_safety.mark(token.children)


_SCHEME = re.compile(r"(?:^|[^a-z0-9.+-])(?:https?|ftp)$", re.IGNORECASE)


def _linkify_rule(state: StateInline, silent: bool) -> bool:
    """The library's, asked only behind a scheme that it knows: it searches all that it has read, at each `://`."""
    if state.src[state.pos] != ":" or not _SCHEME.search(state.src[max(state.pos - 6, 0) : state.pos]):
        return False
    return linkify(state, silent)


_markdown.add_render_rule("text", _text_rule)
_markdown.add_render_rule("fence", _fence_rule)
_markdown.core.ruler.push("links", _links_rule)
_markdown.inline.ruler.at("linkify", _linkify_rule)


def render(body: str, members: Mapping[str, UserSchema], *, everybody: bool = False) -> tuple[str, list[MentionSchema]]:
    """HTML of a body, and whom it mentions. `members` by `accounts.text.usernames.skeleton` of the user name.

    `everybody`: whether `@all` counts (its writer is an admin of a group).
    """
    found = _find(body, members, everybody) if "@" in body else []
    text = _line_ends(body)
    if not found and not _SIGNS.search(text):
        return _plain(text), []
    names = [body[mention.start : mention.end] for mention, _ in found]
    env: dict[str, Any] = {"seen": set(), "spans": [span for _, span in found], "words": names}
    tokens = _markdown.parse(_marked(body, found) if found else text, env)
    if any(token.level >= _DEEPEST - 1 for token in tokens):
        return _clean(_plain(escape(text, quote=False))), []
    html = _markdown.renderer.render(tokens, _markdown.options, env)
    if found:  # those in code or in an address are words again
        words = [escape(name) for name in names]
        html = _PLACE.sub(lambda match: words[int(match[1])], html)
        html = _PLACE_QUOTED.sub(lambda match: words[int(match[1])], html)
        if _WORD in html:  # a place within the host of some address, and now a part of its spelling
            return render(body, {})
    return _clean(html), [mention for number, (mention, _) in enumerate(found) if number in env["seen"]]


# ── Mentions ─────────────────────────────────────────────────────────────────────────────────────────────────────
def named_in(body: str) -> set[str]:
    """The keys of all names that this body could mention: what to look up before `render`."""
    if "@" not in body:
        return set()
    return {skeleton(name) for _start, names in _candidates(body) for name in names}


def _candidates(body: str) -> Iterator[tuple[int, list[str]]]:
    """Where an `@` may name somebody, and the names that it may be, the longest first."""
    addresses = [match.span() for match in _ADDRESS.finditer(body)]
    for match in _AT.finditer(body):
        start = match.start()
        before = body[:start].rstrip("_")[-1:]  # `_@alice_` is emphasis
        if before and is_name_character(before) and not _UNSPACED.match(before):
            continue  # inside a word, or an e-mail address
        while addresses and addresses[0][1] <= start:
            addresses.pop(0)
        if addresses and addresses[0][0] <= start:
            continue
        run = "".join(takewhile(is_name_character, match[1]))
        if body[start + 1 + len(run) :][:1] == "@" and not _UNSPACED.match(run[-1:]):
            continue  # `@alice@example.org` is somebody elsewhere
        if names := _shortenings(run):
            yield start, names


def _shortenings(run: str) -> list[str]:
    """`小千你好` may be `小千` and words that follow: Chinese is written without spaces. Longest first."""
    ends = [len(run)]
    ends += [
        end
        for end in range(len(run) - 1, SHORTEST - 1, -1)
        if (_UNSPACED.match(run[end]) or _UNSPACED.match(run[end - 1])) and category(run[end])[0] != "M"
    ]
    names = []
    for end in ends:
        name = run[:end].rstrip(".-")  # the end of a sentence
        names.append(name)
        while name.endswith("_"):  # perhaps the end of emphasis
            names.append(name := name[:-1])
    return [name for name in dict.fromkeys(names) if SHORTEST <= len(name) <= LONGEST]


def _find(body: str, members: Mapping[str, UserSchema], everybody: bool) -> list[tuple[MentionSchema, str]]:
    found = []
    for start, names in _candidates(body) if members or everybody else ():
        for name in names:
            user = members.get(skeleton(name))
            if user is None and not (everybody and name.lower() == EVERYBODY):
                continue
            user_id = user.id if user else None
            span = f'<span class="mention" data-user-id="{user_id or EVERYBODY}">@{escape(name)}</span>'
            found.append((MentionSchema(user_id, start, start + 1 + len(name)), span))
            break
    return found


def _marked(body: str, found: list[tuple[MentionSchema, str]]) -> str:
    """The body with a place held for each mention."""
    pieces, at = [], 0
    for number, (mention, _) in enumerate(found):
        pieces += [body[at : mention.start], f"{_OPEN}{_WORD}{number}{_CLOSE}"]
        at = mention.end
    return _line_ends("".join([*pieces, body[at:]]))


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(text: str) -> str:
    """What Markdown would make of a text without signs, without asking it. Lines end with a line feed."""
    paragraphs = re.split(r"\n(?: *\n)+", text.strip("\n"))
    return "".join(
        "<p>" + "<br>\n".join(line.rstrip(" ") for line in paragraph.split("\n")) + "</p>\n"
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
        return value if value.startswith("language-") and _LANGUAGE.fullmatch(value[9:]) else None
    if (tag, name) == ("pre", "data-language"):
        return value if _LANGUAGE.fullmatch(value) else None
    if (tag, name) == ("span", "class"):
        return value if value in _SPANS else None
    if (tag, name) == ("a", "class"):
        return value if value == "long" else None
    if (tag, name) == ("a", "target"):
        return value if value == "_blank" else None
    return value
