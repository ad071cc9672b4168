"""Schema of the export of a conversation."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.urls import reverse

from chat.models import ConversationExport, Export
from messenger.core.field_types import Timestamp, one_of
from messenger.core.timestamps import format_optional_timestamp, format_timestamp


class ConversationExportSchema(msgspec.Struct):
    """The export of a group that I have requested: a ZIP file with its messages and files, as web pages and as JSON.

    `percent` is how much is done while it is `building`. `url` of the file and `size` (bytes) are null until it is
    `ready`. It is deleted at `expires_at`.
    """

    state: Annotated[str, one_of(Export.State.values)]
    percent: int
    url: str | None
    size: int | None
    asked_at: Timestamp
    expires_at: Timestamp | None


def conversation_export_schema(export: ConversationExport) -> ConversationExportSchema:
    is_ready = export.state == Export.State.READY
    return ConversationExportSchema(
        state=export.state,
        percent=export.percent,
        url=reverse("conversation_export_file", args=[export.conversation_id]) if is_ready else None,
        size=export.size if is_ready else None,
        asked_at=format_timestamp(export.asked_at),
        expires_at=format_optional_timestamp(export.expires_at),
    )
