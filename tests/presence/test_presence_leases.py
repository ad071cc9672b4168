"""Tests of leases: stored entries that say that a user has an open connection.

A lease expires unless the server process of the connection renews it. Each test runs with leases in memory and in
Redis.
"""

import time

import pytest

from messenger.live.handshake import SocketRefused
from tests.presence.conftest import TIMEOUTS, Process, run

ALICE, BOB, CAROL = 1, 2, 3


def test_presence_ends_when_the_last_tab_closes(process: Process):
    first, second = process.open(ALICE), process.open(ALICE)
    process.step()
    assert process.arrived == [ALICE]
    assert process.tracker.get_head_count() == 1
    process.tracker.close_connection(first)
    run(TIMEOUTS.grace * 2, process)
    assert process.tracker.get_online_users([ALICE, BOB]) == {ALICE}
    assert process.departed == []
    process.tracker.close_connection(second)
    run(TIMEOUTS.grace * 2, process)
    assert process.tracker.get_online_users([ALICE]) == set()
    assert process.departed == [ALICE]


def test_a_reload_publishes_nothing(process: Process):
    process.tracker.close_connection(process.open(ALICE))
    run(TIMEOUTS.grace / 3, process)
    assert process.tracker.get_online_users([ALICE]) == {ALICE}
    process.open(ALICE)
    run(TIMEOUTS.grace * 2, process)
    assert (process.arrived, process.departed) == ([ALICE], [])


def test_a_user_who_returns_after_the_grace_period_arrives_again(process: Process):
    process.tracker.close_connection(process.open(ALICE))
    run(TIMEOUTS.grace * 2, process)
    process.open(ALICE)
    process.step()
    assert (process.arrived, process.departed) == ([ALICE, ALICE], [ALICE])


def test_closing_a_closed_or_unknown_connection_changes_nothing(process: Process):
    process.open(ALICE)
    second = process.open(ALICE)
    for connection_id in (second, second, "never"):
        process.tracker.close_connection(connection_id)
    run(TIMEOUTS.grace * 2, process)
    assert process.tracker.get_online_users([ALICE]) == {ALICE}


def test_the_connections_of_a_user_are_limited(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = True, 3
    connection_ids = [process.open(ALICE) for _ in range(3)]
    with pytest.raises(SocketRefused) as error:
        process.open(ALICE)
    assert (error.value.code, error.value.reason) == (4429, "This user has too many connections.")
    process.open(BOB)
    process.tracker.close_connection(connection_ids[0])
    process.open(ALICE)


def test_the_connections_of_an_address_are_limited(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_ADDRESS = True, 3
    for user_id in (ALICE, BOB, CAROL):
        process.open(user_id, "2001:db8::1")
    with pytest.raises(SocketRefused) as error:
        process.open(4, "2001:db8::1")
    assert (error.value.code, error.value.reason) == (4429, "This IP address has too many connections.")
    process.open(4, "2001:db8::2")


def test_limits_can_be_switched_off(process: Process, settings):
    settings.LIMITS, settings.CONNECTIONS_PER_PERSON = False, 1
    for _ in range(5):
        process.open(ALICE)


def test_a_heartbeat_counts_until_its_timeout(process: Process):
    process.tracker.record_heartbeat(f"u:{ALICE}")
    process.tracker.record_heartbeat(f"u:{ALICE}")
    process.step()
    assert process.tracker.get_online_users([ALICE]) == {ALICE}
    run(TIMEOUTS.heartbeat + 0.2, process)
    assert process.tracker.get_online_users([ALICE]) == set()
    assert (process.arrived, process.departed) == ([ALICE], [ALICE])


def test_a_heartbeat_outlives_the_last_connection_and_a_request_does_not(process: Process):
    process.tracker.record_heartbeat(f"u:{ALICE}")
    process.tracker.record_activity(BOB)
    for user_id in (ALICE, BOB):
        process.tracker.close_connection(process.open(user_id))
    run(TIMEOUTS.grace * 2, process)
    assert process.tracker.get_online_users([ALICE, BOB]) == {ALICE}


def test_the_head_count_counts_users_and_visitors_not_tabs(process: Process):
    for _ in range(3):
        process.open(ALICE)
    process.open(BOB)
    process.tracker.record_heartbeat("b:a-browser")
    process.tracker.record_heartbeat("b:a-browser")
    process.tracker.record_heartbeat("b:another")
    process.tracker.record_heartbeat(f"u:{BOB}")
    assert process.tracker.get_head_count() == 4
    run(TIMEOUTS.heartbeat + 0.2, process)
    assert process.tracker.get_head_count() == 2
    assert process.departed == []


def test_a_browser_that_signs_in_is_counted_once(process: Process):
    process.tracker.record_heartbeat("b:a-browser")
    process.tracker.record_heartbeat(f"u:{ALICE}", browser_id="a-browser")
    assert process.tracker.get_head_count() == 1


def test_a_changed_head_count_is_reported_once_a_second_at_most(process: Process):
    process.open(ALICE)
    process.step()
    assert process.head_counts == [1]
    for user_id in range(2, 10):
        process.open(user_id)
        process.step()
    assert process.head_counts == [1]
    run(1.1, process)
    assert process.head_counts == [1, 9]


def test_viewers_are_users_not_tabs(process: Process):
    first, second, bob = process.open(ALICE), process.open(ALICE), process.open(BOB)
    for connection_id in (first, second, bob):
        process.tracker.set_view(connection_id, 12)
    assert process.tracker.get_viewers(12) == {ALICE, BOB}
    process.tracker.set_view(first, 13)
    assert (process.tracker.get_viewers(12), process.tracker.get_viewers(13)) == ({ALICE, BOB}, {ALICE})
    process.tracker.set_view(second, None)
    process.tracker.close_connection(bob)
    assert process.tracker.get_viewers(12) == set()


def test_a_heartbeat_views_one_conversation_until_its_timeout(process: Process):
    process.tracker.record_heartbeat(f"u:{ALICE}", 12)
    assert process.tracker.get_viewers(12) == {ALICE}
    process.step()
    assert process.changed_conversation_ids == [12]
    process.tracker.record_heartbeat(f"u:{ALICE}", 13)
    assert (process.tracker.get_viewers(12), process.tracker.get_viewers(13)) == (set(), {ALICE})
    run(TIMEOUTS.heartbeat + 0.2, process)
    assert process.tracker.get_viewers(13) == set()
    assert sorted(process.changed_conversation_ids[1:]) == [12, 13, 13]


def test_a_user_who_returns_while_the_departure_is_sent_arrives_after_it(process: Process):
    process.tracker.close_connection(process.open(ALICE))
    process.step()
    time.sleep(TIMEOUTS.grace + 0.05)
    assert [departure.user_id for departure in process.step()] == [ALICE]
    process.open(ALICE)
    assert process.tracker.get_online_users([ALICE]) == {ALICE}
    assert process.step() == []
    assert (process.arrived, process.departed) == ([ALICE, ALICE], [ALICE])


def test_a_departure_has_its_age(process: Process):
    connection = process.open(ALICE)
    earliest = process.tracker.time()
    process.tracker.close_connection(connection)
    process.step()
    latest = process.tracker.time()
    time.sleep(TIMEOUTS.grace + 0.4)
    (departure,) = process.step()
    assert earliest - 0.1 < departure.left_at.timestamp() - TIMEOUTS.grace < latest + 0.1


def test_a_thousand_users(process: Process):
    connection_ids = [process.open(user_id) for user_id in range(1, 1001)]
    assert process.tracker.get_head_count() == 1000
    assert len(process.tracker.get_online_users(range(1, 2001))) == 1000
    process.step()
    for connection_id in connection_ids:
        process.tracker.close_connection(connection_id)
    run(TIMEOUTS.grace * 2, process)
    assert sorted(process.departed) == list(range(1, 1001))
    assert process.tracker.get_head_count() == 0
