"""The page that lists the files sent in a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from chat import selectors
from chat.attachments.selectors import list_files, search_files
from chat.schemas import FileSchema
from chat.selectors import MessageSearch
from chat.view_models import times
from chat.view_models.attachments import AttachmentView, build_tile
from chat.view_models.message_log import conversation_title
from chat.view_models.search import describe_absence
from chat.views.common import FORM_ERROR_CODES, get_message_search_text, render_page
from chat.views.decorators import AuthenticatedRequest, page_view
from messenger.core.errors import ApplicationError, error_message
from messenger.core.numbers import parse_id

PAGE_SIZE = 60  # divisible by 2, 3, 4 and 5, so that rows of so many tiles are full
KINDS = ("image", "video", "audio", "file")


@dataclass(slots=True)
class FileItem:
    file: FileSchema
    view: AttachmentView
    created_at: datetime

    @property
    def is_tile(self) -> bool:
        return self.file.attachment.kind == "image"


@page_view
def show_files(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Lists the files sent in a conversation, newest first. `?kind=image` shows only images.

    `?q=` shows only files whose names have these words; operators such as `from:bob` work, too. `?before=` shows the
    next page with older files. What the conversation hides because of a blocked person is left out.
    """
    user_id = request.user.pk
    conversation = selectors.get_conversation(user_id, conversation_id)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    before = parse_id(request.GET.get("before"))
    q = get_message_search_text(request)
    choice: Any = {"kind": kind, "before": before, "limit": PAGE_SIZE, "blocked_ids": request.user.blocked_ids}
    results: list[FileSchema] = []
    cursor, error, status = None, "", 200
    try:
        if q:
            search = MessageSearch(user_id, q, timezone.get_current_timezone(), conversation_id)
            results, cursor = search_files(search, **choice)
        else:
            results, cursor = list_files(user_id, conversation_id, **choice)
    except ApplicationError as raised:
        if raised.code not in FORM_ERROR_CODES:
            raise
        error, status = error_message(raised), raised.status
    return render_page(
        request,
        "chat/conversation/files.html",
        status,
        q=q,
        absence=describe_absence(q, "files"),
        error=error,
        conversation=conversation,
        title=conversation_title(conversation),
        kind=kind,
        items=[FileItem(file, build_tile(file.attachment), times.parse_timestamp(file.created_at)) for file in results],
        before=before,
        after=cursor,
    )
