"""Splits text into the terms that are stored in the search index.

A word of letters and digits is one term. In scripts without spaces (such as Chinese), each pair of neighbouring
characters is a term, and also the last character: `图书馆` becomes `图书`, `书馆` and `馆`. So two characters are found
anywhere, and one character is found as the beginning of a term. Each emoji is a term.

Each stored term begins with the conversation of the message (`c12x图书`), so that a query reads only the entries of
conversations that the user may see. Attributes such as the sender are terms, too (`c12afrom7`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from chat.search.folding import UNSPACED, fold

MAX_TERM_LENGTH = 64  # characters of a word in the index; longer words are compared with the text itself

_ASCII_WORD = re.compile("[a-z0-9]+")
_IS_UNSPACED = re.compile(f"[{UNSPACED}]")
# Vowel signs and other marks inside words, which `\w` leaves out. Most belong to the scripts of India.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0816-\u082d\u08ca-\u0963\u0966-\u0df3"
    "\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f8d-\u0fbc\u135d-\u135f\u1920-\u193b\u1a55-\u1b44\u1dc0-\u1dff"
)
_SYMBOLS = "\u00a9\u00ae\u2100-\u214f\u2190-\u2bff\U0001f000-\U0001faff"  # emoji, arrows, signs
_WORD = re.compile(f"(?:[^\\W_{UNSPACED}{_SYMBOLS}]|[{_MARKS}])+")
_TOKEN = re.compile(f"[{UNSPACED}]+|{_WORD.pattern}|[{_SYMBOLS}]")


class IndexedText(NamedTuple):
    """What of a message is searched. `mentions` has None for `@all`."""

    message_id: int
    conversation_id: int
    sender_id: int
    body: str
    filenames: Collection[str]
    file_kinds: Collection[str]
    has_link: bool
    mentions: Collection[int | None]
    created_at: datetime


def message_terms(message: IndexedText) -> list[str]:
    """Returns the terms of a message for the index, each with the prefix of its conversation."""
    terms: set[str] = set()
    for token in tokens(fold(" ".join((message.body, *message.filenames)))):
        terms.update(_token_terms(token))
    attributes = {
        f"from{message.sender_id}",
        month_attribute(message.created_at),
        *(f"has{kind}" for kind in message.file_kinds),
        *("mentionall" if user_id is None else f"mention{user_id}" for user_id in message.mentions),
    }
    if message.file_kinds:
        attributes.add("hasattachment")
    if message.has_link:
        attributes.add("haslink")
    prefix = f"c{message.conversation_id}"
    return [f"{prefix}x{term}" for term in terms] + [f"{prefix}a{attribute}" for attribute in attributes]


@lru_cache(20_000)
def _token_terms(token: str) -> tuple[str, ...]:
    """Returns the encoded terms of one token for the index."""
    if _IS_UNSPACED.match(token):
        pairs = (token[index : index + 2] for index in range(len(token) - 1))
        return tuple(_encode(term) for term in (*pairs, token[-1]))
    return (_encode(token[:MAX_TERM_LENGTH]),)


def term_key(conversation_id: int, term: str) -> str:
    """Returns a term as it is stored for a conversation. Only letters and digits of the basic plane stay as they are.

    All other characters are written as hexadecimal numbers, because the tokenizer of SQLite would split at them.
    """
    return f"c{conversation_id}x{_encode(term)}"


def attribute_key(conversation_id: int, attribute: str) -> str:
    """Returns an attribute of a message, such as `from7`, as it is stored for a conversation."""
    return f"c{conversation_id}a{attribute}"


def month_attribute(day: date) -> str:
    """Returns the attribute of messages that were sent in the month (UTC) of this day or time."""
    return f"month{day.year}m{day.month}"


def _encode(term: str) -> str:
    if term.isascii() and term.isalnum():
        return term
    return "".join(char if _is_plain(char) else f"u{ord(char):x}" for char in term)


def _is_plain(character: str) -> bool:
    return character.isalnum() if character.isascii() else character.isalpha() and ord(character) < 0x10000


def tokens(folded: str) -> list[str]:
    """Splits a folded text into words, runs of characters without spaces, and single symbols such as emoji."""
    return (_ASCII_WORD if folded.isascii() else _TOKEN).findall(folded)


def query_terms(token: str, is_exact: bool) -> Iterable[tuple[str, bool]]:
    """Yields the terms that a message must have to contain a token of a query, and whether each is only a beginning.

    A word is searched as a beginning unless `is_exact`.
    """
    if _IS_UNSPACED.match(token):
        if len(token) == 1:
            yield token, True
        else:
            yield from ((token[index : index + 2], False) for index in range(len(token) - 1))
    elif not is_spaced_word(token):
        yield token, False
    else:
        yield token[:MAX_TERM_LENGTH], not is_exact or len(token) > MAX_TERM_LENGTH


def is_spaced_word(token: str) -> bool:
    """Returns whether a token is a word of a script with spaces, which has a beginning and an end."""
    return bool(_WORD.match(token))
