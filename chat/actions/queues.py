"""Two queues that store commands in batches: one for new messages, the other for how far users have read.

WebSocket consumers, API and views put their commands into a queue. Each process has its own two queues. A batch of
commands is stored in one transaction, which is faster than one transaction per command.
"""

from __future__ import annotations

from django.conf import settings

from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, send_many, send_many_blocking
from messenger.core.batch_writer import BatchWriter

send_queue: BatchWriter[SendCommand] = BatchWriter(
    "sends",
    send_many,
    lambda send: send.payload.conversation_id,
    store_blocking=send_many_blocking,
    size=settings.BATCH_SIZE,
)

# Moves of read markers are collected for 50 ms, so that one transaction stores all moves of a user who scrolls, or of a
# hundred readers of one message. These batches are larger than batches of messages, because several moves of one user
# in one conversation change only one row.
read_marker_queue: BatchWriter[MarkerMove] = BatchWriter(
    "marks", move_markers, lambda move: move.user_id, size=8 * settings.BATCH_SIZE, pause=0.05
)
