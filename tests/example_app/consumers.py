"""The WebSocket command of the example app."""

from __future__ import annotations

import msgspec

from messenger.live.commands import command
from messenger.live.consumer import LiveConsumer
from tests.example_app.models import Notice


class ListNoticesPayload(msgspec.Struct):
    """List your notices."""


class NoticesAnswer(msgspec.Struct):
    message_ids: list[int]


class NoticeConsumer(LiveConsumer):
    @command("notice.list", ListNoticesPayload, answer=NoticesAnswer)
    async def list_notices(self, payload: ListNoticesPayload) -> NoticesAnswer:
        notices = Notice.objects.filter(user_id=self.connection.user_id).values_list("message_id", flat=True)
        return NoticesAnswer(await self.connection.run(list, notices))
