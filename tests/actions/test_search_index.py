"""Tests that the search index is equal to the messages while several processes change them."""

from __future__ import annotations

import io
import itertools
import random
import threading
import uuid
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import repeat

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from chat import actions
from chat.actions import search_index
from chat.models import Message, SearchEntry
from chat.search import index
from chat.search.periods import CLOCK_ERROR, IdRange, find_id_range, iterate_message_ids
from chat.search.terms import IndexedText
from chat.selectors import MessageSearch
from messenger.core.errors import ApplicationError
from tests.search_index import find_index_differences
from tests.threads import run_concurrently

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def send(alice, group):
    """Returns a function: `send("hello", by=bob)` sends a message to the group and returns its id."""
    return lambda body, by=None: actions.send_message((by or alice).pk, group.pk, uuid.uuid4(), body)[0].id


def warnings_of_check() -> str:
    output = io.StringIO()
    call_command("check", "--database", "default", stderr=output)
    return output.getvalue()


def test_concurrent_edits_and_deletions_of_one_message_leave_the_index_as_the_row(send, alice, bob, settings):
    settings.LIMITS = False
    for number in range(6):
        message_id = send(f"first text {number}", by=bob)
        calls = [
            *(
                lambda edit=edit, pk=message_id: actions.edit_message(bob.pk, pk, f"text {edit} word{edit}")
                for edit in range(4)
            ),
            lambda pk=message_id: search_index.fill(),
        ]
        if number % 2:
            calls.append(lambda pk=message_id: actions.delete_message(alice.pk, pk))
        search_index.start_rebuild()
        results = run_concurrently(*calls)
        assert all(error.code == "not_found" for error in results if isinstance(error, ApplicationError)), results
        assert find_index_differences() == []


def test_a_rebuild_while_people_send_edit_and_delete_leaves_the_index_as_the_rows(
    send, alice, bob, settings, monkeypatch
):
    settings.LIMITS = False
    monkeypatch.setattr(search_index, "BACKFILL_BATCH", 7)
    ids = [send(f"old {number}", by=bob) for number in range(60)]
    SearchEntry.objects.all().delete()
    search_index.start_rebuild()
    ended = threading.Event()

    def rebuild() -> None:
        try:
            for _ in range(3):
                search_index.fill()
                search_index.start_rebuild()
            search_index.fill()
        finally:
            ended.set()

    def change(seed: int) -> None:
        rng = random.Random(seed)
        for number in range(200):
            if ended.is_set() and number > 30:
                break
            try:
                match rng.randrange(3):
                    case 0:
                        ids.append(send(f"new {seed} {number}", by=bob))
                    case 1:
                        actions.edit_message(bob.pk, rng.choice(ids), f"edited {seed} {number}")
                    case _:
                        actions.delete_message(alice.pk, rng.choice(ids))
            except ApplicationError as error:
                assert error.code == "not_found"

    run_concurrently(rebuild, lambda: change(1), lambda: change(2))
    assert "search index" not in warnings_of_check()
    assert find_index_differences() == []
    assert Message.objects.filter(body__startswith="old").exists()


def test_a_transaction_that_fails_leaves_nothing_in_the_index(send, alice, group, monkeypatch):
    send("before")

    def fail(*_arguments) -> None:
        raise RuntimeError

    monkeypatch.setattr("chat.actions.sending.persist.update_counters", fail)
    with pytest.raises(ApplicationError, match="unavailable"):
        send("lost")
    assert find_index_differences() == [] and SearchEntry.objects.count() == 1


def test_the_system_check_says_which_messages_are_not_indexed_yet(send, alice, bob, settings, monkeypatch):
    settings.LIMITS = False
    monkeypatch.setattr(search_index, "BACKFILL_BATCH", 2)
    ids = [send(f"old {number}") for number in range(5)]
    assert "search index" not in warnings_of_check()
    SearchEntry.objects.all().delete()
    search_index.start_rebuild()
    search_index.fill_batch()
    assert f"Messages with an id below {ids[3]} are not in the search index yet" in warnings_of_check()
    new = send("old but new")  # a message that is sent meanwhile is found at once
    found = MessageSearch(alice.pk, "old", connection.timezone).find_messages()
    assert [hit.message.id for hit in found.hits] == [new, ids[4], ids[3]]
    call_command("rebuild_search", "--resume", stdout=io.StringIO())
    assert "search index" not in warnings_of_check() and find_index_differences() == []


def test_the_upgrade_that_changes_folding_indexes_all_messages_again(send, alice):
    message_id = send("Łódź")
    index.remove_entries([message_id])
    import_module("chat.migrations.0013_search_letters").index_again(apps, None)
    assert "search index" in warnings_of_check()
    search_index.fill()
    assert "search index" not in warnings_of_check() and find_index_differences() == []
    [hit] = MessageSearch(alice.pk, "lodz", connection.timezone).find_messages().hits
    assert hit.message.id == message_id


def test_messages_of_all_ages_are_found_once_and_newest_first():
    """PostgreSQL looks up blocks of 4096 message ids, then larger blocks, and then the rest."""
    ids = [1, 2, 4095, 4096, 9_000, 70_000, 1_100_000, 9_000_000, 40_000_000, 40_004_095, 40_004_096, 40_009_000]
    index.add_entries([IndexedText(pk, 1 + pk % 2, 1, "apple", (), (), False, ()) for pk in ids])
    words = [index.Condition(words=(("app", True),))]

    def find(size: int, conversations=(1, 2), first=None, end=None, beginnings=()) -> list[int]:
        query = index.IndexQuery(words, conversations, 10**6, beginnings, IdRange(first, end))
        return [pk for found in index.iterate_message_ids(query, repeat(size)) for pk in found]

    for size in (1, 2, 3, 50):
        assert find(size) == ids[::-1]
        for bound in (*ids, 5_000, 41_000_000, 2**62):
            assert find(size, end=bound) == [pk for pk in reversed(ids) if pk < bound]
            assert find(size, first=bound) == [pk for pk in reversed(ids) if pk >= bound]
    assert find(3, beginnings=["a", "ap"]) == ids[::-1] and find(3, beginnings=["a", "pp"]) == []
    assert find(2, conversations=[3]) == []


def test_the_ids_of_a_period_are_those_of_its_messages_in_each_conversation(alice, group, direct_conversation, send):
    """Messages of a conversation have ids and numbers in the order of time, those of different conversations not."""
    day, hour = datetime(2026, 3, 1, tzinfo=UTC), timedelta(hours=1)
    Message.objects.all().delete()
    times: dict[int, datetime] = {}
    for conversation, start, count in ((group, day, 40), (direct_conversation, day - 30 * hour, 20)):
        for number in range(count):
            message = Message.objects.create(
                conversation=conversation, sender=alice, seq=number + 1, version=2, first_version=2, text_count=1,
                body="x", created_at=start + 2 * number * hour,
            )  # fmt: skip
            times[message.pk] = message.created_at
    last_seqs = {group.pk: 40, direct_conversation.pk: 20}
    for since, until in itertools.product([None, *(day + offset * hour for offset in range(-40, 90, 9))], repeat=2):
        found = find_id_range(list(last_seqs), 40, since, until)
        inside = [pk for pk, at in times.items() if (not since or at >= since) and (not until or at < until)]
        listed = list(iterate_message_ids(list(last_seqs), 40, None, since, until, repeat(7)))
        assert list(itertools.chain(*listed)) == sorted(inside, reverse=True)
        if found is None:
            assert not inside
            continue
        assert all((found.first or 0) <= pk and (found.end is None or pk < found.end) for pk in inside)
        assert not since or found.first == min(pk for pk, at in times.items() if at >= since - CLOCK_ERROR)
        assert not until or found.end == max(pk for pk, at in times.items() if at < until + CLOCK_ERROR) + 1
