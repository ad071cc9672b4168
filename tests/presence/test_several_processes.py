"""Presence over any number of processes and one Redis, and what becomes of it when one of them fails."""

import asyncio
import time

import pytest

from messenger.live.identity import SocketRefused
from presence import tracker as tracker_module
from tests.presence.conftest import TIMES, Process, live

ALICE, BOB, CAROL = 1, 2, 3


@pytest.fixture(autouse=True)
def asked_again_soon(monkeypatch):
    monkeypatch.setattr(tracker_module, "AWAY", 0.2)


async def test_a_person_is_here_while_any_process_has_them(make_process):
    first, second = make_process(), make_process()
    one, other = await first.open(ALICE), await second.open(ALICE)
    assert (first.came, second.came) == ([ALICE], [])
    await first.tracker.closed(one)
    await live(TIMES.grace * 2, first, second)
    assert await first.tracker.online([ALICE]) == {ALICE}
    await second.tracker.closed(other)
    await live(TIMES.grace * 2, first, second)
    assert sorted(first.went + second.went) == [ALICE]


async def test_viewers_and_head_counts_are_of_all_processes(make_process):
    first, second = make_process(), make_process()
    await first.tracker.looking_at(await first.open(ALICE), 12)
    await second.tracker.looking_at(await second.open(BOB), 12)
    await second.tracker.beat("b:a-browser")
    assert await first.tracker.viewers(12) == {ALICE, BOB}
    assert await first.tracker.head_count() == 3
    await live(0.5, first, second)
    assert first.counts + second.counts == [3], "one process tells it to all"


async def test_a_killed_process_fades_and_one_other_tells(make_process):
    first, second, killed = make_process(), make_process(), make_process()
    await first.open(ALICE)
    for person in (ALICE, BOB, CAROL):
        await killed.tracker.looking_at(await killed.open(person), 12)
    await live(0.2, first, second, killed)
    await live(TIMES.lease + 0.5, first, second)
    assert sorted(first.went + second.went) == [BOB, CAROL]
    assert await first.tracker.online([ALICE, BOB, CAROL]) == {ALICE}
    assert await first.tracker.viewers(12) == set()
    assert first.stirred + second.stirred == [12]
    assert await second.tracker.head_count() == 1


async def test_a_dead_process_does_not_count_against_limits(make_process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = True, 2
    first, killed = make_process(), make_process()
    await first.open(BOB)
    await killed.open(ALICE)
    await killed.open(ALICE)
    with pytest.raises(SocketRefused):
        await first.open(ALICE)
    await asyncio.sleep(TIMES.lease + 0.1)  # and nobody has cleared up yet
    await first.open(ALICE)


async def test_a_process_that_stood_still_comes_back_with_its_people(make_process):
    first, stopped = make_process(), make_process()
    await first.open(ALICE)
    await stopped.tracker.looking_at(await stopped.open(BOB), 12)
    await live(TIMES.lease + 0.5, first)
    assert first.went == [BOB]
    await live(0.3, first, stopped)
    assert (stopped.came, stopped.went) == ([BOB, BOB], [])
    assert await first.tracker.online([BOB]) == {BOB}
    assert await first.tracker.viewers(12) == {BOB}


async def test_an_emptied_redis_is_filled_again_by_the_next_tick(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    await first.tracker.looking_at(await first.open(ALICE), 12)
    await second.open(BOB)
    await second.tracker.beat(f"u:{CAROL}", 12)
    await second.tracker.beat("b:a-browser")
    await live(0.2, first, second)
    redis_server.flush()
    assert await first.tracker.head_count() == 0
    await live(0.2, first, second)
    assert await first.tracker.online([ALICE, BOB, CAROL]) == {ALICE, BOB, CAROL}
    assert await first.tracker.viewers(12) == {ALICE, CAROL}
    assert await first.tracker.head_count() == 4
    assert (first.went, second.went) == ([], [])
    assert first.came.count(ALICE) == 2, "told again: pages may have heard otherwise meanwhile"


async def test_who_opens_and_closes_while_redis_was_just_emptied(make_process, redis_server):
    process = make_process(redis_server.url)
    first = await process.open(ALICE)
    redis_server.flush()
    second = await process.open(BOB)
    redis_server.flush()
    await process.tracker.closed(first)
    await process.tracker.looking_at(second, 12)
    await live(TIMES.grace * 2, process)
    assert await process.tracker.online([ALICE, BOB]) == {BOB}
    assert await process.tracker.viewers(12) == {BOB}


async def test_while_redis_is_away_the_process_knows_its_own(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    await first.open(ALICE)
    bobs = await second.open(BOB)
    await live(0.2, first, second)
    redis_server.kill()
    carols = await first.open(CAROL)
    await first.tracker.looking_at(carols, 12)
    await second.tracker.closed(bobs)
    first.tracker.notice(4)
    await live(TIMES.grace * 2, first, second)
    assert await first.tracker.online([ALICE, CAROL]) == {ALICE, CAROL}
    assert await first.tracker.viewers(12) == {CAROL}
    assert await first.tracker.head_count() == 2, "as last known"
    assert second.went == [BOB]

    redis_server.start()
    await live(1.0, first, second)
    assert await second.tracker.online([ALICE, BOB, CAROL]) == {ALICE, CAROL}
    assert await second.tracker.viewers(12) == {CAROL}
    assert CAROL in first.came


async def test_what_was_missed_is_made_good_where_redis_kept_its_memory(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    alices = await first.open(ALICE)
    await second.open(BOB)
    await live(0.2, first, second)
    redis_server.pause()
    closing = asyncio.create_task(first.tracker.closed(alices))
    await asyncio.sleep(0.05)
    assert not closing.done(), "it waits for Redis, and nobody waits for it"
    await closing
    redis_server.resume()
    await live(1.0, first, second)
    assert await second.tracker.online([ALICE, BOB]) == {BOB}
    assert ALICE in first.went + second.went


async def test_nobody_is_declared_dead_because_redis_stood_still(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    await first.open(ALICE)
    await second.open(BOB)
    await live(0.2, first, second)
    redis_server.pause()
    await live(TIMES.lease + 0.5, first, second)
    redis_server.resume()
    await live(1.5, first, second)
    assert (first.went, second.went) == ([], [])
    assert await first.tracker.online([ALICE, BOB]) == {ALICE, BOB}


async def test_a_redis_that_stands_still_keeps_nobody_waiting_for_long(make_process, redis_server):
    process = make_process(redis_server.url)
    await process.open(ALICE)
    redis_server.pause()
    began = time.monotonic()
    await asyncio.gather(*(process.open(person) for person in range(10, 60)))
    assert time.monotonic() - began < 3
    before = time.monotonic()
    process.tracker.notice(BOB)
    assert time.monotonic() - before < 0.05


async def test_cut_connections_are_made_anew_and_nobody_notices(make_process, redis_server, caplog):
    process = make_process(redis_server.url)
    for person in range(1, 6):
        redis_server.disconnect_all()
        await process.open(person)
        await process.tick()
    assert await process.tracker.online(range(1, 6)) == set(range(1, 6))
    assert "alone" not in caplog.text


async def test_nothing_is_left_in_redis_by_those_who_are_gone(make_process, redis_server):
    process = make_process(redis_server.url)
    connection_id = await process.open(ALICE)
    await process.tracker.looking_at(connection_id, 12)
    await process.tracker.beat(f"u:{BOB}", 13)
    await process.tracker.beat("b:a-browser")
    await process.tracker.closed(connection_id)
    await live(TIMES.beat + 0.3, process)
    with redis_server.client() as client:
        left = {key.decode() for key in client.scan_iter()}
    assert left <= {"presence:processes", "presence:ticked", "presence:told", "presence:patience"}


def test_the_interface_needs_no_more_than_a_process(make_process):
    """Requests ask from their own threads, where there is no loop."""
    process: Process = make_process()
    process.tracker.beat_now(f"u:{ALICE}", 12)
    assert process.tracker.online_now([ALICE, BOB]) == {ALICE}
    assert process.tracker.head_count_now() == 1
    assert process.tracker.viewers_now(12) == {ALICE}
