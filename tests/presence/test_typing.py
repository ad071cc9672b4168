"""Tests of `TypingState`: who is typing, how often events about typing are published, and when typing expires."""

import pytest

from presence.typing_state import TypingState

ALICE, BOB, CONVERSATION = 1, 2, 12


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def typing_state(clock):
    return TypingState(clock)


def test_typing_starts_and_stops_on_command(typing_state):
    assert typing_state.update("tab", ALICE, CONVERSATION, True) == [(ALICE, CONVERSATION, True)]
    assert typing_state.update("tab", ALICE, CONVERSATION, False) == [(ALICE, CONVERSATION, False)]
    assert typing_state.update("tab", ALICE, CONVERSATION, False) == []


def test_typing_expires_after_five_seconds(typing_state, clock):
    typing_state.update("tab", ALICE, CONVERSATION, True)
    clock.now += 4.9
    assert typing_state.collect_due() == []
    clock.now += 0.1
    assert typing_state.collect_due() == [(ALICE, CONVERSATION, False)]
    assert typing_state.collect_due() == []


def test_continued_typing_is_published_every_two_seconds_and_does_not_expire(typing_state, clock):
    changes = []
    for _ in range(20):  # the user presses a key every half second
        changes += typing_state.update("tab", ALICE, CONVERSATION, True) + typing_state.collect_due()
        clock.now += 0.5
    assert changes == [(ALICE, CONVERSATION, True)] * 5


def test_rapid_changes_are_published_once_in_two_seconds(typing_state, clock):
    changes = []
    for _ in range(40):
        changes += (
            typing_state.update("tab", ALICE, CONVERSATION, True)
            + typing_state.update("tab", ALICE, CONVERSATION, False)
            + typing_state.collect_due()
        )
        clock.now += 0.1
    assert len(changes) <= 6


def test_a_change_held_back_is_published_later(typing_state, clock):
    typing_state.update("tab", ALICE, CONVERSATION, True)
    typing_state.update("tab", ALICE, CONVERSATION, False)
    clock.now += 0.5
    assert typing_state.update("tab", ALICE, CONVERSATION, True) == []
    clock.now += 1.6
    assert typing_state.collect_due() == [(ALICE, CONVERSATION, True)]


def test_typing_ends_with_the_connection(typing_state):
    typing_state.update("tab", ALICE, CONVERSATION, True)
    typing_state.update("tab", ALICE, 13, True)
    assert sorted(typing_state.remove_source("tab")) == [(ALICE, CONVERSATION, False), (ALICE, 13, False)]
    assert typing_state.remove_source("tab") == []


def test_typing_ends_when_the_user_stops_in_all_tabs(typing_state):
    typing_state.update("tab", ALICE, CONVERSATION, True)
    typing_state.update("phone", ALICE, CONVERSATION, True)
    assert typing_state.remove_source("tab") == []
    assert typing_state.update("phone", ALICE, CONVERSATION, False) == [(ALICE, CONVERSATION, False)]


def test_two_users_type_independently(typing_state):
    typing_state.update("hers", ALICE, CONVERSATION, True)
    typing_state.update("his", BOB, CONVERSATION, True)
    assert typing_state.remove_source("hers") == [(ALICE, CONVERSATION, False)]


def test_expired_entries_are_removed(typing_state, clock):
    for number in range(100):
        typing_state.update(f"tab{number}", number, number, True)
    clock.now += 6
    assert len(typing_state.collect_due()) == 100
    typing_state.collect_due()
    assert typing_state._conversations == {}
