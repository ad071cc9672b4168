"""Tests of `OrderedStream`, which delivers the events of one conversation or of one user in order of version."""

from __future__ import annotations

import asyncio

import pytest

from messenger.live.events import ConversationEvent, UserEvent
from messenger.live.streams import UNKNOWN, OrderedStream


def conversation_event(version: int, after: int | None = None) -> ConversationEvent:
    return ConversationEvent(12, version - 1 if after is None else after, version, f"{version}")


def user_event(version: int) -> UserEvent:
    return UserEvent(3, f"{version}", version)


class Recorder:
    """Records what a stream sends, and for which last version it asks for missing events."""

    def __init__(self, delivered_version: int):
        self.sent: list[str] = []
        self.asked: list[int] = []
        self.stream: OrderedStream = OrderedStream(
            12,
            delivered_version,
            lambda stream, event: self.sent.append(event.text),
            lambda stream: self.asked.append(stream.delivered_version),
        )

    def receive(self, *events) -> None:
        for event in events:
            self.stream.receive(event)


@pytest.fixture(autouse=True)
def short_waits(settings):
    settings.EVENT_GAP_SECONDS = 0.01


@pytest.mark.parametrize("make_event", [conversation_event, user_event])
async def test_events_are_sent_once_and_in_order_of_version(make_event):
    recorder = Recorder(4)
    recorder.receive(*(make_event(version) for version in (7, 4, 5, 5, 6, 8, 7)))
    assert recorder.sent == ["5", "6", "7", "8"]
    await asyncio.sleep(0.05)
    assert recorder.asked == []  # all versions have come


@pytest.mark.parametrize("make_event", [conversation_event, user_event])
async def test_missing_events_are_asked_for_once_and_sent_before_those_that_wait(make_event):
    recorder = Recorder(4)
    recorder.receive(make_event(7), make_event(8))
    await asyncio.sleep(0.05)
    assert (recorder.sent, recorder.asked) == ([], [4])

    recorder.stream.deliver_missed([make_event(5), make_event(6), make_event(7)], 7)
    assert recorder.sent == ["5", "6", "7", "8"]


async def test_a_gap_behind_a_closed_gap_is_asked_for():
    recorder = Recorder(4)
    recorder.receive(conversation_event(6), conversation_event(9), conversation_event(5))
    assert recorder.sent == ["5", "6"]
    await asyncio.sleep(0.05)
    assert recorder.asked == [6]


async def test_a_gap_that_remains_after_missed_events_is_asked_for_again():
    recorder = Recorder(4)
    recorder.receive(user_event(9))
    await asyncio.sleep(0.05)
    recorder.stream.deliver_missed([user_event(6)], 7)  # a row holds the version of its newest change only
    await asyncio.sleep(0.05)
    assert (recorder.sent, recorder.asked) == (["6"], [4, 7])


async def test_a_database_without_the_missing_versions_is_not_asked_all_the_time():
    recorder = Recorder(4)
    recorder.receive(user_event(9))
    await asyncio.sleep(0.05)
    recorder.stream.deliver_missed([], 4)
    await asyncio.sleep(0.05)
    assert recorder.asked == [4]


async def test_an_event_without_a_version_is_sent_at_once():
    recorder = Recorder(4)
    recorder.receive(user_event(6), UserEvent(3, "mention"))
    assert recorder.sent == ["mention"]


async def test_a_stream_of_unknown_version_sends_what_comes_and_then_keeps_the_order():
    recorder = Recorder(UNKNOWN)
    recorder.receive(user_event(7), user_event(9))
    assert recorder.sent == ["7"]
    recorder.stream.advance(8)
    assert recorder.sent == ["7", "9"]


async def test_a_version_that_is_only_known_from_the_database_is_asked_for_unless_it_comes():
    recorder = Recorder(4)
    recorder.stream.reconcile_later(5, 0.01)
    recorder.receive(user_event(5))
    recorder.stream.reconcile_later(6, 0.01)
    await asyncio.sleep(0.05)
    assert recorder.asked == [5]
