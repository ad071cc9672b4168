"""Renders the Markdown of messages to sanitised HTML. This is done once, when a message is sent or edited.

Emphasis, strike-through, code, links, lists and quotes are supported. Headings, images, tables and HTML are not. Line
breaks are kept. Mentions of members are found here as well, except inside code and URLs.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from html import escape, unescape
from itertools import islice
from typing import Any
from unicodedata import category, normalize

import nh3

from accounts.schemas import UserSchema
from accounts.usernames.rules import MAX_USERNAME_LENGTH, MIN_USERNAME_LENGTH, is_username_character, skeleton
from chat.schemas import MentionSchema
from chat.text.blank import is_blank
from chat.text.code_highlighting import highlight_code
from chat.text.east_asian import SENTENCE_PUNCTUATION, SYMBOLS, UNSPACED_LETTERS
from chat.text.markdown_parser import create_parser
from chat.text.markdown_rules.cost import TooComplex

EVERYBODY = "all"
MAX_MENTION_KEYS = 1000  # possible user names in one text
MAX_AT_SIGNS = 1000  # that may begin a mention in one text; in 4,000 characters, more cannot have a name behind each

# An `@`, also a full-width one, and the following characters, which may begin with a user name.
_AT = re.compile(r"(?<![@＠﹫])[@＠﹫]([^\s@＠﹫/]{1,60})")
_AT_SIGNS = ("@", "＠", "﹫")
_AT_EVERYBODY = re.compile("[@＠﹫][aａ][lｌ]{2}", re.IGNORECASE)  # in full-width letters too
_FULL_WIDTH = re.compile("[０-９Ａ-Ｚａ-ｚ]")
_FULL_WIDTH_SIGNS = "．－＿"
_HOST = re.compile(r"[@＠﹫][\w-]+\.\w")
# URLs and link targets: an `@` inside them is no mention.
_URL = re.compile(rf"\]\(<[^<>\n]*|(?:://|mailto:|\]\()[^\s()<>\[\]{SENTENCE_PUNCTUATION}{SYMBOLS}]*", re.IGNORECASE)
# Before or after such a letter a user name may end, although no space follows.
_UNSPACED = re.compile(f"[{UNSPACED_LETTERS}]")
# While Markdown is parsed, each mention is replaced by a placeholder: a number between two private code points. A
# placeholder also contains a random word of this process, so that no user can write a placeholder.
_OPEN, _CLOSE = "\ue000", "\ue001"
_SECRET = secrets.token_hex(8)
_PLACEHOLDER = re.compile(f"{_OPEN}{_SECRET}(\\d+){_CLOSE}")
_PLACEHOLDER_IN_URL = re.compile(f"%EE%80%80{_SECRET}(\\d+)%EE%80%81")
# A text without any of these is plain text, as most messages are, and the Markdown parser is skipped. The last
# alternatives are special white space, which the parser and the sanitiser would change.
_MARKDOWN_CHARACTERS = re.compile(
    r"[*_`~\[\]<>\\&]|://|^ |^[+\-=]|^\d{1,9}[.)]|[^\S \n]|[\x00\ufeff]", re.MULTILINE | re.IGNORECASE
)
_TAG = re.compile(r"<[^>]*>")
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}")  # after the opening fence
_SPAN_CLASSES = {"mention", "host", *(f"t-{kind}" for kind in "cdfikns")}
_MAX_NESTING = 20  # of quotes and lists; the parser drops what is nested deeper

_markdown = create_parser(_MAX_NESTING)

_TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li", "blockquote", "span"}
_ATTRIBUTES = {
    "a": {"href", "title", "class", "target"},
    "code": {"class"},
    "li": {"value"},
    "ol": {"start"},
    "pre": {"data-language"},
    "span": {"class", "data-user-id"},
}


def _text_rule(renderer, tokens, index, options, env) -> str:
    """Renders a piece of text from the Markdown parser. Puts the HTML of mentions in the place of their placeholders.

    Each mention is replaced by a placeholder before the text is parsed. In code and URLs other rules replace the
    placeholders by the original `@name`.
    """

    def render_mention(match: re.Match) -> str:
        number = int(match[1])
        env["rendered"].add(number)
        return env["spans"][number]

    return _PLACEHOLDER.sub(render_mention, escape(tokens[index].content, quote=False))


def _fence_rule(renderer, tokens, index, options, env) -> str:
    """Renders a code block. It replaces the placeholders of mentions by the original `@name`.

    Each mention is replaced by a placeholder before the text is parsed, but code should contain no mentions.
    """
    token = tokens[index]
    code = token.content
    if env.get("names"):
        code = _PLACEHOLDER.sub(lambda match: env["names"][int(match[1])], code)
    language = token.info
    if not language:
        return f"<pre><code>{escape(code, quote=False)}</code></pre>\n"
    html = highlight_code(code, language) or escape(code, quote=False)
    return f'<pre data-language="{language}"><code class="language-{language}">{html}</code></pre>\n'


def _render_typed_text(renderer, tokens, index, options, env) -> str:
    """Renders lines of a message exactly as the author typed them, without formatting."""
    return _render_plain(escape(tokens[index].content, quote=False))


_markdown.add_render_rule("text", _text_rule)
_markdown.add_render_rule("fence", _fence_rule)
_markdown.add_render_rule("typed_text", _render_typed_text)


def render_markdown(
    body: str, members: Mapping[str, UserSchema], *, everybody: bool = False
) -> tuple[str, list[MentionSchema]]:
    """Renders the text of a message. Returns its sanitised HTML and the mentions in it.

    `members` has the users who can be mentioned, by the `skeleton` (normalized form) of their user names. `everybody`
    is True if `@all` is a mention: the author is then the owner or an admin of a group.
    """
    mentions = _resolve_mentions(body, members, everybody) if has_at_sign(body) else []
    text = _normalize_line_ends(body)
    if not mentions and not _MARKDOWN_CHARACTERS.search(text):
        return _render_plain(text), []
    names = [body[mention.start : mention.end] for mention, _ in mentions]
    env: dict[str, Any] = {
        "is_mention": lambda src, position: _is_unescaped_mention(src, position, members, everybody),
        "rendered": set(),
        "spans": [span for _, span in mentions],
        "names": names,
    }
    try:
        tokens = _markdown.parse(_insert_placeholders(body, mentions) if mentions else text, env)
    except TooComplex:
        tokens = None
    if tokens is None or any(token.level >= _MAX_NESTING - 1 for token in tokens):
        return _sanitize(_render_plain(escape(text, quote=False))), []
    html = _markdown.renderer.render(tokens, _markdown.options, env)
    if mentions:  # the remaining placeholders, in code or in URLs, become names again
        escaped_names = [escape(name) for name in names]
        html = _PLACEHOLDER.sub(lambda match: escaped_names[int(match[1])], html)
        html = _PLACEHOLDER_IN_URL.sub(lambda match: escaped_names[int(match[1])], html)
        if _SECRET in html:  # IDNA encoding has changed a placeholder inside a host name
            return render_markdown(body, {})
    if is_blank(unescape(_TAG.sub("", html))):  # for example `+` or `1.`
        return _sanitize(_render_plain(escape(text, quote=False))), []
    return _sanitize(html), [mention for number, (mention, _) in enumerate(mentions) if number in env["rendered"]]


# ── Mentions ────────────────────────────────────────────────────────────────────────────────────────────────────────
def find_mention_keys(body: str) -> set[str]:
    """Returns the skeletons (normalized forms) of all user names that a text may mention.

    Load the members with these keys before calling `render_markdown`. Names behind the first MAX_MENTION_KEYS are left
    out, because a text without spaces can contain thousands of possible names.
    """
    keys: set[str] = set()
    for _start, names in _find_candidates(body) if has_at_sign(body) else ():
        keys.update(map(skeleton, names))
        if len(keys) >= MAX_MENTION_KEYS:
            break
    return keys


def mentions_everybody(body: str) -> bool:
    """Returns True if a text mentions everybody (`@all`), whether or not its author may do so."""
    if not _AT_EVERYBODY.search(body):
        return False
    return any(mention.user_id is None for mention in render_markdown(body, {}, everybody=True)[1])


def _is_everybody(name: str) -> bool:
    return normalize("NFKC", name).lower() == EVERYBODY


def has_at_sign(body: str) -> bool:
    """Returns True if the text contains an `@`. Only such a text can mention somebody."""
    return "@" in body or "＠" in body or "﹫" in body  # the _AT_SIGNS; `any` is slower, and each message comes here


def _find_candidates(body: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the index of each `@` that may begin a mention, and the user names that it may mention, longest first."""
    url_spans = [match.span() for match in _URL.finditer(body)]
    name_end = -1
    for match in islice(_AT.finditer(body), MAX_AT_SIGNS):
        start = match.start()
        while url_spans and url_spans[0][1] <= start:
            url_spans.pop(0)
        if url_spans and url_spans[0][0] <= start:
            continue
        if names := _list_names(body, match, is_joined=start == name_end):
            name_end = start + 1 + len(names[0])
            yield start, names


def _list_names(body: str, match: re.Match, *, is_joined: bool = False) -> list[str]:
    """Returns the user names that a match of `_AT` in a text may mention, longest first. `_URL` is not considered.

    `is_joined` is True if another mention ends directly before the `@`, as in `@alice@bob`.
    """
    start = match.start()
    before = body[max(start - 60, 0) : start].rstrip("_")[-1:]  # `_@alice_` is emphasis
    if before and before not in ".-" and is_username_character(before) and not (is_joined or _UNSPACED.match(before)):
        return []  # inside a word, or an e-mail address
    if before == "\\" and _is_escaped(body, start) and not _is_name_before(body, start - 1):
        return []
    if before == "/" and _is_in_path(body, start - 1):
        return []
    run = _read_name(match[1])
    if not run:
        return []
    if _HOST.match(body, start + 1 + len(run)) and not (run.endswith((".", "-")) or _UNSPACED.match(run[-1:])):
        return []  # `@alice@example.org` is a user of another site
    return _list_prefixes(run)


def _read_name(text: str) -> str:
    """Returns the characters at the start of a text that may be a user name, as written.

    An input method in full-width mode types digits and signs in full width too. These signs belong to a name only
    behind a full-width letter or digit, because behind others they are punctuation.
    """
    end = 0
    for character in text:
        is_sign = character in _FULL_WIDTH_SIGNS and _FULL_WIDTH.match(text[max(end - 1, 0)])
        if not (is_username_character(character) or "０" <= character <= "９" or is_sign):
            break
        end += 1
    return text[:end]


def _is_escaped(body: str, start: int) -> bool:
    """Returns True if an odd number of backslashes stands before the index `start`."""
    return (start - len(body[max(start - 60, 0) : start].rstrip("\\")) - max(start - 60, 0)) % 2 == 1


def _is_name_before(body: str, end: int) -> bool:
    """Returns True if a mention, such as the first one of `@alice\\@bob`, ends at the index `end`."""
    start = end
    while start > end - 60 and start > 0 and is_username_character(body[start - 1]):
        start -= 1
    before = body[start - 2 : start - 1]
    is_mention = body[:start].endswith(_AT_SIGNS) and before != "\\" and not (before and is_username_character(before))
    return start < end and is_mention


def _is_unescaped_mention(src: str, position: int, members: Mapping[str, UserSchema], everybody: bool) -> bool:
    """Returns True if the `@` at the index `position` would be a mention without the backslash before it."""
    before = src[max(position - 61, 0) : position - 1]
    match = _AT.match(before + src[position : position + 61], len(before))
    names = _list_names(match.string, match) if match else []
    return any(skeleton(name) in members or (everybody and _is_everybody(name)) for name in names)


def _is_in_path(body: str, slash: int) -> bool:
    """Returns True if the `/` at the index `slash` is part of a path such as `src/@types`, which has no mention.

    The `/` is part of a path if a word stands before it. After a mention or a Chinese character it is not.
    """
    start = slash
    while start > slash - 60 and start > 0 and is_username_character(body[start - 1]):
        if _UNSPACED.match(body[start - 1]):
            return False
        start -= 1
    return start < slash and not _is_name_before(body, slash)


def _list_prefixes(run: str) -> list[str]:
    """Returns the beginnings of `run` that may be user names, longest first. `run` is the text after an `@`.

    Chinese is written without spaces, so `小千你好` may be the name `小千` followed by other words.
    """
    ends = [len(run)]
    ends += [
        end
        for end in range(len(run) - 1, MIN_USERNAME_LENGTH - 1, -1)
        if (_UNSPACED.match(run[end]) or _UNSPACED.match(run[end - 1])) and category(run[end])[0] != "M"
    ]
    names = []
    for end in ends:
        name = run[:end].rstrip(".-．－")  # this is punctuation of the sentence
        names.append(name)
        while name.endswith("_"):  # possibly the end of emphasis
            names.append(name := name[:-1])
    return [name for name in dict.fromkeys(names) if MIN_USERNAME_LENGTH <= len(name) <= MAX_USERNAME_LENGTH]


def _resolve_mentions(body: str, members: Mapping[str, UserSchema], everybody: bool) -> list[tuple[MentionSchema, str]]:
    """Returns the mentions in a text, each together with its HTML."""
    mentions = []
    for start, names in _find_candidates(body) if members or everybody else ():
        for name in names:
            user = members.get(skeleton(name))
            if user is None and not (everybody and _is_everybody(name)):
                continue
            user_id = user.id if user else None
            span = f'<span class="mention" data-user-id="{user_id or EVERYBODY}">{body[start]}{escape(name)}</span>'
            mentions.append((MentionSchema(user_id, start, start + 1 + len(name)), span))
            break
    return mentions


def _insert_placeholders(body: str, mentions: list[tuple[MentionSchema, str]]) -> str:
    pieces, end = [], 0
    for number, (mention, _) in enumerate(mentions):
        pieces += [body[end : mention.start], f"{_OPEN}{_SECRET}{number}{_CLOSE}"]
        end = mention.end
    return _normalize_line_ends("".join([*pieces, body[end:]]))


def _normalize_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _render_plain(text: str) -> str:
    """Returns the HTML for a text without Markdown, the same as the Markdown parser would return.

    Lines of the text must end with a line feed.
    """
    paragraphs = re.split(r"\n(?: *\n)+", text.strip("\n"))
    return "".join(
        "<p>" + "<br>\n".join(line.rstrip(" ") for line in paragraph.split("\n")) + "</p>\n"
        for paragraph in paragraphs
        if paragraph
    )


def _sanitize(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
        attribute_filter=_filter_attribute,
    )


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    """Returns the value of an HTML attribute if it is allowed, otherwise None. Called by the sanitiser."""
    if (tag, name) == ("code", "class"):
        return value if value.startswith("language-") and _LANGUAGE.fullmatch(value[9:]) else None
    if (tag, name) == ("pre", "data-language"):
        return value if _LANGUAGE.fullmatch(value) else None
    if (tag, name) == ("span", "class"):
        return value if value in _SPAN_CLASSES else None
    if (tag, name) == ("a", "class"):
        return value if value == "long" else None
    if (tag, name) == ("a", "target"):
        return value if value == "_blank" else None
    return value
