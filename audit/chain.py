"""The chain of the audit log: each digest covers an entry and the digest before it.

So nobody can change, insert or remove an entry without computing all later digests again. The newest digest (the head)
is written once a day to a file outside of the database (AUDIT_HEADS). Somebody who can change the database may not be
able to change this file, and `manage.py verify_audit` compares both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from audit.models import AuditEntry, ChainHead
from messenger.core.timestamps import format_timestamp

COVERED_FIELDS = (
    *("actor_id", "address", "action", "target_type", "target_id", "conversation_id", "reason", "before", "after"),
)
_encode = msgspec.json.Encoder(order="sorted").encode


class Head(NamedTuple):
    """A number of the chain and its digest, as published at a time."""

    number: int
    digest: str
    published_at: str = ""


def compute_digest(previous: str, number: int, entry: AuditEntry) -> str:
    """Returns the SHA-256 digest, as 64 hexadecimal digits, of an entry at its place in the chain."""
    fields = {name: getattr(entry, name) for name in COVERED_FIELDS}
    fields |= {"previous": previous, "number": number, "created_at": format_timestamp(entry.created_at)}
    return hashlib.sha256(_encode(fields)).hexdigest()


def format_head(head: Head) -> str:
    return f"{head.published_at} {head.number} {head.digest}"


def parse_heads(lines: Iterable[str]) -> list[Head]:
    """Reads published heads, one a line. Raises ValueError for a line that is none."""
    heads = []
    for line in lines:
        if line.strip():
            published_at, number, digest = line.split()
            heads.append(Head(int(number), digest, published_at))
    return heads


def find_faults(heads: Iterable[Head] = ()) -> Iterator[str]:
    """Yields a sentence for each place where the chain is broken. `heads` were published earlier.

    Entries that are not sealed yet are not checked.
    """
    expected = {head.number: head for head in heads}
    digest, number = "", 0
    for entry in AuditEntry.objects.exclude(number=None).order_by("number").iterator():
        assert entry.number is not None
        if entry.number != number + 1:
            yield f"Entries {number + 1} to {entry.number - 1} are missing."
        elif entry.digest != compute_digest(digest, entry.number, entry):
            yield f"Entry {entry.number} of {format_timestamp(entry.created_at)} does not match its digest."
        number, digest = entry.number, entry.digest
        if (head := expected.pop(number, None)) and head.digest != digest:
            yield f"Entry {number} has another digest than was published at {head.published_at}."
    last = ChainHead.objects.first()
    if last and (last.number, last.digest) != (number, digest):
        yield f"The chain ends with entry {number}; its head says {last.number}."
    for head in expected.values():
        yield f"Entry {head.number} is missing; it was published at {head.published_at}."
