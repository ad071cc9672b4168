"""Tests of presence with several server processes and one Redis, also when a process or Redis fails.

Each process has a view of its own of the whole site, so most tests look at the views of all processes.
"""

import threading
import time

import pytest

from messenger.live.handshake import SocketRefused
from tests.presence.conftest import TIMEOUTS, Process, run, step

ALICE, BOB, CAROL = 1, 2, 3


def assert_online(expected: set[int], *processes: Process) -> None:
    for process in processes:
        assert process.tracker.get_online_users(range(10)) == expected


def test_a_user_is_online_while_any_process_has_a_connection(make_process):
    first, second = make_process(), make_process()
    first_id, second_id = first.open(ALICE), second.open(ALICE)
    step(first, second)
    assert (first.arrived, second.arrived) == ([ALICE], [ALICE])
    first.tracker.close_connection(first_id)
    run(TIMEOUTS.grace * 2, first, second)
    assert_online({ALICE}, first, second)
    second.tracker.close_connection(second_id)
    run(TIMEOUTS.grace * 2, first, second)
    assert (first.departed, second.departed) == ([ALICE], [ALICE])


def test_the_last_connections_of_a_user_may_close_in_two_processes_at_once(make_process):
    first, second = make_process(), make_process()
    first_id, second_id = first.open(ALICE), second.open(ALICE)
    step(first, second)
    first.tracker.close_connection(first_id)
    second.tracker.close_connection(second_id)
    step(first, second)
    assert_online({ALICE}, first, second)  # for the grace period
    run(TIMEOUTS.grace + 0.2, first, second)
    assert (first.departed, second.departed) == ([ALICE], [ALICE])


def test_a_reload_that_reaches_another_process_publishes_nothing(make_process):
    first, second, third = make_process(), make_process(), make_process()
    connection_id = first.open(ALICE)
    step(first, second, third)
    first.tracker.close_connection(connection_id)
    run(TIMEOUTS.grace / 3, first, second, third)
    second.open(ALICE)
    run(TIMEOUTS.grace * 2, first, second, third)
    for process in (first, second, third):
        assert (process.arrived, process.departed) == ([ALICE], [])


def test_all_processes_know_the_same_time_of_a_departure(make_process):
    first, second = make_process(), make_process()
    connection_id = first.open(ALICE)
    step(first, second)
    first.tracker.close_connection(connection_id)
    step(first, second)
    time.sleep(TIMEOUTS.grace)
    assert first.step() == second.step() != []


def test_viewers_and_head_count_include_all_processes(make_process):
    first, second = make_process(), make_process()
    first.tracker.set_view(first.open(ALICE), 12)
    second.tracker.set_view(second.open(BOB), 12)
    second.tracker.record_heartbeat("b:a-browser")
    first.tracker.refresh()
    for process in (second, first):
        process.step()
        assert process.tracker.get_viewers(12) == {ALICE, BOB}
        assert process.tracker.get_head_count() == 3
        assert (process.changed_conversation_ids, process.head_counts) == ([12], [3])


def test_a_visitor_who_signs_in_at_another_process_is_counted_once(make_process):
    first, second = make_process(), make_process()
    first.tracker.record_heartbeat("b:a-browser")
    step(first, second)
    second.tracker.record_heartbeat(f"u:{ALICE}", browser_id="a-browser")
    step(first, second)
    assert (first.tracker.get_head_count(), second.tracker.get_head_count()) == (1, 1)


def test_a_heartbeat_views_one_conversation_whichever_process_receives_it(make_process):
    first, second = make_process(), make_process()
    first.tracker.record_heartbeat(f"u:{ALICE}", 12)
    step(first, second)
    second.tracker.record_heartbeat(f"u:{ALICE}", 13)
    step(first, second)
    for process in (first, second):
        assert (process.tracker.get_viewers(12), process.tracker.get_viewers(13)) == (set(), {ALICE})


def test_the_other_processes_report_the_users_of_a_killed_process(make_process):
    first, second, killed = make_process(), make_process(), make_process()
    first.open(ALICE)
    for user_id in (ALICE, BOB, CAROL):
        killed.tracker.set_view(killed.open(user_id), 12)
    run(0.2, first, second, killed)
    first.changed_conversation_ids.clear()
    run(TIMEOUTS.lease + 0.5, first, second)
    assert (sorted(first.departed), sorted(second.departed)) == ([BOB, CAROL], [BOB, CAROL])
    assert_online({ALICE}, first, second)
    assert first.tracker.get_viewers(12) == set()
    assert first.changed_conversation_ids == [12]
    assert second.tracker.get_head_count() == 1


def test_a_request_does_not_keep_the_user_of_a_killed_process_online(make_process):
    first, killed = make_process(), make_process()
    first.tracker.record_activity(BOB)
    step(first, killed)
    killed.open(BOB)
    step(first, killed)
    run(TIMEOUTS.lease + 0.15, first)
    first.tracker.record_heartbeat(f"u:{CAROL}")  # for comparison
    run(0.35, first)
    assert_online({CAROL}, first)


def test_a_new_process_does_not_count_the_users_of_a_process_that_died_before(make_process):
    timeouts = TIMEOUTS._replace(heartbeat=60.0)
    killed = make_process(timeouts=timeouts)
    killed.tracker.record_activity(ALICE)
    killed.open(ALICE)
    killed.tracker.record_heartbeat(f"u:{BOB}")
    killed.step()
    time.sleep(TIMEOUTS.lease + TIMEOUTS.grace + 0.1)
    new = make_process(timeouts=timeouts)
    new.step()
    assert_online({BOB}, new)  # a heartbeat counts for its time, although its process is dead
    assert new.arrived == [BOB]


def test_a_dead_process_does_not_count_against_limits(make_process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = True, 2
    first, killed = make_process(), make_process()
    first.open(BOB)
    killed.open(ALICE)
    killed.open(ALICE)
    step(first, killed)
    with pytest.raises(SocketRefused):
        first.open(ALICE)
    run(TIMEOUTS.lease + TIMEOUTS.patience + 0.1, first)
    first.open(ALICE)


def test_a_process_that_was_stopped_shows_its_users_again(make_process):
    first, stopped = make_process(), make_process()
    first.open(ALICE)
    stopped.tracker.set_view(stopped.open(BOB), 12)
    step(first, stopped)
    run(TIMEOUTS.lease + 0.5, first)
    assert first.departed == [BOB]
    run(0.3, first, stopped)
    assert (first.arrived.count(BOB), stopped.arrived.count(BOB)) == (2, 1)
    assert stopped.departed == []
    assert_online({ALICE, BOB}, first, stopped)
    assert first.tracker.get_viewers(12) == {BOB}


def test_an_emptied_redis_changes_nothing_and_is_refilled(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    first.tracker.set_view(first.open(ALICE), 12)
    second.open(BOB)
    second.tracker.record_heartbeat(f"u:{CAROL}", 12)
    second.tracker.record_heartbeat("b:a-browser")
    run(0.2, first, second)
    redis_server.flush()
    for process in (first, second):
        process.step()
        assert_online({ALICE, BOB, CAROL}, process)
        assert process.tracker.get_viewers(12) == {ALICE, CAROL}
        assert process.tracker.get_head_count() == 4
    new = make_process(redis_server.url)
    new.step()
    assert_online({ALICE, BOB, CAROL}, new)
    assert new.tracker.get_viewers(12) == {ALICE, CAROL}
    run(0.2, first, second)
    for process in (first, second):
        assert (sorted(process.arrived), process.departed) == ([ALICE, BOB, CAROL], [])


def test_connections_open_and_close_after_redis_was_emptied(make_process, redis_server):
    process, other = make_process(redis_server.url), make_process(redis_server.url)
    first = process.open(ALICE)
    step(process, other)
    redis_server.flush()
    second = process.open(BOB)
    step(process, other)
    redis_server.flush()
    process.tracker.close_connection(first)
    process.tracker.set_view(second, 12)
    run(TIMEOUTS.grace * 2, process, other)
    assert_online({BOB}, process, other)
    assert other.tracker.get_viewers(12) == {BOB}


def test_while_redis_is_down_a_process_knows_its_own_users_and_keeps_what_it_knew_of_others(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    first.open(ALICE)
    bobs = second.open(BOB)
    run(0.2, first, second)
    redis_server.kill()
    carols = first.open(CAROL)
    first.tracker.set_view(carols, 12)
    second.tracker.close_connection(bobs)
    run(TIMEOUTS.grace * 2, first, second)
    first.tracker.record_activity(4)
    first.step()
    assert_online({ALICE, BOB, CAROL, 4}, first)
    assert_online({ALICE}, second)
    assert first.tracker.get_viewers(12) == {CAROL}
    assert first.tracker.get_head_count() == 4
    assert (first.departed, second.departed) == ([], [BOB])

    redis_server.start()
    run(0.4, first, second)
    assert_online({ALICE, CAROL, 4}, first, second)
    assert second.tracker.get_viewers(12) == {CAROL}
    assert first.departed == [BOB]
    assert {CAROL, 4} <= set(second.arrived)


def test_missed_changes_are_written_to_a_redis_that_kept_its_data(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    alices = first.open(ALICE)
    second.open(BOB)
    run(0.2, first, second)
    redis_server.pause()
    first.tracker.close_connection(alices)
    first.step()
    redis_server.resume()
    run(1.0, first, second)
    assert_online({BOB}, first, second)
    assert (first.departed, second.departed) == ([ALICE], [ALICE])


def test_no_process_is_declared_dead_because_redis_was_paused(make_process, redis_server):
    first, second = make_process(redis_server.url), make_process(redis_server.url)
    first.open(ALICE)
    second.open(BOB)
    run(0.2, first, second)
    redis_server.pause()
    run(TIMEOUTS.lease + 0.5, first, second)
    redis_server.resume()
    run(1.5, first, second)
    assert (first.departed, second.departed) == ([], [])
    assert_online({ALICE, BOB}, first, second)


def test_no_process_is_declared_dead_because_all_were_stopped(make_process):
    first, second = make_process(), make_process()
    first.open(ALICE)
    second.open(BOB)
    run(0.2, first, second)
    time.sleep(TIMEOUTS.lease + TIMEOUTS.patience + TIMEOUTS.grace)
    run(0.6, first, second)
    assert (first.departed, second.departed) == ([], [])


def test_a_paused_redis_does_not_block_connections(make_process, redis_server):
    process = make_process(redis_server.url)
    process.open(ALICE)
    redis_server.pause()
    exchanging = threading.Thread(target=process.step)
    exchanging.start()
    for user_id in range(10, 60):
        process.open(user_id)
    process.tracker.record_activity(BOB)
    assert process.tracker.get_head_count() == 52
    assert exchanging.is_alive()  # it still waits for Redis
    exchanging.join(20)
    assert not exchanging.is_alive()


def test_lost_redis_connections_are_replaced_silently(make_process, redis_server, caplog):
    process, other = make_process(redis_server.url), make_process(redis_server.url)
    for user_id in range(1, 6):
        redis_server.disconnect_all()
        process.open(user_id)
        step(process, other)
    assert_online(set(range(1, 6)), process, other)
    assert "alone" not in caplog.text


def test_departed_users_leave_nothing_in_redis(make_process, redis_server, monkeypatch):
    process = make_process(redis_server.url)
    connection_id = process.open(ALICE)
    process.tracker.set_view(connection_id, 12)
    process.tracker.record_heartbeat(f"u:{BOB}", 13)
    process.tracker.record_heartbeat("b:a-browser")
    process.step()
    process.tracker.close_connection(connection_id)
    run(TIMEOUTS.heartbeat + 0.3, process)
    other = make_process(redis_server.url)
    time.sleep(TIMEOUTS.heartbeat + TIMEOUTS.lease + 0.5)
    other.step()
    with redis_server.client() as client:
        assert [key.decode() for key in client.scan_iter()] == []


def test_the_thread_exchanges_presence(make_process):
    """Real processes do not call `refresh`: a thread exchanges presence."""
    first, second = make_process(), make_process()
    for process in (first, second):
        process.tracker.start()
    first.open(ALICE)
    until = time.monotonic() + 1
    while second.tracker.get_online_users([ALICE]) != {ALICE}:
        assert time.monotonic() < until
        time.sleep(0.01)
