"""View models of the search page: results with the matching words marked, and links that add or remove filters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from chat.schemas import FileSchema, MessageSchema
from chat.search.query import Word
from chat.selectors import find_matches
from chat.view_models import times
from messenger.core.excerpts import html_to_text

SNIPPET_LENGTH = 180  # characters around the first match
CONTEXT_BEFORE = 40  # characters before the first match


@dataclass(slots=True)
class TextPart:
    """A part of a text; `is_match` parts are words of the query."""

    text: str
    is_match: bool


@dataclass(slots=True)
class MessageResult:
    """A message that was found. The text of a blocked sender is not shown."""

    message: MessageSchema
    conversation_title: str
    sent_at: datetime
    parts: list[TextPart]
    is_blocked: bool

    @property
    def filenames(self) -> str:
        return ", ".join(attachment.name for attachment in self.message.attachments)


@dataclass(slots=True)
class FileResult:
    file: FileSchema
    sent_at: datetime
    parts: list[TextPart]


@dataclass(slots=True)
class FilterLink:
    """A link that adds an operator such as `has:file` to the query, or removes it if it is there."""

    label: str
    url: str
    is_active: bool


def build_message_results(
    messages: Sequence[MessageSchema], words: Sequence[Word], titles: dict[int, str], blocked_ids: Collection[int]
) -> list[MessageResult]:
    return [
        MessageResult(
            message=message,
            conversation_title=titles.get(message.conversation_id, ""),
            sent_at=times.parse_timestamp(message.created_at),
            parts=make_snippet(message.body_html, words),
            is_blocked=message.sender.id in blocked_ids,
        )
        for message in messages
    ]


def build_file_results(files: Sequence[FileSchema], words: Sequence[Word]) -> list[FileResult]:
    return [
        FileResult(file, times.parse_timestamp(file.created_at), mark_words(file.attachment.name, words))
        for file in files
    ]


def make_snippet(body_html: str, words: Sequence[Word]) -> list[TextPart]:
    """Returns one line of a rendered message around the first word that matches, with the matches marked."""
    line = " ".join(html_to_text(body_html, limit=None).split())
    spans = find_matches(line, words)
    start = max(0, spans[0][0] - CONTEXT_BEFORE) if spans else 0
    if start:
        start = line.find(" ", start, spans[0][0]) + 1 or start  # begin at a word, if there are spaces
    end = start + SNIPPET_LENGTH
    parts = mark_words(line[start:end], words)
    if start:
        parts.insert(0, TextPart("…", False))
    if end < len(line):
        parts.append(TextPart("…", False))
    return parts


def mark_words(text: str, words: Sequence[Word]) -> list[TextPart]:
    """Splits a text into parts that match words of the query and parts that do not."""
    parts, position = [], 0
    for start, end in find_matches(text, words):
        parts += [TextPart(text[position:start], False), TextPart(text[start:end], True)]
        position = end
    return [part for part in [*parts, TextPart(text[position:], False)] if part.text]


def build_filter_links(q: str, conversation_id: int | None) -> list[FilterLink]:
    """Returns the links for the filters that people need most."""
    filters = [
        (_("From me"), "from:me"),
        (_("Mentions of me"), "mentions:me"),
        (pgettext("search filter", "Files"), "has:file"),
        (pgettext("search filter", "Photos"), "has:image"),
        (pgettext("search filter", "Links"), "has:link"),
    ]
    words = q.split()
    links = []
    for label, operator in filters:
        is_active = operator in words
        changed = [word for word in words if word != operator] if is_active else [*words, operator]
        parameters = {"q": " ".join(changed)} | ({"conversation": conversation_id} if conversation_id else {})
        links.append(FilterLink(label, f"?{urlencode(parameters)}", is_active))
    return links
