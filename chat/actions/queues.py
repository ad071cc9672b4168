"""The two queues of a process through which all doors store: messages, and marks."""

from __future__ import annotations

from django.conf import settings

from chat.actions.read_markers import Move, move_many
from chat.actions.sending import Send, send_many, send_waiting
from messenger.core.batch_writer import BatchWriter

send_queue: BatchWriter[Send] = BatchWriter(
    "sends", send_many, lambda send: send.conversation_id, wait=send_waiting, size=settings.BATCH_SIZE
)

# Marks gather for a moment: a reader who scrolls, or a hundred readers of one message, cost one transaction. It takes
# more of them, since those of one person in one conversation become one row.
mark_queue: BatchWriter[Move] = BatchWriter(
    "marks", move_many, lambda move: move.user_id, size=8 * settings.BATCH_SIZE, pause=0.05
)
