"""Turns URLs in plain text into links, in messages and in texts without Markdown such as descriptions."""

from __future__ import annotations

import re
from html import escape

from django.utils.safestring import SafeString, mark_safe

from chat.text.east_asian import SENTENCE_PUNCTUATION, SYMBOLS, UNSPACED_LETTERS

# White space, controls, and characters that end a URL in running text.
_STOP = f'\\x00-\\x20\\x7f-\\xa0\u1680\u2000-\u200b\u2028-\u202f\u205f-\u206f\u3000\ufeff<>"`{SENTENCE_PUNCTUATION}'
_USER = rf"[^{_STOP}@/?#()\[\]]{{1,50}}@"
_HOST = rf"[^{_STOP}!-/:-@\[-`{{-~](?:[^{_STOP}!-,/:-@\[-^`{{-~]*[^{_STOP}!-/:-@\[-`{{-~])?"
# Brackets belong to a URL only in pairs, emoji only directly behind `/` or `=`. Directly behind Chinese, Japanese or
# Korean words, another URL begins.
_PATH = (
    rf"(?:[^{_STOP}{SYMBOLS}()\[\]{{}}h]|(?!(?<=[{UNSPACED_LETTERS}])https?://)h|(?<=[/=])[{SYMBOLS}]+"
    rf"|\([^{_STOP}()]*\)|\[[^{_STOP}\[\]]*\]|\{{[^{_STOP}{{}}]*\}})*"
)
_URL = re.compile(rf"(https?://(?:{_USER})?)({_HOST})(:\d{{1,5}})?([/?#]{_PATH})?", re.IGNORECASE)
_SCHEME = re.compile("https?://", re.IGNORECASE)
_UNSPACED_LETTER = re.compile(f"[{UNSPACED_LETTERS}]")
_TRAILING = ".,;:!?'*~\\"  # at the end of a URL these characters belong to the sentence
# The end of a host in Latin letters, directly before a Chinese, Japanese or Korean sentence.
_HOST_BEFORE_SENTENCE = re.compile(rf"\.[a-z][a-z-]+(?=[{UNSPACED_LETTERS}][^.]*$)", re.IGNORECASE)


def match_url(text: str, start: int) -> str:
    """Returns the URL that begins at the index `start` of a text; "" if none begins there."""
    match = _URL.match(text, start)
    return _trim(match) if match else ""


def _trim(match: re.Match) -> str:
    """Returns the URL that the regular expression `_URL` has matched, without characters that do not belong to the URL.

    These are punctuation and words of the sentence that follow the URL without a space.
    """
    if sentence := _HOST_BEFORE_SENTENCE.search(match[2]):
        return match[1] + match[2][: sentence.end()]
    if not match[4]:
        return match[0]
    end = match.end()
    if _SCHEME.match(match.string, end):  # the words between two URLs
        while _UNSPACED_LETTER.match(match.string, end - 1):
            end -= 1
    return match.string[match.start() : end].rstrip(_TRAILING)


def split_links(text: str) -> list[tuple[str, str]]:
    """Splits a text at its URLs into (text, URL) pairs. The URL is empty for a part that is no link."""
    pieces: list[tuple[str, str]] = []
    end = 0
    for match in _URL.finditer(text):
        url = _trim(match)
        if match.start() > end:
            pieces.append((text[end : match.start()], ""))
        pieces.append((url, url))
        end = match.start() + len(url)
    if end < len(text):
        pieces.append((text[end:], ""))
    return pieces


def linkify(text: str) -> SafeString:
    """Returns a plain text as escaped HTML, in which each URL is a link."""
    return mark_safe(
        "".join(
            f'<a href="{escape(url)}" rel="noopener noreferrer nofollow ugc">{escape(piece)}</a>'
            if url
            else escape(piece)
            for piece, url in split_links(text)
        )
    )
