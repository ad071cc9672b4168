"""Models of the search index."""

from django.db import models


class SearchEntry(models.Model):
    """The entry of a message in the search index: the terms by which the message is found (see chat/search/terms.py).

    In SQLite the table is a full-text index (FTS5). In PostgreSQL `terms` is a `tsvector` with a GIN index. So only
    chat/search/index.py reads and writes the table. Deleted messages have no entry.
    """

    message_id = models.BigIntegerField(primary_key=True, db_column="rowid")
    terms = models.TextField()


class SearchBackfill(models.Model):
    """One row: which older messages are not in the search index yet, after an upgrade or `rebuild_search`.

    All messages with an id below `next_id` still have to be indexed; 0 means none. `total` is for showing progress.
    """

    next_id = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
