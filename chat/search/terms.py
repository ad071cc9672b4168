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
from operator import add
from typing import NamedTuple

from chat.search.folding import UNSPACED, fold_markdown

MAX_TERM_LENGTH = 64  # characters; the parts of a longer word are terms

_ASCII_WORD = re.compile(f"[a-z0-9]{{1,{MAX_TERM_LENGTH}}}")
_IS_UNSPACED = re.compile(f"[{UNSPACED}]")
# Vowel signs and other marks inside words, which `\w` leaves out. Most belong to the scripts of India.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0816-\u082d\u08ca-\u0963\u0966-\u0df3"
    "\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f8d-\u0fbc\u135d-\u135f\u1920-\u193b\u1a55-\u1b44\u1dc0-\u1dff"
)
_SYMBOLS = "\u00a9\u00ae\u2100-\u214f\u2190-\u2bff\U0001f000-\U0001faff"  # emoji, arrows, signs
_WORD = re.compile(f"(?:[^\\W_{UNSPACED}{_SYMBOLS}]|[{_MARKS}]){{1,{MAX_TERM_LENGTH}}}")
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


def message_terms(message: IndexedText, *, has_block: bool) -> str:
    """Returns the terms of a message for the index, separated by spaces, each with the prefix of its conversation.

    With `has_block`, the block of ids to which the message belongs is one of them.
    """
    text = " ".join((message.body, *message.filenames)) if message.filenames else message.body
    words, attribute = f" {term_key(message.conversation_id, '')}", f" {attribute_key(message.conversation_id, '')}"
    terms = f"{words.join(('', *_word_terms(fold_markdown(text))))}{attribute}from{message.sender_id}"
    if has_block:
        terms += attribute + block_attribute(message.message_id)
    if message.file_kinds:
        terms += attribute.join(("", "hasattachment", *(f"has{kind}" for kind in message.file_kinds)))
    if message.has_link:
        terms += f"{attribute}haslink"
    for user_id in message.mentions:
        terms += f"{attribute}mentionall" if user_id is None else f"{attribute}mention{user_id}"
    return terms


def _word_terms(folded: str) -> set[str]:
    """Returns the terms of a folded text, without the prefix of the conversation."""
    if folded.isascii():
        return set(_ASCII_WORD.findall(folded))
    terms: set[str] = set()
    for token in _TOKEN.findall(folded):
        if _IS_UNSPACED.match(token):
            terms.update(map(add, token, token[1:]))  # pairs of neighbours
            terms.add(token[-1])
        else:
            terms.add(token)
    return terms


def term_key(conversation_id: int | str, term: str) -> str:
    """Returns a term as it is stored for a conversation."""
    return f"c{conversation_id}x{term}"


def attribute_key(conversation_id: int | str, attribute: str) -> str:
    """Returns an attribute of a message, such as `from7`, as it is stored for a conversation."""
    return f"c{conversation_id}a{attribute}"


def block_attribute(message_id: int, level: int = 0) -> str:
    """Returns the attribute of the messages of a block of 4096 ids, such as `block000000000004c`.

    A block of level 1 has 16 times as many ids: its attribute is the beginning of theirs. And so on.
    """
    return f"block{message_id >> 12 + 4 * level:0{13 - level}x}"


def newest_blocks(before_id: int, level: int) -> tuple[int, list[str]]:
    """Returns the last two blocks of this level that have ids less than `before_id`: their first id, and attributes."""
    size = 4096 << 4 * level
    first_id = ((before_id - 1) // size - 1) * size
    return first_id, [block_attribute(first_id, level), block_attribute(first_id + size, level)]


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
    else:
        yield token, not is_exact and is_spaced_word(token)


def is_spaced_word(token: str) -> bool:
    """Returns whether a token is a word of a script with spaces, which has a beginning and an end."""
    return bool(_WORD.match(token))
