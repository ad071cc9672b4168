"""Tests of leases: stored entries that say that a user has an open connection.

A lease expires unless the server process of the connection renews it. Each test runs with leases in memory and in
Redis.
"""

import asyncio

import pytest

from messenger.live.handshake import SocketRefused
from tests.presence.conftest import TIMEOUTS, Process, run_ticks

ALICE, BOB, CAROL = 1, 2, 3


async def test_presence_ends_when_the_last_tab_closes(process: Process):
    first, second = await process.open(ALICE), await process.open(ALICE)
    assert process.arrived == [ALICE]
    assert await process.tracker.aget_head_count() == 1
    await process.tracker.close_connection(first)
    await run_ticks(TIMEOUTS.grace * 2, process)
    assert await process.tracker.aget_online_users([ALICE, BOB]) == {ALICE}
    assert process.departed == []
    await process.tracker.close_connection(second)
    await run_ticks(TIMEOUTS.grace * 2, process)
    assert await process.tracker.aget_online_users([ALICE]) == set()
    assert process.departed == [ALICE]


async def test_a_reload_publishes_nothing(process: Process):
    await process.tracker.close_connection(await process.open(ALICE))
    await run_ticks(TIMEOUTS.grace / 3, process)
    assert await process.tracker.aget_online_users([ALICE]) == {ALICE}
    await process.open(ALICE)
    await run_ticks(TIMEOUTS.grace * 2, process)
    assert (process.arrived, process.departed) == ([ALICE], [])


async def test_a_user_who_returns_after_the_grace_period_arrives_again(process: Process):
    await process.tracker.close_connection(await process.open(ALICE))
    await run_ticks(TIMEOUTS.grace * 2, process)
    await process.open(ALICE)
    assert (process.arrived, process.departed) == ([ALICE, ALICE], [ALICE])


async def test_closing_a_closed_or_unknown_connection_changes_nothing(process: Process):
    await process.open(ALICE)
    second = await process.open(ALICE)
    for connection_id in (second, second, "never"):
        await process.tracker.close_connection(connection_id)
    await run_ticks(TIMEOUTS.grace * 2, process)
    assert await process.tracker.aget_online_users([ALICE]) == {ALICE}


async def test_the_connections_of_a_user_are_limited(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = True, 3
    connection_ids = [await process.open(ALICE) for _ in range(3)]
    with pytest.raises(SocketRefused) as error:
        await process.open(ALICE)
    assert (error.value.code, error.value.reason) == (4429, "This user has too many connections.")
    await process.open(BOB)
    await process.tracker.close_connection(connection_ids[0])
    await process.open(ALICE)


async def test_the_connections_of_an_address_are_limited(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_ADDRESS = True, 3
    for user_id in (ALICE, BOB, CAROL):
        await process.open(user_id, "2001:db8::1")
    with pytest.raises(SocketRefused) as error:
        await process.open(4, "2001:db8::1")
    assert (error.value.code, error.value.reason) == (4429, "This IP address has too many connections.")
    await process.open(4, "2001:db8::2")


async def test_limits_can_be_switched_off(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = False, 1
    for _ in range(5):
        await process.open(ALICE)


async def test_a_heartbeat_counts_until_its_timeout(process: Process):
    await process.tracker.arecord_heartbeat(f"u:{ALICE}")
    await process.tracker.arecord_heartbeat(f"u:{ALICE}")
    await process.tick()
    assert await process.tracker.aget_online_users([ALICE]) == {ALICE}
    await run_ticks(TIMEOUTS.heartbeat + 0.2, process)
    assert await process.tracker.aget_online_users([ALICE]) == set()
    assert (process.arrived, process.departed) == ([ALICE], [ALICE])


async def test_a_heartbeat_outlives_the_last_connection_and_a_request_does_not(process: Process):
    await process.tracker.arecord_heartbeat(f"u:{ALICE}")
    process.tracker.record_activity(BOB)
    for user_id in (ALICE, BOB):
        await process.tracker.close_connection(await process.open(user_id))
    await run_ticks(TIMEOUTS.grace * 2, process)
    assert await process.tracker.aget_online_users([ALICE, BOB]) == {ALICE}


async def test_the_head_count_counts_users_and_visitors_not_tabs(process: Process):
    for _ in range(3):
        await process.open(ALICE)
    await process.open(BOB)
    await process.tracker.arecord_heartbeat("b:a-browser")
    await process.tracker.arecord_heartbeat("b:a-browser")
    await process.tracker.arecord_heartbeat("b:another")
    await process.tracker.arecord_heartbeat(f"u:{BOB}")
    assert await process.tracker.aget_head_count() == 4
    await run_ticks(TIMEOUTS.heartbeat + 0.2, process)
    assert await process.tracker.aget_head_count() == 2
    assert process.departed == []


async def test_a_browser_that_signs_in_is_counted_once(process: Process):
    await process.tracker.arecord_heartbeat("b:a-browser")
    await process.tracker.arecord_heartbeat(f"u:{ALICE}", browser_id="a-browser")
    assert await process.tracker.aget_head_count() == 1


async def test_a_changed_head_count_is_reported_once_a_second_at_most(process: Process):
    await process.open(ALICE)
    await process.tick()
    assert process.head_counts == [1]
    for user_id in range(2, 10):
        await process.open(user_id)
        await process.tick()
    assert process.head_counts == [1]
    await run_ticks(1.1, process)
    assert process.head_counts == [1, 9]


async def test_viewers_are_users_not_tabs(process: Process):
    first, second, bob = await process.open(ALICE), await process.open(ALICE), await process.open(BOB)
    for connection_id in (first, second, bob):
        await process.tracker.set_view(connection_id, 12)
    assert await process.tracker.aget_viewers(12) == {ALICE, BOB}
    await process.tracker.set_view(first, 13)
    assert (await process.tracker.aget_viewers(12), await process.tracker.aget_viewers(13)) == ({ALICE, BOB}, {ALICE})
    await process.tracker.set_view(second, None)
    await process.tracker.close_connection(bob)
    assert await process.tracker.aget_viewers(12) == set()


async def test_a_heartbeat_views_one_conversation_until_its_timeout(process: Process):
    await process.tracker.arecord_heartbeat(f"u:{ALICE}", 12)
    assert await process.tracker.aget_viewers(12) == {ALICE}
    await process.tick()
    assert process.changed_conversation_ids == [12]
    await process.tracker.arecord_heartbeat(f"u:{ALICE}", 13)
    assert (await process.tracker.aget_viewers(12), await process.tracker.aget_viewers(13)) == (set(), {ALICE})
    await run_ticks(TIMEOUTS.heartbeat + 0.2, process)
    assert await process.tracker.aget_viewers(13) == set()
    assert sorted(process.changed_conversation_ids[1:]) == [12, 13, 13]


async def test_a_user_who_returns_before_the_departure_is_confirmed_stays_online(process: Process):
    await process.tracker.close_connection(await process.open(ALICE))
    await asyncio.sleep(TIMEOUTS.grace + 0.05)
    tick = await process.tracker.tick()
    assert [departure.user_id for departure in tick.departures] == [ALICE]
    assert not await process.tracker.open_connection("new", ALICE, "192.0.2.1")
    assert await process.tracker.confirm_departures(tick, [ALICE]) == []
    assert await process.tracker.aget_online_users([ALICE]) == {ALICE}


async def test_an_unconfirmed_departure_is_found_again_after_the_claim(process: Process):
    await process.tracker.close_connection(await process.open(ALICE))
    await asyncio.sleep(TIMEOUTS.grace + 0.05)
    assert await process.tick(confirm=False)
    assert not await process.tick(confirm=False), "the departure is claimed by the first tick"
    await asyncio.sleep(TIMEOUTS.claim)
    await process.tick()
    assert process.departed == [ALICE]


async def test_a_departure_has_its_age(process: Process):
    await process.tracker.close_connection(await process.open(ALICE))
    await asyncio.sleep(TIMEOUTS.grace + 0.4)
    (departure,) = await process.tick()
    assert 0.3 < departure.seconds_ago < 0.8


async def test_a_thousand_users(process: Process):
    connection_ids = [await process.open(user_id) for user_id in range(1, 1001)]
    assert await process.tracker.aget_head_count() == 1000
    assert len(await process.tracker.aget_online_users(range(1, 2001))) == 1000
    await process.tick()
    for connection_id in connection_ids:
        await process.tracker.close_connection(connection_id)
    await run_ticks(TIMEOUTS.grace * 2, process)
    assert sorted(process.departed) == list(range(1, 1001))
    assert await process.tracker.aget_head_count() == 0
