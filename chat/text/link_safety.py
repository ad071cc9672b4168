"""Links in messages that say where they lead. Works on what Markdown has read, before it becomes HTML.

A link may be called anything, and an address may look like another. So a link whose words look like an address has its
true host behind them where that is another one, and so has an address in letters that pass for Latin ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from django.conf import settings
from markdown_it.token import Token

LONG = 60  # code points of an address; a longer one is cut to the eye, and copied whole

# A word that one would take for an address, and the host that it names.
_ADDRESS = re.compile(
    r"(?:(?:https?|ftp)://)?((?:[^\s/@?#:]*@)?[^\s/@?#:]+\.[^\s/@?#:.0-9]{2,}\.?)(?:[/?#:].*)?", re.IGNORECASE
)
# What passes for a part of an address, beside what Unicode itself calls the same (NFKC).
_PASSES = str.maketrans("\u2215\u2044\u29f8\u2236\ua789", "///::")
_STOP = re.compile("\u3002(?=[0-9a-z])", re.IGNORECASE)  # a Chinese sentence may go on behind it
_BETWEEN = re.compile("[\\s\u2025\u2026]+")  # NFKC would make dots of an ellipsis
_AROUND = "\"'()[]<>«»“”‘’,;!…、，。（）《》"
# Letters of hosts in which no Latin word can be written: Chinese, Japanese, Korean.
_NO_LATIN = re.compile("[\\-.0-9a-z\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]+")


def mark(children: Sequence[Token]) -> list[Token]:
    """The inline tokens of one block, its links with what there is to say of them."""
    marked: list[Token] = []
    for opening, inside, closing in _links(children, marked):
        address = str(opening.attrs.get("href", ""))
        words = "".join(token.content for token in inside)
        host = host_of(address)
        opening.attrs.pop("title", None)  # whoever wrote it may have written anything
        if host and not is_ours(address):
            opening.attrs["target"] = "_blank"
        if len(words) > LONG and not re.search(r"\s", words):
            opening.attrs["class"] = "long"
            opening.attrs["title"] = address
        elif host and opening.info != "auto":
            opening.attrs["title"] = host
        marked += [opening, *inside, closing]
        if host and misleads(words, host):
            marked += _said(host)
    return marked


def _links(children: Sequence[Token], between: list[Token]) -> Iterator[tuple[Token, list[Token], Token]]:
    """Each link: its beginning, what is in it, its end. All else goes to `between`, in its order."""
    opening: Token | None = None
    inside: list[Token] = []
    for token in children:
        if token.type == "link_open":
            opening, inside = token, []
        elif opening is None:
            between.append(token)
        elif token.type == "link_close":
            yield opening, inside, token
            opening = None
        else:
            inside.append(token)


def _said(host: str) -> list[Token]:
    opening = Token("span_open", "span", 1, attrs={"class": "host"})
    return [opening, Token("text", "", 0, content=f" ({host})"), Token("span_close", "span", -1)]


def host_of(address: str) -> str:
    """As it is asked for: `xn--…` where it has other letters. Nothing where an address names none."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "") if parts.scheme in ("http", "https", "ftp") else ""
    except ValueError:
        return ""


def is_ours(address: str) -> bool:
    """A place on this site, which opens where one is."""
    ours, there = urlsplit(settings.SITE_URL), urlsplit(address)
    return (there.scheme, there.netloc) == (ours.scheme, ours.netloc)


def misleads(words: str, host: str) -> bool:
    """Whether these words make one think of another host than the true one."""
    read = (_ADDRESS.fullmatch(form) for word in _BETWEEN.split(words) for form in _forms(word.strip(_AROUND)))
    named = {match[1] for match in read if match}
    return any("@" in each or not _same(each, host) for each in named)


def _forms(word: str) -> set[str]:
    """As it is written, and as it may be read."""
    plain = unicodedata.normalize("NFKC", word).translate(_PASSES)
    return {word, plain.replace("\u3002", ".") if "://" in plain else _STOP.sub(".", plain)}


def _same(named: str, host: str) -> bool:
    name, true = (each.lower().rstrip(".").removeprefix("www.") for each in (named, host))
    if name == true:
        return True
    try:
        return bool(_NO_LATIN.fullmatch(name)) and name.encode("idna").decode() == true
    except UnicodeError:
        return False
