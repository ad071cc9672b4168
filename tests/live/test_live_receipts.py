"""Tests of receipts (who has read up to which message) on open WebSockets.

Users who hide their own receipts, in one conversation or from everyone, do not receive the receipts of others. A
changed setting takes effect on open WebSockets at once.
"""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest

from accounts.actions import update_profile
from chat import actions

RECEIPT_BATCH_SECONDS = 0.6  # longer than the interval in which receipts are sent together


def take_receipts(listener) -> list[tuple[int, int]]:
    """Returns the receipts (who has read up to which message) that the listener has received since the last call.

    Each is a pair: a user id and the number of the newest message that this user has read.
    """
    texts, listener.transport.texts = listener.transport.texts, []
    frames = [msgspec.json.decode(text) for text in texts]
    published = [frame["payload"] for frame in frames if frame["type"] == "receipt"]
    return [(each["user_id"], each["read_seq"]) for each in published]


@pytest.fixture
async def send_and_read(environment, group, alice):
    """Returns an async function that sends a message from alice to the group and marks it as read by another user.

    `seq = await send_and_read(bob)` returns the number of the message in the group.
    """

    async def say_and_read(reader) -> int:
        message, _new = await environment.run(actions.send_message, alice.pk, group.pk, uuid.uuid4(), "hello")
        await environment.run(actions.mark_read, reader.pk, group.pk, message.seq)
        await asyncio.sleep(RECEIPT_BATCH_SECONDS)
        return message.seq

    return say_and_read


async def test_hiding_receipts_in_a_conversation_is_mutual(environment, group, alice, bob, send_and_read):
    hers, his = await environment.connect(alice), await environment.connect(bob)
    await environment.run(actions.update_member_state, bob.pk, group.pk, {"receipts": False})
    await asyncio.sleep(RECEIPT_BATCH_SECONDS)
    assert take_receipts(hers) == [(bob.pk, 0)]  # read seq 0 removes bob's receipt from the page of alice
    take_receipts(his)
    await send_and_read(bob)
    assert (bob.pk, 0) not in take_receipts(hers) and bob.pk not in {who for who, _ in take_receipts(hers)}
    assert take_receipts(his) == []


async def test_showing_receipts_again_sends_the_current_position(environment, group, alice, bob, send_and_read):
    await environment.run(actions.update_member_state, bob.pk, group.pk, {"receipts": False})
    seq = await send_and_read(bob)
    hers = await environment.connect(alice)
    await environment.run(actions.update_member_state, bob.pk, group.pk, {"receipts": True})
    await asyncio.sleep(RECEIPT_BATCH_SECONDS)
    assert take_receipts(hers) == [(bob.pk, seq)]


async def test_hiding_receipts_from_everyone_applies_to_open_sockets(environment, group, alice, bob, send_and_read):
    hers, his = await environment.connect(alice), await environment.connect(bob)
    await send_and_read(bob)
    take_receipts(hers), take_receipts(his)
    await environment.run(update_profile, bob.pk, {"show_receipts": "nobody"})
    await asyncio.sleep(RECEIPT_BATCH_SECONDS)
    assert take_receipts(hers) == [(bob.pk, 0)]
    take_receipts(his)
    await send_and_read(bob)
    assert bob.pk not in {who for who, _ in take_receipts(hers)} and take_receipts(his) == []
