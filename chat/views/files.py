"""The files of a conversation, on a page of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse

from chat import reading, times
from chat.doors import PersonalRequest, page
from chat.files.drawing import Drawn, tile
from chat.files.reading import files as files_of
from chat.lines import title_of
from chat.models import Attachment
from chat.shapes import FileShape
from chat.views.common import draw, number

PAGE = 60  # whole rows of two, three, four or five tiles


@dataclass(slots=True)
class Shown:
    shape: FileShape
    file: Drawn
    at: datetime

    @property
    def tiled(self) -> bool:
        return self.file.shape.kind == "image"


@page
def files(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    """Newest first, all of them or one kind (`?kind=image`); `?before=` goes on to older ones."""
    me = request.user.pk
    shape = reading.conversation(me, conversation_id)
    kind = request.GET.get("kind", "")
    kind = kind if kind in Attachment.Kind.values else ""
    before = number(request.GET.get("before"))
    found, after = files_of(me, conversation_id, kind=kind, before=before, limit=PAGE)
    shown = [Shown(each, tile(each.attachment), times.parse(each.created_at)) for each in found]
    return draw(
        request,
        "chat/files.html",
        conversation=shape,
        title=title_of(shape),
        kind=kind,
        shown=shown,
        before=before,
        after=after,
    )
