"""View models of the search page: results with the matching words marked, and links that add or remove filters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from chat.schemas import FileSchema, MessageSchema, TitleSchema
from chat.search.folding import fold
from chat.search.query import DAY_OPERATORS, KINDS, ME, OperatorText, Word, find_operators
from chat.selectors import find_matches
from chat.view_models import start_position, times
from chat.view_models.message_log import is_hidden_by_block
from messenger.core.excerpts import html_to_text

SNIPPET_LENGTH = 180  # characters around the first match
CONTEXT_BEFORE = 40  # characters before the first match
_WITHOUT_QUOTES = str.maketrans("", "", '"“”「」')


@dataclass(slots=True)
class TextPart:
    """A part of a text; `is_match` parts are words of the query."""

    text: str
    is_match: bool


@dataclass(slots=True)
class MessageResult:
    """A message that was found. The text and the files of a blocked sender are not shown."""

    message: MessageSchema
    conversation_title: str
    sent_at: datetime
    parts: list[TextPart]
    filename_parts: list[TextPart]
    is_blocked: bool


@dataclass(slots=True)
class FileResult:
    """A file that was found. The name of a file of a blocked sender is not shown."""

    file: FileSchema
    sent_at: datetime
    parts: list[TextPart]
    is_blocked: bool


@dataclass(slots=True)
class NamedResult:
    """A user or a conversation that was found by its name."""

    item: UserSchema | TitleSchema
    parts: list[TextPart]


@dataclass(slots=True)
class FilterLink:
    """A link that adds an operator such as `has:file` to the query, or removes it if the query has it (`is_active`)."""

    label: str
    url: str
    is_active: bool


def build_message_results(
    messages: Sequence[MessageSchema],
    words: Sequence[Word],
    titles: dict[int, str],
    user_id: int,
    blocked_ids: Collection[int],
) -> list[MessageResult]:
    return [
        MessageResult(
            message=message,
            conversation_title=titles.get(message.conversation_id, ""),
            sent_at=times.parse_timestamp(message.created_at),
            parts=make_snippet(message.body_html, words),
            filename_parts=mark_words(", ".join(attachment.name for attachment in message.attachments), words),
            is_blocked=is_hidden_by_block(message, user_id, blocked_ids),
        )
        for message in messages
    ]


def build_file_results(
    files: Sequence[FileSchema], words: Sequence[Word], user_id: int, blocked_ids: Collection[int]
) -> list[FileResult]:
    return [
        FileResult(
            file=file,
            sent_at=times.parse_timestamp(file.created_at),
            parts=mark_words(file.attachment.name, words),
            is_blocked=is_hidden_by_block(file, user_id, blocked_ids),
        )
        for file in files
    ]


def build_conversation_results(titles: Sequence[TitleSchema], words: Sequence[Word]) -> list[NamedResult]:
    return [NamedResult(title, mark_words(title.title, words)) for title in titles]


def build_user_results(users: Sequence[User], words: Sequence[Word]) -> list[NamedResult]:
    return [NamedResult(user_schema(user), mark_words(user.display_name, words)) for user in users]


def format_result_count(count: int, has_more: bool) -> str:
    """Returns how many messages a page of results has, such as "20+ found". The plus sign means that more may match."""
    if not count:
        return _("Nothing found")
    if count == 1 and not has_more:
        return pgettext("messages", "1 found")
    return pgettext("messages", "%n found").replace("%n", f"{count}+" if has_more else str(count))


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


def build_filter_links(q: str, parameters: dict[str, str]) -> list[FilterLink]:
    """Returns the filters of a query, as links that remove them, and then the links for filters that people need most.

    `parameters` are the other URL parameters that the links keep.
    """
    operators = find_operators(q)
    links = [
        FilterLink(_describe_operator(found), _url(q[: found.start] + q[found.end :], parameters), is_active=True)
        for found in operators
    ]
    active_labels = {link.label for link in links}
    links += [
        FilterLink(label, _url(f"{q} {operator}", parameters), is_active=False)
        for label, operator in _common_filters()
        if label not in active_labels
    ]
    return links


def add_operators(q: str, operators: Sequence[tuple[str, str]]) -> str:
    """Returns a query with operators added, such as `("from", "bob")`. A day replaces the days that it contradicts."""
    for operator, value in operators:
        value = " ".join(value.translate(_WITHOUT_QUOTES).split())
        if not value:
            continue
        replaced = {"on": DAY_OPERATORS, "before": {"before", "on"}, "after": {"after", "on"}}.get(operator, set())
        for found in reversed(find_operators(q)):
            is_same = (found.operator, found.value) == (operator, value)
            if is_same or found.operator in replaced:
                q = q[: found.start] + q[found.end :]
        q = f'{q} {operator}:"{value}"' if " " in value else f"{q} {operator}:{value}"
    return " ".join(q.split())


def remove_operators(q: str) -> str:
    """Returns the words of a query without its operators."""
    for found in reversed(find_operators(q)):
        q = q[: found.start] + q[found.end :]
    return " ".join(q.split())


def describe_absence(q: str, kind: str) -> str:
    """Returns the sentence on a page that has no results. `kind` is "messages" or "files"."""
    words = remove_operators(q)
    if q and not words:
        if kind == "files":
            return _("No files match these filters.")
        return _("No messages match these filters.")
    if kind == "files":
        return _("No files found for “%(q)s”.") % {"q": words}
    return _("No messages found for “%(q)s”.") % {"q": words}


def _url(q: str, parameters: dict[str, str]) -> str:
    return f"?{urlencode({'q': ' '.join(q.split())} | parameters)}"


def _common_filters() -> list[tuple[str, str]]:
    return [
        (_("From me"), "from:me"),
        (_("Mentions of me"), "mentions:me"),
        (pgettext("search filter", "Files"), "has:file"),
        (pgettext("search filter", "Photos"), "has:image"),
        (pgettext("search filter", "Links"), "has:link"),
    ]


def _describe_operator(found: OperatorText) -> str:
    """Returns the label of a filter, such as "From bob"; the operator as typed if its value is not understood."""
    operator, value = found.operator, found.value
    kinds = {
        "attachment": pgettext("search filter", "Files"),
        "image": pgettext("search filter", "Photos"),
        "video": pgettext("search filter", "Videos"),
        "audio": pgettext("search filter", "Audio"),
        "link": pgettext("search filter", "Links"),
    }
    name = value.removeprefix("@")
    day = start_position.parse_day(value.replace("/", "-"))
    if operator == "from":
        return _("From me") if name.lower() in ME else pgettext("search filter", "From %(name)s") % {"name": name}
    if operator == "in":
        return pgettext("search filter", "In %(name)s") % {"name": name}
    if operator == "has" and fold(value) in KINDS:
        return kinds[KINDS[fold(value)]]
    if operator == "mentions" and name.lower() in ME:
        return _("Mentions of me")
    if operator in DAY_OPERATORS and day:
        words = {
            "on": pgettext("search filter", "On %(day)s"),
            "before": pgettext("search filter", "Before %(day)s"),
            "after": pgettext("search filter", "After %(day)s"),
        }
        return words[operator] % {"day": day.isoformat()}
    return f"{operator}:{value}"
