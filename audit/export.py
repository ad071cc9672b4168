"""Writes entries of the audit log as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from django.db.models import QuerySet

from audit.chain import COVERED_FIELDS
from audit.models import AuditEntry
from messenger.core.timestamps import format_timestamp


def entry_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yields one line of JSON, with its line break, for each entry. Rows are read in pieces."""
    for entry in entries.iterator():
        fields = {name: getattr(entry, name) for name in COVERED_FIELDS}
        line = {
            "number": entry.number,
            "created_at": format_timestamp(entry.created_at),
            **fields,
            "digest": entry.digest,
        }
        yield msgspec.json.encode(line).decode() + "\n"
