"""Splits text into the terms that are stored in the search index.

A word of letters and digits is one term. In scripts without spaces (such as Chinese), each pair of neighbouring
characters is a term, and also the last character: `图书馆` becomes `图书`, `书馆` and `馆`. So two characters are found
anywhere, and one character is found as the beginning of a term. Each emoji is a term.

Each stored term begins with the conversation of the message (`c12x图书`), so that a query reads only the entries of
conversations that the user may see. Attributes such as the sender are terms, too (`c12afrom7`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from chat.search.folding import UNSPACED, fold

MAX_TERM_LENGTH = 64  # characters of a word in the index; longer words are compared with the text itself

_ASCII_WORD = re.compile("[a-z0-9]+")
_IS_UNSPACED = re.compile(f"[{UNSPACED}]")


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
    terms = set(text_terms(fold(" ".join((message.body, *message.filenames)))))
    words = (term_key(message.conversation_id, term) for term in terms)
    attributes = [
        f"from{message.sender_id}",
        month_attribute(message.created_at),
        *(f"has{kind}" for kind in message.file_kinds),
    ]
    if message.file_kinds:
        attributes.append("hasattachment")
    if message.has_link:
        attributes.append("haslink")
    attributes += ["mentionall" if user_id is None else f"mention{user_id}" for user_id in message.mentions]
    return [*words, *(attribute_key(message.conversation_id, attribute) for attribute in set(attributes))]


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


@lru_cache(20_000)
def _encode(term: str) -> str:
    if term.isascii() and term.isalnum():
        return term
    return "".join(
        char
        if char.isalpha() and ord(char) < 0x10000
        else char
        if char.isascii() and char.isdigit()
        else f"u{ord(char):x}"
        for char in term
    )


def text_terms(folded: str) -> Iterator[str]:
    """Yields the terms of a folded text."""
    for token in tokens(folded):
        if _IS_UNSPACED.match(token):
            yield from (token[index : index + 2] for index in range(len(token) - 1))
            yield token[-1]
        else:
            yield token[:MAX_TERM_LENGTH]


def tokens(folded: str) -> list[str]:
    """Splits a folded text into words, runs of characters without spaces, and single emoji."""
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    found: list[str] = []
    last_class = " "
    for character in folded:
        character_class = _character_class(character)
        if character_class in "wu" and character_class == last_class:
            found[-1] += character
        elif character_class != " ":
            found.append(character)
        last_class = character_class
    return found


@lru_cache(70_000)
def _character_class(character: str) -> str:
    """Returns `u` for scripts without spaces, `w` for other letters, digits and marks, `e` for emoji.

    Returns a space for all other characters, which separate words.
    """
    if _IS_UNSPACED.match(character):
        return "u"
    category = unicodedata.category(character)
    if category[0] in "LNM":
        return "w"
    return "e" if category == "So" else " "


def query_terms(token: str, is_exact: bool) -> Iterable[tuple[str, bool]]:
    """Yields the terms that a message must have to contain a token of a query, and whether each is only a beginning.

    A word is searched as a beginning unless `is_exact`.
    """
    if _IS_UNSPACED.match(token):
        if len(token) == 1:
            yield token, True
        else:
            yield from ((token[index : index + 2], False) for index in range(len(token) - 1))
    elif _character_class(token[0]) == "e":
        yield token, False
    else:
        yield token[:MAX_TERM_LENGTH], not is_exact or len(token) > MAX_TERM_LENGTH


def is_spaced_word(token: str) -> bool:
    """Returns whether a token is a word of a script with spaces, which has a beginning and an end."""
    return _character_class(token[0]) == "w"
