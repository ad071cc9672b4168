"""Typing is told sparingly, and ends by itself."""

import pytest

from presence.typing_state import Typists

ALICE, BOB, ROOM = 1, 2, 12


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def typists(clock):
    return Typists(clock)


def test_it_begins_and_ends_as_it_is_heard(typists):
    assert typists.heard("tab", ALICE, ROOM, True) == [(ALICE, ROOM, True)]
    assert typists.heard("tab", ALICE, ROOM, False) == [(ALICE, ROOM, False)]
    assert typists.heard("tab", ALICE, ROOM, False) == []


def test_it_ends_by_itself_after_five_seconds(typists, clock):
    typists.heard("tab", ALICE, ROOM, True)
    clock.now += 4.9
    assert typists.pulse() == []
    clock.now += 0.1
    assert typists.pulse() == [(ALICE, ROOM, False)]
    assert typists.pulse() == []


def test_who_goes_on_typing_is_told_every_two_seconds_and_does_not_end(typists, clock):
    told = []
    for _ in range(20):  # a key every half second
        told += typists.heard("tab", ALICE, ROOM, True) + typists.pulse()
        clock.now += 0.5
    assert told == [(ALICE, ROOM, True)] * 5


def test_on_and_off_again_and_again_is_told_once_in_two_seconds(typists, clock):
    told = []
    for _ in range(40):
        told += typists.heard("tab", ALICE, ROOM, True) + typists.heard("tab", ALICE, ROOM, False) + typists.pulse()
        clock.now += 0.1
    assert len(told) <= 6


def test_what_had_to_wait_is_told_in_the_end(typists, clock):
    typists.heard("tab", ALICE, ROOM, True)
    typists.heard("tab", ALICE, ROOM, False)
    clock.now += 0.5
    assert typists.heard("tab", ALICE, ROOM, True) == []
    clock.now += 1.6
    assert typists.pulse() == [(ALICE, ROOM, True)]


def test_it_ends_with_the_connection(typists):
    typists.heard("tab", ALICE, ROOM, True)
    typists.heard("tab", ALICE, 13, True)
    assert sorted(typists.stopped("tab")) == [(ALICE, ROOM, False), (ALICE, 13, False)]
    assert typists.stopped("tab") == []


def test_two_tabs_are_one_typist(typists):
    typists.heard("tab", ALICE, ROOM, True)
    typists.heard("phone", ALICE, ROOM, True)
    assert typists.stopped("tab") == []
    assert typists.heard("phone", ALICE, ROOM, False) == [(ALICE, ROOM, False)]


def test_two_people_are_two(typists):
    typists.heard("hers", ALICE, ROOM, True)
    typists.heard("his", BOB, ROOM, True)
    assert typists.stopped("hers") == [(ALICE, ROOM, False)]


def test_nothing_is_remembered_of_those_who_are_done(typists, clock):
    for number in range(100):
        typists.heard(f"tab{number}", number, number, True)
    clock.now += 6
    assert len(typists.pulse()) == 100
    typists.pulse()
    assert typists._of == {}
