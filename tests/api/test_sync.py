"""Tests of the API endpoint `sync/`, which returns the changes that a client has missed.

The WebSocket command `sync` returns the same.
"""

from __future__ import annotations

import pytest

from chat import actions


def test_sync_returns_exactly_what_was_missed(as_alice, alice, bob, group):
    ask = as_alice
    first = ask({"cursors": {}, "me": 0})
    assert [each["conversation_id"] for each in first["conversations"]] == [group.pk] and first["complete"]
    known = {str(group.pk): first["conversations"][0]["version"]}
    said = actions.update_group(alice.pk, group.pk, {"title": "Another"})
    second = ask({"cursors": known, "me": first["me_version"], "open": group.pk})
    assert [each["version"] for each in second["conversations"]] == [said.version]
    assert second["receipts"][0]["user_id"] == bob.pk
    known = {str(group.pk): said.version}
    assert ask({"cursors": known, "me": second["me_version"]})["conversations"] == []


def test_unknown_conversations_are_returned_as_removed(as_alice, direct_conversation):
    assert as_alice({"cursors": {"987654321": 3}})["removed"] == [987654321]


@pytest.mark.parametrize(
    "body",
    [{"cursors": {"x": 1}}, {"cursors": {"1": -1}}, {"cursors": [1]}, {"me": "x"}, {"cursors": {"9" * 40: 1}}],
)
def test_invalid_requests(as_alice, body):
    assert as_alice(body, 400)["code"] == "invalid"


@pytest.fixture
def as_alice(client, alice, transactional_db):
    def ask(body: dict, status: int = 200) -> dict:
        response = client.post("/api/v1/sync/", body, content_type="application/json")
        assert response.status_code == status, response.content
        return response.json()

    client.force_login(alice)
    return ask
