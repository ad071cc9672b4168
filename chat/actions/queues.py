"""The two queues through which socket, API and pages store messages and read markers, one of each per process."""

from __future__ import annotations

from django.conf import settings

from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, send_many, send_many_blocking
from messenger.core.batch_writer import BatchWriter

send_queue: BatchWriter[SendCommand] = BatchWriter(
    "sends", send_many, lambda send: send.conversation_id, store_blocking=send_many_blocking, size=settings.BATCH_SIZE
)

# Moves are collected for 50 ms: a user who scrolls, or a hundred readers of one message, take one transaction. The
# batches are larger than those of messages because several moves of one user in one conversation become one row.
read_marker_queue: BatchWriter[MarkerMove] = BatchWriter(
    "marks", move_markers, lambda move: move.user_id, size=8 * settings.BATCH_SIZE, pause=0.05
)
