"""Compares the search index with the messages in the database."""

from __future__ import annotations

from django.db import connection

from chat.actions.search_index import indexed_text
from chat.models import Message
from chat.search.index import entry_rows


def find_index_differences() -> list[str]:
    """Returns a line for each message whose entry in the search index is not what its row says, an empty list if none.

    Messages that are deleted, and system messages, must have no entry. In SQLite the full-text index must also be
    equal to the terms that are stored beside it.
    """
    messages = Message.objects.filter(kind=Message.Kind.TEXT, deleted_at=None)
    rows = entry_rows([indexed_text(message) for message in messages])
    expected = {pk: sorted(set(terms.split())) for pk, terms in rows}
    terms = "tsvector_to_array(terms)" if connection.vendor == "postgresql" else "terms"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT rowid, {terms} FROM chat_searchentry")
        rows = cursor.fetchall()
        if connection.vendor == "sqlite":  # raises an error if the index and its content differ
            cursor.execute("INSERT INTO chat_searchentry(chat_searchentry) VALUES ('integrity-check')")
    stored = {pk: sorted(set(found.split() if isinstance(found, str) else found)) for pk, found in rows}
    assert len(stored) == len(rows)
    return [
        f"message {pk}: {stored.get(pk)} instead of {expected.get(pk)}"
        for pk in sorted(expected.keys() | stored.keys())
        if expected.get(pk) != stored.get(pk)
    ]
