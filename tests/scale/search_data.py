"""Generates a large site for measuring search: English and Chinese messages whose words follow Zipf's law.

Writes directly into the tables: a million messages take about a minute. The same arguments create the same texts.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.management.color import no_style
from django.db import connection, transaction

from chat.models import Conversation, Membership, Message
from chat.search.index import entry_rows
from chat.search.terms import IndexedText

CONVERSATIONS, USERS, MINE = 10_000, 2000, 200
VOCABULARY = 30_000  # words of each language
END = datetime(2026, 11, 28, tzinfo=UTC)
YEARS = 3  # over which the messages are spread
BATCH = 10_000

_SYLLABLES = [first + second for first in "bdfghklmnprstvwz" for second in "aeiou"]
_HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 2500)]


def english_word(rank: int) -> str:
    """Returns the invented English word with this place in the order of frequency, 0 for the most frequent."""
    word = _SYLLABLES[rank % 80]
    while rank := rank // 80:
        word += _SYLLABLES[rank % 80]
    return word


def chinese_word(rank: int) -> str:
    """Returns two Chinese characters, the first of which repeats every 2500 words."""
    return _HAN[rank % 2500] + _HAN[(rank * 7919 + 13) % 2499]


@dataclass(frozen=True)
class SearchData:
    """What the generated data contains. The words are English, unless named otherwise."""

    reader_id: int
    common: str = english_word(0)
    second: str = english_word(1)
    rare: str = english_word(3000)
    absent: str = "qqabsent"
    hot_elsewhere: str = "qqhot"  # in a third of the messages of other conversations, in none of the reader's
    common_chinese: str = chinese_word(0)
    rare_chinese: str = chinese_word(3000)


def create_search_data(messages: int) -> SearchData:
    """Fills an empty database: `messages` in 10,000 conversations, of which the reader is a member of 200.

    Some conversations are long and most are short, also among those of the reader. The longest, which is one of the
    reader's, has about half a percent of all messages. A third of the messages there are the reader's own.
    """
    users = _create_users()
    conversations = _create_conversations(users)
    reader = users[0]
    with transaction.atomic(), _without_index(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA cache_size=-400000")
        sizes = _write_messages(cursor, conversations, users, messages)
    _finish_conversations(sizes)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return SearchData(reader)


def _create_users() -> list[int]:
    from accounts.models import User

    rows = [User(username=f"member{number}", password="!unusable", me_version=1) for number in range(USERS)]
    User.objects.bulk_create(rows, batch_size=500)
    return list(User.objects.order_by("pk").values_list("pk", flat=True))


def _create_conversations(users: list[int]) -> list[int]:
    """Creates groups of four or five members. Returns their ids; the reader is in every fiftieth."""
    start = END - timedelta(days=366 * YEARS)
    rng = random.Random("conversations")
    fresh = {"created_at": start, "active_at": start, "version": 1, "info_version": 1}
    Conversation.objects.bulk_create(
        (
            Conversation(kind="group", title=f"{english_word(number % 700)} {number}", member_count=4, **fresh)
            for number in range(CONVERSATIONS)
        ),
        batch_size=500,
    )
    ids = list(Conversation.objects.order_by("pk").values_list("pk", flat=True))
    members = {
        pk: [*(users[:1] if place % (CONVERSATIONS // MINE) == 0 else []), *rng.sample(users[1:], 4)]
        for place, pk in enumerate(ids)
    }
    Membership.objects.bulk_create(
        (
            Membership(conversation_id=pk, user_id=user_id, joined_at=start, version=1, me_version=1)
            for pk, user_ids in members.items()
            for user_id in user_ids
        ),
        batch_size=500,
    )
    return ids


class _without_index:
    """Context manager that drops the GIN index of PostgreSQL and creates it again at the end, which is much faster."""

    def __enter__(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0; SET maintenance_work_mem = '1GB'")
                cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'chat_searchentry_terms'")
                self.definition = cursor.fetchone()[0]
                cursor.execute("DROP INDEX chat_searchentry_terms")

    def __exit__(self, *error: object) -> None:
        if connection.vendor == "postgresql" and error[0] is None:
            with connection.cursor() as cursor:
                cursor.execute(self.definition)


_COLUMNS = (
    *("id", "conversation_id", "seq", "version", "first_version", "text_count", "kind", "sender_id", "digest"),
    *("body", "body_html", "mentions", "files", "created_at"),
)


def _write_messages(cursor, conversations: list[int], users: list[int], count: int) -> dict[int, int]:
    """Writes messages and their search entries. Returns the number of messages of each conversation, by its id."""
    sizes = dict.fromkeys(conversations, 0)
    mine = set(conversations[:: CONVERSATIONS // MINE])
    step = timedelta(days=365 * YEARS) / count
    rng = random.Random(count)
    weights = list(itertools.accumulate((place + 1) ** -0.5 for place in range(CONVERSATIONS)))
    for first in range(1, count + 1, BATCH):
        size = min(BATCH, count + 1 - first)
        rows, texts = [], []
        places = rng.choices(conversations, cum_weights=weights, k=size)
        for number, conversation_id, body in zip(range(first, first + size), places, _bodies(rng, size), strict=True):
            if conversation_id not in mine and number % 3 == 0:
                body += f" {SearchData.hot_elsewhere}"
            seq = sizes[conversation_id] = sizes[conversation_id] + 1
            created_at = END - step * (count - number)
            sender_id = users[0 if conversation_id in mine and number % 3 == 0 else 1 + number % (USERS - 1)]
            rows.append(
                (number, conversation_id, seq, seq + 1, seq + 1, seq, "text", sender_id, "",
                 body, f"<p>{body}</p>\n", "[]", "[]", created_at.isoformat(" "))
            )  # fmt: skip
            texts.append(IndexedText(number, conversation_id, sender_id, body, (), (), False, ()))
        _insert(cursor, "chat_message", _COLUMNS, rows)
        _insert(cursor, "chat_searchentry", ("rowid", "terms"), entry_rows(texts))
    for sql in connection.ops.sequence_reset_sql(no_style(), [Message]):
        cursor.execute(sql)
    return sizes


def _bodies(rng: random.Random, count: int) -> Iterator[str]:
    """Yields texts of 2 to 20 words, two of three in English and one in Chinese."""
    english, chinese = (rng.choices(words, cum_weights=_ZIPF, k=count * 20) for words in _VOCABULARIES)
    for start in range(0, count * 20, 20):
        words, separator = (chinese, "") if rng.random() < 1 / 3 else (english, " ")
        yield separator.join(words[start : start + rng.randint(2, 20)])


_VOCABULARIES = [[english_word(rank) for rank in range(VOCABULARY)], [chinese_word(rank) for rank in range(VOCABULARY)]]
_ZIPF = list(itertools.accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))


def _insert(cursor, table: str, columns: tuple[str, ...], rows: list[tuple]) -> None:
    names = ", ".join(columns)
    if connection.vendor == "postgresql":
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        values = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({values})", rows)


def _finish_conversations(sizes: dict[int, int]) -> None:
    """Sets the counters and the last message of each conversation."""
    newest = "(SELECT m.{} FROM chat_message m WHERE m.conversation_id = chat_conversation.id AND m.seq = %s)"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE chat_conversation SET last_seq = %s, text_count = %s, version = %s,"
            f" last_message_id = {newest.format('id')}, active_at = {newest.format('created_at')} WHERE id = %s",
            [(size, size, size + 1, size, size, pk) for pk, size in sizes.items() if size],
        )
