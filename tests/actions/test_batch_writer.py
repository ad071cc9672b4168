"""The queue in front of the database: what it keeps in order, what it lets pass, and that all are answered."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError

from messenger.core.batch_writer import BUSY, BatchWriter, _QueuedCommand
from messenger.core.errors import ApplicationError, forbidden

pytestmark = pytest.mark.django_db(transaction=True)  # its threads open connections, and ask nothing
Command = tuple[str, int]  # lane, number


class Store:
    """A database of sorts: it notes what is stored, holds lanes back and fails as it is told."""

    def __init__(self) -> None:
        self.stored: list[Command] = []
        self.batches: list[list[Command]] = []
        self.held: set[str] = set()
        self.released = threading.Event()
        self.gate = threading.Event()  # nothing is stored before
        self.gate.set()
        self.fails: dict[Command, list[Exception]] = {}
        self.busy_once: set[str] = set()

    def store(self, commands: Sequence[Command]) -> list:
        self.gate.wait(10)
        self._fail(commands)
        busy = self.held | {lane for lane, _ in commands if lane in self.busy_once}
        self.busy_once -= busy
        return self._keep(commands, busy)

    def wait(self, commands: Sequence[Command]) -> list:
        if any(lane in self.held for lane, _ in commands):
            self.released.wait(10)
        self._fail(commands)
        return self._keep(commands, set())

    def _fail(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if self.fails.get(command):
                raise self.fails[command].pop()

    def _keep(self, commands: Sequence[Command], busy: set[str]) -> list:
        self.batches.append(list(commands))
        outcomes = []
        for command in commands:
            if command[0] in busy:
                outcomes.append(BUSY)
            elif command[0] == "forbidden":
                outcomes.append(forbidden())
            else:
                self.stored.append(command)
                outcomes.append(command)
        return outcomes


class Queue:
    """A batcher, and callers who do not wait for each other but ask in a known order."""

    def __init__(self, store: Store, **options):
        self.store = store
        self.batcher: BatchWriter[Command] = BatchWriter(
            "test", store.store, lambda c: c[0], store_blocking=store.wait, **options
        )
        self._threads = ThreadPoolExecutor(64)

    def ask(self, *commands: Command) -> list:
        asked = []
        for command in commands:
            before = self._waiting()
            asked.append(self._threads.submit(self.batcher.call, command, 10))
            if not self.store.gate.is_set():  # the writer stands still: they queue up one by one
                while self._waiting() == before:
                    time.sleep(0.001)
        return asked

    def _waiting(self) -> int:
        return len(self.batcher._queue) + sum(len(lane) for lane in self.batcher._key_queues.values())


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def queue(store):
    return Queue(store)


@pytest.fixture
def standing_still(store, queue):
    """The writer is in the middle of a batch; what is asked meanwhile comes into the next."""
    store.gate.clear()
    first = queue._threads.submit(queue.batcher.call, ("first", 0), 10)
    while not queue.batcher._thread or queue._waiting():
        time.sleep(0.001)
    time.sleep(0.02)
    return first


def test_what_waits_is_stored_together(store, queue, standing_still):
    answers = queue.ask(*[("a", number) for number in range(20)])
    store.gate.set()
    assert [answer.result(10) for answer in answers] == [("a", number) for number in range(20)]
    assert [len(batch) for batch in store.batches] == [1, 20]


def test_a_batch_has_an_end(store):
    queue = Queue(store, size=8)
    store.gate.clear()
    answers = [queue._threads.submit(queue.batcher.call, ("a", number), 10) for number in range(20)]
    time.sleep(0.05)
    store.gate.set()
    assert sorted(answer.result(10) for answer in answers) == [("a", number) for number in range(20)]
    assert max(len(batch) for batch in store.batches) <= 8


def test_each_is_refused_by_itself(store, queue, standing_still):
    good, bad, also_good = queue.ask(("a", 1), ("forbidden", 2), ("b", 3))
    store.gate.set()
    assert (good.result(10), also_good.result(10)) == (("a", 1), ("b", 3))
    with pytest.raises(ApplicationError) as refused:
        bad.result(10)
    assert refused.value.code == "forbidden"


@pytest.mark.parametrize(("error", "code"), [(ValueError("a fault"), "unavailable"), (IntegrityError("twice"), "")])
def test_one_that_cannot_be_stored_spares_the_others(store, queue, standing_still, error, code):
    """What fails for good is answered so; who only lost a race is tried once more."""
    store.fails[("a", 7)] = [error] * 99 if code else [error] * 5  # as often as a batch of 16 is split in two
    answers = queue.ask(*[("a", number) for number in range(16)])
    store.gate.set()
    got = []
    for answer in answers:
        try:
            got.append(answer.result(10))
        except ApplicationError as refused:
            got.append(refused.code)
    assert got == [("a", number) if number != 7 or not code else code for number in range(16)]
    assert [number for lane, number in store.stored if lane == "a"] == [n for n in range(16) if n != 7 or not code]


def test_a_held_lane_waits_alone_and_keeps_its_order(store, queue, standing_still):
    store.held = {"held"}
    held = queue.ask(*[("held", number) for number in range(5)])
    free = queue.ask(*[("free", number) for number in range(5)])
    store.gate.set()
    assert [answer.result(10) for answer in free] == [("free", number) for number in range(5)]
    later = [queue._threads.submit(queue.batcher.call, ("held", 5), 10)]
    assert queue.batcher.call(("free", 9), 10) == ("free", 9)
    assert not any(answer.done() for answer in [*held, *later])
    store.held = set()
    store.released.set()
    assert [answer.result(10) for answer in held + later] == [("held", number) for number in range(6)]
    assert [number for lane, number in store.stored if lane == "held"] == list(range(6))
    while queue.batcher._key_queues:  # and then it is a lane like any other
        time.sleep(0.01)
    assert queue.batcher.call(("held", 6), 10) == ("held", 6)


def test_a_lane_that_was_busy_in_one_half_of_a_split_batch_is_not_overtaken_by_the_other(store, queue, standing_still):
    """The batch fails for a stranger's sake and is split; its halves find the lane held, then free."""
    store.fails[("stranger", 0)] = [IntegrityError("twice")] * 2
    commands = [("lane", 0), ("stranger", 0), ("lane", 1), ("lane", 2)]
    answers = queue.ask(*commands)
    store.busy_once = {"lane"}
    store.gate.set()
    assert sorted(answer.result(10) for answer in answers) == sorted(commands)
    assert [number for lane, number in store.stored if lane == "lane"] == [0, 1, 2]


def test_who_waits_too_long_is_told(store, queue):
    store.held = {"held"}
    with pytest.raises(ApplicationError) as refused:
        queue.batcher.call(("held", 0), 0.2)
    assert refused.value.code == "unavailable"
    store.held = set()
    store.released.set()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_busy_or_fails_each_lane_keeps_its_order(store, seed):
    """Callers who wait for no answer, as sockets do: numbers of a lane are stored in the order of asking."""
    luck = random.Random(seed)
    queue = Queue(store, size=7)
    for number, lane in itertools.product(range(30), "abc"):
        if luck.random() < 0.05:
            store.fails[(lane, number)] = [IntegrityError("twice")]
    store.gate.clear()
    done: list[Command] = []
    for number, lane in itertools.product(range(30), "abc"):
        queue.batcher._enqueue(_QueuedCommand((lane, number), done.append, None, lane))
        if luck.random() < 0.1:
            store.busy_once.add(luck.choice("abc"))
            store.gate.set()
    store.gate.set()
    until = time.monotonic() + 10
    while len(done) < 90 and time.monotonic() < until:
        time.sleep(0.01)
    for lane in "abc":
        assert [number for each, number in store.stored if each == lane] == list(range(30))
