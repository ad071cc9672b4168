"""Shows the true host after misleading links, so that readers see which site a link opens.

The author of a message can give a link any text, also one that looks like the URL of another site. In this case the
host that the link really opens is added in parentheses after the link. The same is done for host names with letters
that look like Latin letters. The functions change the tokens (parsed elements) of the Markdown parser before they
become HTML.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from django.conf import settings
from markdown_it.token import Token

MAX_VISIBLE_LENGTH = 60  # code points of a URL; a longer one is truncated by CSS and copied completely

# A word that a reader takes for a URL or an e-mail address; group 1 is the host.
_URL_LIKE = re.compile(
    r"(?:(?:https?|ftp)://)?((?:[^\s/@?#:]*@)?[^\s/@?#:]+\.[^\s/@?#:.0-9]{2,}\.?)(?:[/?#:].*)?", re.IGNORECASE
)
# Characters that look like `/` and `:`, in addition to those that NFKC normalisation maps.
_LOOKALIKES = str.maketrans("\u2215\u2044\u29f8\u2236\ua789", "///::")
_IDEOGRAPHIC_STOP = re.compile(
    "\u3002(?=[0-9a-z])", re.IGNORECASE
)  # only before a Latin letter or digit, because it may also end a Chinese sentence
_SEPARATORS = re.compile("[\\s\u2025\u2026]+")  # the ellipsis too, because NFKC replaces it with dots
_PUNCTUATION = "\"'()[]<>«»“”‘’,;!…、，。（）《》"
# Host names in Chinese, Japanese or Korean: none of these letters looks like a Latin letter.
_CJK_HOST = re.compile("[\\-.0-9a-z\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]+")


def annotate_links(children: Sequence[Token]) -> list[Token]:
    """Sets HTML attributes on the links of a block, and adds the true host in parentheses after misleading links.

    `children` are the tokens (elements) of the block from the Markdown parser. Returns the changed tokens.
    """
    tokens: list[Token] = []
    for opening, inside, closing in _iter_links(children, tokens):
        url = str(opening.attrs.get("href", ""))
        text = "".join(token.content for token in inside)
        host = get_host(url)
        opening.attrs.pop("title", None)  # the author may have set any title
        if host and not is_internal(url):
            opening.attrs["target"] = "_blank"
        if len(text) > MAX_VISIBLE_LENGTH and not re.search(r"\s", text):
            opening.attrs["class"] = "long"
            opening.attrs["title"] = url
        elif host and opening.info != "auto":
            opening.attrs["title"] = host
        tokens += [opening, *inside, closing]
        if host and is_misleading(text, host):
            tokens += _host_tokens(host)
    return tokens


def _iter_links(children: Sequence[Token], output: list[Token]) -> Iterator[tuple[Token, list[Token], Token]]:
    """Yields each link as (opening token, tokens inside, closing token). `children` are tokens of the Markdown parser.

    Appends tokens outside links to the list `output`.
    """
    opening: Token | None = None
    inside: list[Token] = []
    for token in children:
        if token.type == "link_open":
            opening, inside = token, []
        elif opening is None:
            output.append(token)
        elif token.type == "link_close":
            yield opening, inside, token
            opening = None
        else:
            inside.append(token)


def _host_tokens(host: str) -> list[Token]:
    opening = Token("span_open", "span", 1, attrs={"class": "host"})
    return [opening, Token("text", "", 0, content=f" ({host})"), Token("span_close", "span", -1)]


def get_host(url: str) -> str:
    """Returns the host of a URL, or "" if the URL has no host.

    A host that is not ASCII is returned in its ASCII form, which begins with `xn--`.
    """
    try:
        parts = urlsplit(url)
        return (parts.hostname or "") if parts.scheme in ("http", "https", "ftp") else ""
    except ValueError:
        return ""


def is_internal(url: str) -> bool:
    """Returns True if a URL belongs to this site. Such links open in the same tab."""
    site, target = urlsplit(settings.SITE_URL), urlsplit(url)
    return (target.scheme, target.netloc) == (site.scheme, site.netloc)


def is_misleading(text: str, host: str) -> bool:
    """Returns True if the text of a link looks like a URL of another host than `host`, or like an e-mail address."""
    words = (word.strip(_PUNCTUATION) for word in _SEPARATORS.split(text))
    matches = (_URL_LIKE.fullmatch(reading) for word in words for reading in _readings(word))
    shown_hosts = {match[1] for match in matches if match}
    return any("@" in shown_host or not _is_same_host(shown_host, host) for shown_host in shown_hosts)


def _readings(word: str) -> set[str]:
    """Returns two texts: the word as it is written, and the word as a reader may read it.

    In the second text, each character that looks like `/`, `:` or `.` is replaced by the character that it looks like.
    """
    plain = unicodedata.normalize("NFKC", word).translate(_LOOKALIKES)
    return {word, plain.replace("\u3002", ".") if "://" in plain else _IDEOGRAPHIC_STOP.sub(".", plain)}


def _is_same_host(shown_host: str, true_host: str) -> bool:
    shown, true = (host.lower().rstrip(".").removeprefix("www.") for host in (shown_host, true_host))
    if shown == true:
        return True
    try:
        return bool(_CJK_HOST.fullmatch(shown)) and shown.encode("idna").decode() == true
    except UnicodeError:
        return False
