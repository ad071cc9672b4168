"""How far people have got and read."""

from __future__ import annotations

from chat import actions, selectors
from chat.api.base import Door, answer, lists, says
from chat.schemas import MineSchema, ReceiptSchema
from chat.serializers import ReadSerializer
from messenger.api import page


class Read(Door):
    @says(MineSchema, "Move my read mark forward, or back with `back`", request=ReadSerializer)
    def create(self, request, conversation_id: int):
        mark = self.given(ReadSerializer)
        if "seq" not in mark:
            return answer(actions.mark_unread(self.person_id, conversation_id))
        return answer(actions.read(self.person_id, conversation_id, mark["seq"], back=mark["back"]))


class Receipts(Door):
    @lists(ReceiptSchema, "How far each member who shows it has got and read")
    def list(self, request, conversation_id: int):
        return page(request, selectors.list_receipts(self.person_id, conversation_id))
