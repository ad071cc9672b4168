"""Who is here, in memory and in Redis alike."""

import asyncio

import pytest

from messenger.live.identity import SocketRefused
from tests.presence.conftest import TIMES, Process, live

ALICE, BOB, CAROL = 1, 2, 3


async def test_two_tabs_are_one_person(process: Process):
    first, second = await process.open(ALICE), await process.open(ALICE)
    assert process.came == [ALICE]
    assert await process.tracker.head_count() == 1
    await process.tracker.closed(first)
    await live(TIMES.grace * 2, process)
    assert await process.tracker.online([ALICE, BOB]) == {ALICE}
    assert process.went == []
    await process.tracker.closed(second)
    await live(TIMES.grace * 2, process)
    assert await process.tracker.online([ALICE]) == set()
    assert process.went == [ALICE]


async def test_a_reload_is_not_told(process: Process):
    await process.tracker.closed(await process.open(ALICE))
    await live(TIMES.grace / 3, process)
    assert await process.tracker.online([ALICE]) == {ALICE}
    await process.open(ALICE)
    await live(TIMES.grace * 2, process)
    assert (process.came, process.went) == ([ALICE], [])


async def test_who_comes_back_after_the_grace_is_told_again(process: Process):
    await process.tracker.closed(await process.open(ALICE))
    await live(TIMES.grace * 2, process)
    await process.open(ALICE)
    assert (process.came, process.went) == ([ALICE, ALICE], [ALICE])


async def test_closing_twice_or_what_was_never_open_changes_nothing(process: Process):
    await process.open(ALICE)
    second = await process.open(ALICE)
    for connection_id in (second, second, "never"):
        await process.tracker.closed(connection_id)
    await live(TIMES.grace * 2, process)
    assert await process.tracker.online([ALICE]) == {ALICE}


async def test_a_person_has_so_many_connections_and_no_more(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = True, 3
    opened = [await process.open(ALICE) for _ in range(3)]
    with pytest.raises(SocketRefused) as refused:
        await process.open(ALICE)
    assert refused.value.code == 4429
    await process.open(BOB)
    await process.tracker.closed(opened[0])
    await process.open(ALICE)


async def test_an_address_has_so_many_connections_and_no_more(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_ADDRESS = True, 3
    for person in (ALICE, BOB, CAROL):
        await process.open(person, "2001:db8::1")
    with pytest.raises(SocketRefused):
        await process.open(4, "2001:db8::1")
    await process.open(4, "2001:db8::2")


async def test_with_limits_off_there_are_none(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = False, 1
    for _ in range(5):
        await process.open(ALICE)


async def test_a_sign_of_life_counts_for_a_while(process: Process):
    await process.tracker.beat(f"u:{ALICE}")
    await process.tracker.beat(f"u:{ALICE}")
    await process.tick()
    assert await process.tracker.online([ALICE]) == {ALICE}
    await live(TIMES.beat + 0.2, process)
    assert await process.tracker.online([ALICE]) == set()
    assert (process.came, process.went) == ([ALICE], [ALICE])


async def test_a_beat_outlives_the_last_socket_and_a_request_does_not(process: Process):
    await process.tracker.beat(f"u:{ALICE}")
    process.tracker.notice(BOB)
    for person in (ALICE, BOB):
        await process.tracker.closed(await process.open(person))
    await live(TIMES.grace * 2, process)
    assert await process.tracker.online([ALICE, BOB]) == {ALICE}


async def test_people_and_browsers_are_counted_not_tabs(process: Process):
    for _ in range(3):
        await process.open(ALICE)
    await process.open(BOB)
    await process.tracker.beat("b:a-browser")
    await process.tracker.beat("b:a-browser")
    await process.tracker.beat("b:another")
    await process.tracker.beat(f"u:{BOB}")
    assert await process.tracker.head_count() == 4
    await live(TIMES.beat + 0.2, process)
    assert await process.tracker.head_count() == 2
    assert process.went == []


async def test_a_browser_that_signs_in_is_counted_once(process: Process):
    await process.tracker.beat("b:a-browser")
    await process.tracker.beat(f"u:{ALICE}", browser="a-browser")
    assert await process.tracker.head_count() == 1


async def test_the_head_count_is_told_when_it_changed_and_at_most_once_a_second(process: Process):
    await process.open(ALICE)
    await process.tick()
    assert process.counts == [1]
    for person in range(2, 10):
        await process.open(person)
        await process.tick()
    assert process.counts == [1]
    await live(1.1, process)
    assert process.counts == [1, 9]


async def test_viewers_are_people_not_tabs(process: Process):
    first, second, bob = await process.open(ALICE), await process.open(ALICE), await process.open(BOB)
    for connection_id in (first, second, bob):
        await process.tracker.looking_at(connection_id, 12)
    assert await process.tracker.viewers(12) == {ALICE, BOB}
    await process.tracker.looking_at(first, 13)
    assert (await process.tracker.viewers(12), await process.tracker.viewers(13)) == ({ALICE, BOB}, {ALICE})
    await process.tracker.looking_at(second, None)
    await process.tracker.closed(bob)
    assert await process.tracker.viewers(12) == set()


async def test_who_beats_without_a_socket_looks_at_one_conversation_for_a_while(process: Process):
    await process.tracker.beat(f"u:{ALICE}", 12)
    assert await process.tracker.viewers(12) == {ALICE}
    await process.tick()
    assert process.stirred == [12]
    await process.tracker.beat(f"u:{ALICE}", 13)
    assert (await process.tracker.viewers(12), await process.tracker.viewers(13)) == (set(), {ALICE})
    await live(TIMES.beat + 0.2, process)
    assert await process.tracker.viewers(13) == set()
    assert sorted(process.stirred[1:]) == [12, 13, 13]


async def test_who_comes_back_while_it_is_found_that_they_left_is_not_told(process: Process):
    await process.tracker.closed(await process.open(ALICE))
    await asyncio.sleep(TIMES.grace + 0.05)
    tick = await process.tracker.tick()
    assert [leaving.user_id for leaving in tick.leaving] == [ALICE]
    assert not await process.tracker.opening("back", ALICE, "192.0.2.1")
    assert await process.tracker.settle(tick, [ALICE]) == []
    assert await process.tracker.online([ALICE]) == {ALICE}


async def test_who_left_is_found_again_where_nobody_came_to_tell_it(process: Process):
    await process.tracker.closed(await process.open(ALICE))
    await asyncio.sleep(TIMES.grace + 0.05)
    assert await process.tick(settle=False)
    assert not await process.tick(settle=False), "for a while it is the first one's to tell"
    await asyncio.sleep(TIMES.claim)
    await process.tick()
    assert process.went == [ALICE]


async def test_it_is_known_how_long_ago_somebody_left(process: Process):
    await process.tracker.closed(await process.open(ALICE))
    await asyncio.sleep(TIMES.grace + 0.4)
    (leaving,) = await process.tick()
    assert 0.3 < leaving.ago < 0.8


async def test_thousands_at_once(process: Process):
    opened = [await process.open(person) for person in range(1, 1001)]
    assert await process.tracker.head_count() == 1000
    assert len(await process.tracker.online(range(1, 2001))) == 1000
    await process.tick()
    for connection_id in opened:
        await process.tracker.closed(connection_id)
    await live(TIMES.grace * 2, process)
    assert sorted(process.went) == list(range(1, 1001))
    assert await process.tracker.head_count() == 0
