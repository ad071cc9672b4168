"""Tests of presence with several server processes and one Redis, also when a process or Redis fails."""

import asyncio
import time

import pytest

from messenger.live.handshake import SocketRefused
from presence import tracker as tracker_module
from tests.presence.conftest import TIMEOUTS, Process, run_ticks

ALICE, BOB, CAROL = 1, 2, 3


@pytest.fixture(autouse=True)
def short_redis_retry(monkeypatch):
    monkeypatch.setattr(tracker_module, "REDIS_RETRY_AFTER", 0.2)


async def test_a_user_is_online_while_any_process_has_a_connection(make_process):
    first, second = make_process(), make_process()
    first_id, second_id = await first.open(ALICE), await second.open(ALICE)
    assert (first.arrived, second.arrived) == ([ALICE], [])
    await first.tracker.close_connection(first_id)
    await run_ticks(TIMEOUTS.grace * 2, first, second)
    assert await first.tracker.aget_online_users([ALICE]) == {ALICE}
    await second.tracker.close_connection(second_id)
    await run_ticks(TIMEOUTS.grace * 2, first, second)
    assert sorted(first.departed + second.departed) == [ALICE]


async def test_viewers_and_head_count_include_all_processes(make_process):
    first, second = make_process(), make_process()
    await first.tracker.set_view(await first.open(ALICE), 12)
    await second.tracker.set_view(await second.open(BOB), 12)
    await second.tracker.arecord_heartbeat("b:a-browser")
    assert await first.tracker.aget_viewers(12) == {ALICE, BOB}
    assert await first.tracker.aget_head_count() == 3
    await run_ticks(0.5, first, second)
    assert first.head_counts + second.head_counts == [3], "one process publishes it for all"


async def test_one_other_process_reports_the_users_of_a_killed_process(make_process):
    first, second, killed = make_process(), make_process(), make_process()
    await first.open(ALICE)
    for user_id in (ALICE, BOB, CAROL):
        await killed.tracker.set_view(await killed.open(user_id), 12)
    await run_ticks(0.2, first, second, killed)
    await run_ticks(TIMEOUTS.lease + 0.5, first, second)
    assert sorted(first.departed + second.departed) == [BOB, CAROL]
    assert await first.tracker.aget_online_users([ALICE, BOB, CAROL]) == {ALICE}
    assert await first.tracker.aget_viewers(12) == set()
    assert first.changed_conversation_ids + second.changed_conversation_ids == [12]
    assert await second.tracker.aget_head_count() == 1


async def test_a_dead_process_does_not_count_against_limits(make_process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = True, 2
    first, killed = make_process(), make_process()
    await first.open(BOB)
    await killed.open(ALICE)
    await killed.open(ALICE)
    with pytest.raises(SocketRefused):
        await first.open(ALICE)
    await asyncio.sleep(TIMEOUTS.lease + 0.1)  # Redis still contains its connections: no process has ticked
    await first.open(ALICE)


async def test_a_process_that_was_stopped_registers_its_users_again(make_process):
    first, stopped = make_process(), make_process()
    await first.open(ALICE)
    await stopped.tracker.set_view(await stopped.open(BOB), 12)
    await run_ticks(TIMEOUTS.lease + 0.5, first)
    assert first.departed == [BOB]
    await run_ticks(0.3, first, stopped)
    assert (stopped.arrived, stopped.departed) == ([BOB, BOB], [])
    assert await first.tracker.aget_online_users([BOB]) == {BOB}
    assert await first.tracker.aget_viewers(12) == {BOB}


async def test_the_next_tick_refills_an_emptied_redis(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    await first.tracker.set_view(await first.open(ALICE), 12)
    await second.open(BOB)
    await second.tracker.arecord_heartbeat(f"u:{CAROL}", 12)
    await second.tracker.arecord_heartbeat("b:a-browser")
    await run_ticks(0.2, first, second)
    redis_server.flush()
    assert await first.tracker.aget_head_count() == 0
    await run_ticks(0.2, first, second)
    assert await first.tracker.aget_online_users([ALICE, BOB, CAROL]) == {ALICE, BOB, CAROL}
    assert await first.tracker.aget_viewers(12) == {ALICE, CAROL}
    assert await first.tracker.aget_head_count() == 4
    assert (first.departed, second.departed) == ([], [])
    assert first.arrived.count(ALICE) == 2, (
        "published again, since clients may have received something else in the meantime"
    )


async def test_connections_open_and_close_after_redis_was_emptied(make_process, redis_server):
    process = make_process(redis_server.url)
    first = await process.open(ALICE)
    redis_server.flush()
    second = await process.open(BOB)
    redis_server.flush()
    await process.tracker.close_connection(first)
    await process.tracker.set_view(second, 12)
    await run_ticks(TIMEOUTS.grace * 2, process)
    assert await process.tracker.aget_online_users([ALICE, BOB]) == {BOB}
    assert await process.tracker.aget_viewers(12) == {BOB}


async def test_a_process_uses_its_own_store_while_redis_is_down(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    await first.open(ALICE)
    bobs = await second.open(BOB)
    await run_ticks(0.2, first, second)
    redis_server.kill()
    carols = await first.open(CAROL)
    await first.tracker.set_view(carols, 12)
    await second.tracker.close_connection(bobs)
    first.tracker.record_activity(4)
    await run_ticks(TIMEOUTS.grace * 2, first, second)
    assert await first.tracker.aget_online_users([ALICE, CAROL]) == {ALICE, CAROL}
    assert await first.tracker.aget_viewers(12) == {CAROL}
    assert await first.tracker.aget_head_count() == 2, "the last known count"
    assert second.departed == [BOB]

    redis_server.start()
    await run_ticks(1.0, first, second)
    assert await second.tracker.aget_online_users([ALICE, BOB, CAROL]) == {ALICE, CAROL}
    assert await second.tracker.aget_viewers(12) == {CAROL}
    assert CAROL in first.arrived


async def test_missed_steps_are_repeated_in_a_redis_that_kept_its_data(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    alices = await first.open(ALICE)
    await second.open(BOB)
    await run_ticks(0.2, first, second)
    redis_server.pause()
    closing = asyncio.create_task(first.tracker.close_connection(alices))
    await asyncio.sleep(0.05)
    assert not closing.done(), "it waits for Redis, without blocking the event loop"
    await closing
    redis_server.resume()
    await run_ticks(1.0, first, second)
    assert await second.tracker.aget_online_users([ALICE, BOB]) == {BOB}
    assert ALICE in first.departed + second.departed


async def test_no_process_is_declared_dead_because_redis_was_paused(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    await first.open(ALICE)
    await second.open(BOB)
    await run_ticks(0.2, first, second)
    redis_server.pause()
    await run_ticks(TIMEOUTS.lease + 0.5, first, second)
    redis_server.resume()
    await run_ticks(1.5, first, second)
    assert (first.departed, second.departed) == ([], [])
    assert await first.tracker.aget_online_users([ALICE, BOB]) == {ALICE, BOB}


async def test_a_paused_redis_does_not_block_callers_for_long(make_process, redis_server):
    process = make_process(redis_server.url)
    await process.open(ALICE)
    redis_server.pause()
    began = time.monotonic()
    await asyncio.gather(*(process.open(user_id) for user_id in range(10, 60)))
    assert time.monotonic() - began < 3
    before = time.monotonic()
    process.tracker.record_activity(BOB)
    assert time.monotonic() - before < 0.05


async def test_lost_redis_connections_are_replaced_silently(make_process, redis_server, caplog):
    process = make_process(redis_server.url)
    for user_id in range(1, 6):
        redis_server.disconnect_all()
        await process.open(user_id)
        await process.tick()
    assert await process.tracker.aget_online_users(range(1, 6)) == set(range(1, 6))
    assert "alone" not in caplog.text


async def test_departed_users_leave_no_keys_in_redis(make_process, redis_server):
    process = make_process(redis_server.url)
    connection_id = await process.open(ALICE)
    await process.tracker.set_view(connection_id, 12)
    await process.tracker.arecord_heartbeat(f"u:{BOB}", 13)
    await process.tracker.arecord_heartbeat("b:a-browser")
    await process.tracker.close_connection(connection_id)
    await run_ticks(TIMEOUTS.heartbeat + 0.3, process)
    with redis_server.client() as client:
        keys = {key.decode() for key in client.scan_iter()}
    assert keys <= {"presence:processes", "presence:ticked", "presence:told", "presence:patience"}


def test_the_synchronous_methods_work_without_an_event_loop(make_process):
    """Threads that handle HTTP requests have no event loop. They use the synchronous methods of `PresenceTracker`."""
    process: Process = make_process()
    process.tracker.record_heartbeat(f"u:{ALICE}", 12)
    assert process.tracker.get_online_users([ALICE, BOB]) == {ALICE}
    assert process.tracker.get_head_count() == 1
    assert process.tracker.get_viewers(12) == {ALICE}
