"""Rules for URLs and links."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from markdown_it import helpers
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.common.utils import unescapeAll
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, autolink, link

from chat.text import link_safety
from chat.text.autolink import match_url
from chat.text.blank import is_blank
from chat.text.markdown_rules.cost import LINK_WORK, TARGET_WORK, spend

_SCHEME = re.compile(r"(?:^|[^a-z0-9.+-])(https?)$", re.IGNORECASE)


def linkify_rule(state: StateInline, silent: bool) -> bool:
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


def annotate_links_rule(state: StateCore) -> None:
    for token in state.tokens:
        if token.children and any(child.type == "link_open" for child in token.children):
            token.children = link_safety.annotate_links(token.children)


# A link target without scheme: a host such as `www.example.com/page`, or an e-mail address.
_HOST_TARGET = re.compile(r"(?:[^\W_][\w-]*\.)+[^\W\d_]{2,}(?::\d{1,5})?(?:[/?#].*)?", re.DOTALL)
_EMAIL_TARGET = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")
_HTTP_TARGET = re.compile(r"(https?):/?(?=[^/\\?#\s])", re.IGNORECASE)


def normalize_target(url: str) -> str:
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


def is_allowed_target(url: str) -> bool:
    """Returns True if a link in a message may open `url`: with `http`, `https` or `mailto`, or a path of this site.

    A link to another target, such as `word`, would open a page of this site that does not exist. A URL that browsers
    reject remains text, too.
    """
    if not re.match(r"https?://[^/?#\s]|mailto:[^?#\s]|/", url, re.IGNORECASE):
        return False
    try:
        return _is_valid_host(url)
    except ValueError:
        return False


def _is_valid_host(url: str) -> bool:
    """Returns True if browsers accept the host and the port of a URL. Raises ValueError, or returns False, otherwise.

    Browsers read a host that ends with a number as an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    last_label = host.rstrip(".").rpartition(".")[2]
    if last_label.isdecimal() or last_label.startswith("0x"):
        IPv4Address(host)
    return (parts.port or 0) >= 0 and "%" not in host


class _NoTarget(Exception):
    """Raised for a link without target, such as `[word]()`. It would open the same page again."""


_MAX_BRACKETS = 8  # nested in the target of a link
_TARGET_PART = re.compile(r"(?:[^\x00-\x20\x7f()\\]|\\[^ ])*+")  # without brackets


def parse_target(text: str, start: int, end: int) -> Any:
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


_SIMPLE_LABEL = re.compile(r"\[([^\[\]\n]{0,20})\]\(")


def link_rule(state: StateInline, silent: bool) -> bool:
    """Parses a link such as `[word](https://example.org)`. A link without target or without words remains text."""
    start = state.pos
    if (label := _SIMPLE_LABEL.match(state.src, start)) and is_blank(label[1]):
        return False
    try:
        found = link(state, silent)
    except _NoTarget:
        state.pos = start
        return False
    if found and not silent:
        spend(state.env, TARGET_WORK)
    return found


def autolink_rule(state: StateInline, silent: bool) -> bool:
    """Parses a link such as `<https://example.org>`."""
    found = autolink(state, silent)
    if found and not silent:
        spend(state.env, LINK_WORK)
    return found
