"""Tests of parallel requests to the API, on PostgreSQL."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import connection

from chat.models import Membership, Message

pytestmark = pytest.mark.usefixtures("postgres_db")


def at_once(calls):
    """Calls each function in a thread of its own. All threads start together.

    Returns the results in the order of the functions.
    """
    gate, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place):
        gate.wait()
        try:
            results[place] = calls[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_twenty_parallel_requests_open_one_direct_conversation(api, alice, bob):
    callers = [(api(alice), bob.pk), (api(bob), alice.pk)] * 10
    responses = at_once(
        [lambda c=c, pk=pk: c.post("conversations/", {"kind": "direct", "user_id": pk}) for c, pk in callers]
    )
    assert sorted(response.status_code for response in responses) == [200] * 18 + [201] * 2  # once for each user
    assert len({response.json()["id"] for response in responses}) == 1
    assert Membership.objects.count() == 2


def test_fifty_parallel_sends_of_one_client_id_store_one_message(api, alice, group):
    client_id, caller = str(uuid.uuid4()), api(alice)
    responses = at_once([lambda: caller.send(group.pk, "once", client_id=client_id)] * 50)
    assert sorted(response.status_code for response in responses) == [200] * 49 + [201]
    assert len({response.content for response in responses}) == 1
    assert Message.objects.filter(kind="text").count() == 1
