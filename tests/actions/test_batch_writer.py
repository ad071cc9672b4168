"""Tests of BatchWriter, which stores the commands of many callers in batches and returns a result to each caller.

Each command has a key, such as the id of a conversation. Commands with the same key are stored in the order in which
they were submitted; commands with different keys do not wait for each other.
"""

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

pytestmark = pytest.mark.django_db(transaction=True)  # its threads open database connections, but make no queries
Command = tuple[str, int]  # key, number


class Store:
    """Replaces the database for BatchWriter, which stores commands in batches.

    It records the stored commands. A test can set errors that it raises, and keys that it reports as busy: then the
    commands with such a key cannot be stored now, as if another process had locked their rows.
    """

    def __init__(self) -> None:
        self.stored: list[Command] = []
        self.batches: list[list[Command]] = []
        self.held: set[str] = set()
        self.released = threading.Event()
        self.gate = threading.Event()  # `store` waits until this is set
        self.gate.set()
        self.fails: dict[Command, list[Exception]] = {}
        self.busy_once: set[str] = set()

    def store(self, commands: Sequence[Command]) -> list:
        self.gate.wait(10)
        self._fail(commands)
        busy = self.held | {key for key, _ in commands if key in self.busy_once}
        self.busy_once -= busy
        return self._store_batch(commands, busy)

    def store_blocking(self, commands: Sequence[Command]) -> list:
        if any(key in self.held for key, _ in commands):
            self.released.wait(10)
        self._fail(commands)
        return self._store_batch(commands, set())

    def _fail(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if self.fails.get(command):
                raise self.fails[command].pop()

    def _store_batch(self, commands: Sequence[Command], busy: set[str]) -> list:
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
    """A BatchWriter, which stores commands in batches, and Python threads that submit commands to it.

    While a test blocks the BatchWriter, commands are queued in the order of the calls of `submit`.
    """

    def __init__(self, store: Store, **options):
        self.store = store
        self.writer: BatchWriter[Command] = BatchWriter(
            "test", store.store, lambda c: c[0], store_blocking=store.store_blocking, **options
        )
        self._threads = ThreadPoolExecutor(64)

    def submit(self, *commands: Command) -> list:
        futures = []
        for command in commands:
            before = self._waiting()
            futures.append(self._threads.submit(self.writer.call, command, 10))
            if not self.store.gate.is_set():  # the writer is blocked: submit one after the other
                while self._waiting() == before:
                    time.sleep(0.001)
        return futures

    def _waiting(self) -> int:
        return len(self.writer._queue) + sum(len(key) for key in self.writer._key_queues.values())


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def queue(store):
    return Queue(store)


@pytest.fixture
def blocked_writer(store, queue):
    """Blocks the BatchWriter while it stores a first command, until the test sets the event `store.gate`.

    All commands that the test submits while the BatchWriter is blocked form the next batch.
    """
    store.gate.clear()
    first = queue._threads.submit(queue.writer.call, ("first", 0), 10)
    while not queue.writer._thread or queue._waiting():
        time.sleep(0.001)
    time.sleep(0.02)
    return first


def test_queued_commands_are_stored_in_one_batch(store, queue, blocked_writer):
    answers = queue.submit(*[("a", number) for number in range(20)])
    store.gate.set()
    assert [answer.result(10) for answer in answers] == [("a", number) for number in range(20)]
    assert [len(batch) for batch in store.batches] == [1, 20]


def test_a_batch_has_a_maximum_size(store):
    queue = Queue(store, size=8)
    store.gate.clear()
    answers = [queue._threads.submit(queue.writer.call, ("a", number), 10) for number in range(20)]
    time.sleep(0.05)
    store.gate.set()
    assert sorted(answer.result(10) for answer in answers) == [("a", number) for number in range(20)]
    assert max(len(batch) for batch in store.batches) <= 8


def test_an_error_goes_only_to_its_caller(store, queue, blocked_writer):
    good, bad, also_good = queue.submit(("a", 1), ("forbidden", 2), ("b", 3))
    store.gate.set()
    assert (good.result(10), also_good.result(10)) == (("a", 1), ("b", 3))
    with pytest.raises(ApplicationError) as error:
        bad.result(10)
    assert error.value.code == "forbidden"


@pytest.mark.parametrize(("error", "code"), [(ValueError("a fault"), "unavailable"), (IntegrityError("twice"), "")])
def test_a_command_that_cannot_be_stored_does_not_affect_others(store, queue, blocked_writer, error, code):
    """A command that can never be stored returns an error to its own caller only.

    A command that fails because another process stored the same row first (IntegrityError) is retried and succeeds.
    """
    store.fails[("a", 7)] = [error] * 99 if code else [error] * 5  # batches of 16, 8, 4, 2 and 1
    answers = queue.submit(*[("a", number) for number in range(16)])
    store.gate.set()
    results = []
    for answer in answers:
        try:
            results.append(answer.result(10))
        except ApplicationError as error:
            results.append(error.code)
    assert results == [("a", number) if number != 7 or not code else code for number in range(16)]
    assert [number for key, number in store.stored if key == "a"] == [n for n in range(16) if n != 7 or not code]


def test_a_blocked_key_delays_no_other_and_keeps_its_order(store, queue, blocked_writer):
    store.held = {"held"}
    held = queue.submit(*[("held", number) for number in range(5)])
    free = queue.submit(*[("free", number) for number in range(5)])
    store.gate.set()
    assert [answer.result(10) for answer in free] == [("free", number) for number in range(5)]
    later = [queue._threads.submit(queue.writer.call, ("held", 5), 10)]
    assert queue.writer.call(("free", 9), 10) == ("free", 9)
    assert not any(answer.done() for answer in [*held, *later])
    store.held = set()
    store.released.set()
    assert [answer.result(10) for answer in held + later] == [("held", number) for number in range(6)]
    assert [number for key, number in store.stored if key == "held"] == list(range(6))
    while queue.writer._key_queues:  # wait until the key has no queue of its own any more
        time.sleep(0.01)
    assert queue.writer.call(("held", 6), 10) == ("held", 6)


def test_a_key_busy_in_one_half_of_a_split_batch_keeps_its_order(store, queue, blocked_writer):
    """If storing a batch fails, the BatchWriter splits the batch and stores both parts, one after the other.

    Commands with the same key keep their order, even if the key is busy (locked) only while the first part is stored.
    """
    store.fails[("stranger", 0)] = [IntegrityError("twice")] * 2
    commands = [("lane", 0), ("stranger", 0), ("lane", 1), ("lane", 2)]
    answers = queue.submit(*commands)
    store.busy_once = {"lane"}
    store.gate.set()
    assert sorted(answer.result(10) for answer in answers) == sorted(commands)
    assert [number for key, number in store.stored if key == "lane"] == [0, 1, 2]


def test_a_command_that_waits_too_long_is_unavailable(store, queue):
    store.held = {"held"}
    with pytest.raises(ApplicationError) as error:
        queue.writer.call(("held", 0), 0.2)
    assert error.value.code == "unavailable"
    store.held = set()
    store.released.set()


@pytest.mark.parametrize("seed", range(8))
def test_each_key_keeps_its_order_despite_busy_keys_and_failures(store, seed):
    """Commands with the same key (such as one conversation) are stored in the order in which they were submitted.

    This holds even if the key is busy (locked by another process) or a command fails. The callers submit the next
    command without waiting for the result of the previous one, like WebSocket clients.
    """
    rng = random.Random(seed)
    queue = Queue(store, size=7)
    for number, key in itertools.product(range(30), "abc"):
        if rng.random() < 0.05:
            store.fails[(key, number)] = [IntegrityError("twice")]
    store.gate.clear()
    done: list[Command] = []
    for number, key in itertools.product(range(30), "abc"):
        queue.writer._enqueue(_QueuedCommand((key, number), done.append, None, key))
        if rng.random() < 0.1:
            store.busy_once.add(rng.choice("abc"))
            store.gate.set()
    store.gate.set()
    until = time.monotonic() + 10
    while len(done) < 90 and time.monotonic() < until:
        time.sleep(0.01)
    for key in "abc":
        assert [number for stored_key, number in store.stored if stored_key == key] == list(range(30))
