"""Writes long message histories for tests directly into the database tables: 100,000 messages take seconds."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

WORDS = [
    "rain",
    "bridge",
    "key",
    "morning",
    "lamp",
    "letter",
    "train",
    "garden",
    "stone",
    "river",
    "paper",
    "window",
    "boat",
    "salt",
    "road",
    "钥匙",
    "晚上",
    "花园",
]


def write_history(
    conversation_id: int,
    senders: Sequence[int],
    count: int,
    *,
    until: datetime | None = None,
    step: timedelta = timedelta(minutes=4),
) -> int:
    """Creates `count` text messages and returns the `seq` (number in the conversation) of the first one.

    The last message is sent at the time `until` (default: now), and the time between two messages is `step`. If the
    function is called with the same arguments, it creates the same texts.
    """
    from chat.models import Conversation, Message

    conversation = Conversation.objects.get(pk=conversation_id)
    until = until or timezone.now()
    first = conversation.last_seq + 1
    rng = random.Random(f"{conversation_id}/{count}")
    rows = []
    for number in range(count):
        body = f"{first + number}: " + " ".join(rng.choices(WORDS, k=rng.choice((3, 6, 9, 40))))
        rows.append(
            Message(
                conversation=conversation,
                seq=first + number,
                version=conversation.version + number + 1,
                first_version=conversation.version + number + 1,
                text_count=conversation.text_count + number + 1,
                sender_id=senders[number // 3 % len(senders)],
                client_id=uuid.UUID(int=rng.getrandbits(128), version=4),
                body=body,
                body_html=f"<p>{body}</p>\n",
                created_at=until - step * (count - number - 1),
            )
        )
    Message.objects.bulk_create(rows, batch_size=2000)
    Conversation.objects.filter(pk=conversation_id, created_at__gt=rows[0].created_at).update(
        created_at=rows[0].created_at
    )
    last = Message.objects.get(conversation=conversation, seq=first + count - 1)
    Conversation.objects.filter(pk=conversation_id).update(
        last_seq=last.seq,
        version=last.version,
        text_count=last.text_count,
        last_message=last,
        active_at=last.created_at,
    )
    return first


def mark_read(conversation_id: int, user_id: int, seq: int) -> None:
    from chat.models import Membership, Message

    texts = (
        Message.objects.filter(conversation_id=conversation_id, seq=seq).values_list("text_count", flat=True).first()
    )
    row = Membership.objects.filter(conversation_id=conversation_id, user_id=user_id)
    row.update(read_seq=seq, delivered_seq=seq, read_count=texts or 0)
