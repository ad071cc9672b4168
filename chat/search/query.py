"""Parses what a user types into the search field.

    minutes budget          both words, each as the beginning of a word
    "annual meeting"        these words, next to each other
    -draft                  without this word; `--force` is a word like others
    from:alice from:me      sent by one of these users
    in:garden               in conversations with this word in the title
    has:file                with a file; also image, video, audio, link
    mentions:me             messages that mention the user
    on:2026-11-21           sent on this day; also before: and after:

The operators have Chinese names, too (`OPERATORS`), and the full-width colon is accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple

from django.utils.translation import gettext as _

from accounts.text.cleaning import strip_unstorable
from chat.search.folding import UNSPACED, fold
from chat.search.terms import is_spaced_word, tokens
from messenger.core.errors import invalid

MAX_QUERY_LENGTH = 200  # characters
MAX_WORDS = 10  # words and phrases; each costs a search in the index
OPERATORS = {
    **{"from": "from", "来自": "from", "來自": "from", "發自": "from", "发自": "from"},
    **{"in": "in", "在": "in"},
    **{"has": "has", "含": "has", "包含": "has"},
    **{"mentions": "mentions", "提到": "mentions"},
    **{"before": "before", "早于": "before", "早於": "before", "after": "after", "晚于": "after", "晚於": "after"},
    **{"on": "on", "日期": "on"},
}
KINDS = {  # folded, so traditional characters are accepted, too
    **{"file": "attachment", "files": "attachment", "文件": "attachment", "档案": "attachment"},
    **{"image": "image", "images": "image", "photo": "image", "photos": "image", "图片": "image", "照片": "image"},
    **{"video": "video", "videos": "video", "视频": "video", "影片": "video"},
    **{"audio": "audio", "voice": "audio", "语音": "audio", "音频": "audio"},
    **{"link": "link", "links": "link", "链接": "link", "连结": "link"},
}
ME = {"me", "我"}
DAY_OPERATORS = {"on", "before", "after"}

_QUOTED = '"[^"]*(?:"|$)|“[^”]*(?:”|$)|「[^」]*(?:」|$)'
_PART = re.compile(
    rf"(?P<minus>(?<!\S)[-－](?![-－]))?(?:(?P<operator>{'|'.join(OPERATORS)})[:：](?=\S))?(?P<value>{_QUOTED}|[^\s\"“「]+)",
    re.IGNORECASE,
)
_WORD_CHARACTER = rf"[^\W_{UNSPACED}]"
_QUOTES = '"“”「」'


@dataclass(frozen=True)
class Word:
    """A word or phrase of a query, folded and split into tokens (see `terms.tokens`)."""

    text: str
    tokens: tuple[str, ...]
    is_exact: bool  # typed in quotation marks: the last token must be a whole word

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the word in a folded text. Between two tokens there may be spaces and punctuation."""
        first, last = self.tokens[0], self.tokens[-1]
        start = f"(?<!{_WORD_CHARACTER})" if is_spaced_word(first) else ""
        end = f"(?!{_WORD_CHARACTER})" if self.is_exact and is_spaced_word(last) else ""
        return re.compile(start + r"[\W_]*".join(re.escape(token) for token in self.tokens) + end)


@dataclass
class SearchQuery:
    """A parsed query. `senders` and `conversations` are names as typed; the selectors find whom they mean."""

    text: str
    words: list[Word] = field(default_factory=list)
    excluded_words: list[Word] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    mentions_me: bool = False
    first_day: date | None = None
    last_day: date | None = None

    @property
    def has_filters(self) -> bool:
        return bool(self.senders or self.kinds or self.mentions_me or self.first_day or self.last_day)

    @property
    def is_empty(self) -> bool:
        """Whether no message is searched: there is no word and no filter. `in:` alone does not find messages."""
        return not self.words and not self.has_filters


def parse_query(text: str) -> SearchQuery:
    """Parses a query. Raises `invalid` if it is too long, if the value of an operator is unknown, or if an operator
    is excluded, such as `-from:bob`.

    Signs without letters, such as a single `%`, are ignored.
    """
    text = strip_unstorable(text).strip()
    if len(text) > MAX_QUERY_LENGTH:
        raise invalid(q=_("Search for at most %(n)d characters.") % {"n": MAX_QUERY_LENGTH})
    query = SearchQuery(text)
    for match in _PART.finditer(text):
        value = match["value"]
        is_exact = value[0] in _QUOTES
        value = value.strip(_QUOTES).strip()
        if match["operator"]:
            if match["minus"]:
                raise invalid(q=_("“-” can only stand before words and phrases."))
            _add_operator(query, OPERATORS[match["operator"].lower()], value)
        elif found := tokens(fold(value)):
            words = query.excluded_words if match["minus"] else query.words
            words.append(Word(value, tuple(found), is_exact))
    if len(query.words) + len(query.excluded_words) > MAX_WORDS:
        raise invalid(q=_("Search for at most %(n)d words.") % {"n": MAX_WORDS})
    return query


class OperatorText(NamedTuple):
    """An operator in the text of a query, such as `from:bob`: its English name, its value, and where it stands."""

    operator: str
    value: str
    start: int
    end: int


def find_operators(text: str) -> list[OperatorText]:
    """Returns the operators of a query in order, also those with values that `parse_query` rejects."""
    return [
        OperatorText(OPERATORS[match["operator"].lower()], match["value"].strip(_QUOTES).strip(), *match.span())
        for match in _PART.finditer(text)
        if match["operator"]
    ]


def _add_operator(query: SearchQuery, operator: str, value: str) -> None:
    if operator == "from":
        query.senders.append(value.removeprefix("@"))
    elif operator == "in":
        query.conversations.append(value)
    elif operator == "has":
        if fold(value) not in KINDS:
            raise invalid(q=_("“has:” can be followed by file, image, video, audio or link."))
        query.kinds.add(KINDS[fold(value)])
    elif operator == "mentions":
        if value.lower().removeprefix("@") not in ME:
            raise invalid(q=_("Only “mentions:me” is possible."))
        query.mentions_me = True
    else:
        _add_day(query, operator, value)


def _add_day(query: SearchQuery, operator: str, value: str) -> None:
    """Sets the first or last day. `before:` and `after:` do not include the day itself, `on:` is only this day."""
    try:
        day = date.fromisoformat(value.replace("/", "-"))
        if not 1970 <= day.year < 9999:
            raise ValueError
        ordinal = day.toordinal()
        if operator in ("on", "after"):
            query.first_day = date.fromordinal(ordinal + (operator == "after"))
        if operator in ("on", "before"):
            query.last_day = date.fromordinal(ordinal - (operator == "before"))
    except ValueError:
        raise invalid(q=_("Write a day like this: 2026-11-21.")) from None
