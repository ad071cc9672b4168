"""The files of a conversation, on a page of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse

from chat import selectors
from chat.attachments.selectors import files as files_of
from chat.models import Attachment
from chat.schemas import FileSchema
from chat.view_models import times
from chat.view_models.attachments import Drawn, tile
from chat.view_models.message_log import title_of
from chat.views.common import draw, number
from chat.views.decorators import PersonalRequest, page

PAGE = 60  # whole rows of two, three, four or five tiles


@dataclass(slots=True)
class Shown:
    shape: FileSchema
    file: Drawn
    at: datetime

    @property
    def tiled(self) -> bool:
        return self.file.shape.kind == "image"


@page
def files(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    """Newest first, all of them or one kind (`?kind=image`); `?before=` goes on to older ones."""
    me = request.user.pk
    shape = selectors.get_conversation(me, conversation_id)
    kind = request.GET.get("kind", "")
    kind = kind if kind in Attachment.Kind.values else ""
    before = number(request.GET.get("before"))
    found, after = files_of(me, conversation_id, kind=kind, before=before, limit=PAGE)
    shown = [Shown(each, tile(each.attachment), times.parse(each.created_at)) for each in found]
    return draw(
        request,
        "chat/conversation/files.html",
        conversation=shape,
        title=title_of(shape),
        kind=kind,
        shown=shown,
        before=before,
        after=after,
    )
