"""Tests of parallel requests to the API, on PostgreSQL."""

from __future__ import annotations

import uuid

import pytest

from chat.models import Membership, Message
from tests.threads import run_concurrently

pytestmark = pytest.mark.usefixtures("postgres_db")


def test_twenty_parallel_requests_open_one_direct_conversation(api, alice, bob):
    callers = [(api(alice), bob.pk), (api(bob), alice.pk)] * 10
    responses = run_concurrently(
        *[lambda c=c, pk=pk: c.post("conversations/", {"kind": "direct", "user_id": pk}) for c, pk in callers]
    )
    assert sorted(response.status_code for response in responses) == [200] * 18 + [201] * 2  # once for each user
    assert len({response.json()["id"] for response in responses}) == 1
    assert Membership.objects.count() == 2


def test_fifty_parallel_sends_of_one_client_id_store_one_message(api, alice, group):
    client_id, caller = str(uuid.uuid4()), api(alice)
    responses = run_concurrently(*[lambda: caller.send(group.pk, "once", client_id=client_id)] * 50)
    assert sorted(response.status_code for response in responses) == [200] * 49 + [201]
    assert len({response.content for response in responses}) == 1
    assert Message.objects.filter(kind="text").count() == 1
