"""System check of the search index."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from chat.models import SearchBackfill


@register(Tags.database)
def check_search_index(databases: Sequence[str] | None = None, **_kwargs: object) -> list[CheckMessage]:
    """Warns while older messages are not found by search yet. Run by `manage.py check --database default`."""
    if not databases:
        return []
    try:
        waiting = SearchBackfill.objects.filter(next_id__gt=0).values_list("next_id", flat=True).first()
    except DatabaseError:  # the tables do not exist yet
        return []
    if waiting is None:
        return []
    return [
        Warning(
            f"Messages with an id below {waiting} are not in the search index yet.",
            hint="A worker adds them; `manage.py rebuild_search --resume` does it at once.",
            id="chat.W001",
        )
    ]
