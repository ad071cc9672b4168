"""Receipts on open sockets: shown by person and by conversation, mutually, also when that changes meanwhile."""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest

from accounts.actions import update_profile
from chat import actions

GATHERED = 0.6  # seconds: receipts are told a few times a second


def heard(listener) -> list[tuple[int, int]]:
    """(person, read up to) of each receipt since the last time."""
    texts, listener.wire.texts = listener.wire.texts, []
    frames = [msgspec.json.decode(text) for text in texts]
    told = [frame["payload"] for frame in frames if frame["type"] == "receipt"]
    return [(each["user_id"], each["read_seq"]) for each in told]


@pytest.fixture
async def read(stage, room, alice):
    """`await read(bob)`: alice says something, and bob reads it. Its seq."""

    async def say_and_read(reader) -> int:
        message, _new = await stage.do(actions.send_message, alice.pk, room.pk, uuid.uuid4(), "hello")
        await stage.do(actions.mark_read, reader.pk, room.pk, message.seq)
        await asyncio.sleep(GATHERED)
        return message.seq

    return say_and_read


async def test_whoever_hides_them_in_one_conversation_neither_sends_nor_hears_them_there(stage, room, alice, bob, read):
    hers, his = await stage.listen(alice), await stage.listen(bob)
    await stage.do(actions.update_member_state, bob.pk, room.pk, {"receipts": False})
    await asyncio.sleep(GATHERED)
    assert heard(hers) == [(bob.pk, 0)]  # they are shown no more, and taken from her page
    heard(his)
    await read(bob)
    assert (bob.pk, 0) not in heard(hers) and bob.pk not in {who for who, _ in heard(hers)}
    assert heard(his) == []


async def test_whoever_shows_them_again_is_seen_where_they_stand(stage, room, alice, bob, read):
    await stage.do(actions.update_member_state, bob.pk, room.pk, {"receipts": False})
    seq = await read(bob)
    hers = await stage.listen(alice)
    await stage.do(actions.update_member_state, bob.pk, room.pk, {"receipts": True})
    await asyncio.sleep(GATHERED)
    assert heard(hers) == [(bob.pk, seq)]


async def test_hidden_from_everybody_while_connected(stage, room, alice, bob, read):
    hers, his = await stage.listen(alice), await stage.listen(bob)
    await read(bob)
    heard(hers), heard(his)
    await stage.do(update_profile, bob.pk, {"show_receipts": "nobody"})
    await asyncio.sleep(GATHERED)
    assert heard(hers) == [(bob.pk, 0)]
    heard(his)
    await read(bob)
    assert bob.pk not in {who for who, _ in heard(hers)} and heard(his) == []
