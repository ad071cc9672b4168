"""Which of my texts were sent, got and read: the small marks behind their last words.

A mark stands on the last of each state in each group of mine. `static/js/conversation/receipts/receipts.js` does the same for what is told
live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat.schemas import ReceiptSchema

if TYPE_CHECKING:
    from chat.view_models.message_log import Line


@dataclass(frozen=True, slots=True)
class Tick:
    """`state` is sent, delivered or read; `count` of the `total` others who show it have read it."""

    state: str
    count: int
    total: int

    @property
    def said(self) -> str:
        """What tells one mark from another, for scripts."""
        return f"{self.state} {self.count} {self.total}"


def put(lines: Sequence[Line], receipts: Sequence[ReceiptSchema]) -> None:
    """`lines` of one page, ascending; `receipts` of the others who show theirs."""
    mine = [line for line in lines if line.mine and not line.gone and not line.event]
    ticks = [_tick(line.message.seq, receipts) for line in mine]
    for at, (line, tick) in enumerate(zip(mine, ticks, strict=True)):
        if at + 1 == len(mine) or mine[at + 1].place.first or ticks[at + 1].state != tick.state:
            line.tick = tick


def _tick(seq: int, receipts: Sequence[ReceiptSchema]) -> Tick:
    count = sum(1 for each in receipts if each.read_seq >= seq)
    delivered = any(each.delivered_seq >= seq for each in receipts)
    return Tick("read" if count else "delivered" if delivered else "sent", count, len(receipts))
