"""Catching up over HTTP, for whoever can open no socket."""

from __future__ import annotations

from chat import selectors
from chat.api.base import Door, answer, says
from chat.serializers import SyncSerializer


class Sync(Door):
    @says(
        selectors.SyncAnswerSchema,
        "What this device missed",
        description="The socket's `sync`, for where no socket can be opened: ask every few seconds, and while"
        " `complete` is false at once, with the versions of the answer.",
        request=SyncSerializer,
    )
    def create(self, request):
        given = self.given(SyncSerializer)
        return answer(selectors.sync_client(self.person_id, given["cursors"], given["me"], given["open"]))
