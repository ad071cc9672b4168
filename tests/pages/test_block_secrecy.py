"""Tests that users cannot find out that another user has blocked them.

If alice has blocked bob, all responses to bob must be the same as if she were offline or hid her presence and receipts.
EQUAL_READS lists the pages and API reads that are compared, EQUAL_ACTIONS the actions of bob.
"""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.test import Client

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.models import User
from accounts.selectors import privacy
from chat import actions
from presence.tracker import PresenceTracker, set_tracker

pytestmark = pytest.mark.usefixtures("transactional_db")

# URL → the state of alice without a block that must look the same as a block. `away`: she is offline and hides nothing.
# `hides`: she is offline, hides presence and receipts, and nobody may write to her or add her.
EQUAL_READS = {
    "/": "away",
    "/list/": "away",
    "/mentions/": "away",
    "/search/?q=alice": "away",
    "/search/?q=from:alice": "away",
    "/people/": "away",
    "/people/?q=alice": "away",
    "/people/{alice}/": "away",
    "/new/": "away",
    "/new/?q=ali": "away",
    "/c/{room}/": "hides",  # it shows receipt marks, and users who hide receipts have none
    "/c/{room}/members/{alice}/": "away",
    "/c/{room}/pins/": "away",
    "/c/{pair}/": "hides",
    "/c/{pair}/members/{alice}/": "away",
    "/m/{mine}/": "away",
    "/m/{mine}/details/": "hides",
    "/m/{hers}/details/": "hides",
    "/m/{mine}/revisions/": "away",
    "/api/v1/me/": "away",
    "/api/v1/search/?q=alice": "away",
    "/api/v1/users/?q=alice": "away",
    "/api/v1/users/?q=ali&conversation={room}": "away",
    "/api/v1/contacts/": "away",
    "/api/v1/contacts/{alice}/": "away",
    "/api/v1/blocks/": "away",
    "/api/v1/blocks/{alice}/": "away",
    "/api/v1/conversations/": "away",
    "/api/v1/conversations/titles/": "away",
    "/api/v1/conversations/{room}/": "away",
    "/api/v1/conversations/{pair}/": "away",
    "/api/v1/conversations/{room}/members/": "away",
    "/api/v1/conversations/{room}/here/": "away",
    "/api/v1/conversations/{room}/messages/": "away",
    "/api/v1/conversations/{room}/changes/?after=0": "away",
    "/api/v1/conversations/{room}/receipts/": "hides",
    "/api/v1/conversations/{pair}/receipts/": "hides",
    "/api/v1/messages/{mine}/": "away",
    "/api/v1/messages/{mine}/receipts/": "hides",
    "/api/v1/mentions/": "away",
    "/api/v1/presence/?user_ids={alice}": "away",
    "/api/v1/presence/online/": "away",
}
EQUAL_ACTIONS = {  # method, path, body, state
    "writes to her": ("post", "conversations/{pair}/messages/", {"client_id": "anew", "body": "hi"}, "hides"),
    "opens the pair again": ("post", "conversations/", {"kind": "direct", "user_id": "{alice}"}, "away"),
    "changes what he wrote to her": ("patch", "messages/{to_her}/", {"body": "other"}, "suspended"),
    "reacts in the pair": ("put", "messages/{to_her}/reactions/👍/", {}, "suspended"),
    "pins in the pair": ("put", "messages/{to_her}/pin/", {}, "suspended"),
    "adds her to a group": ("post", "conversations/{his}/members/", {"user_ids": ["{alice}"]}, "hides"),
    "groups with her": ("post", "conversations/", {"kind": "group", "title": "x", "user_ids": ["{alice}"]}, "hides"),
    "types": ("post", "conversations/{pair}/typing/", {"active": True}, "away"),
    "names her": ("post", "conversations/{room}/messages/", {"client_id": "anew", "body": "@alice"}, "away"),
    "reacts to her": ("put", "messages/{hers}/reactions/👍/", {}, "away"),
    "unblocks her": ("delete", "blocks/{alice}/", None, "away"),
    "reads": ("post", "conversations/{room}/read/", {"seq": 1}, "away"),
}  # fmt: skip
HIDING = dict.fromkeys(("write_to_me", "add_me", "show_presence", "show_last_seen", "show_receipts"), "nobody")


class Environment:
    """The browser of bob, who shares a group and a direct conversation with alice. alice may have blocked him."""

    def __init__(self, alice, bob, carol, group, direct_conversation):
        self.alice, self.bob = alice, bob
        send = lambda by, where, body: actions.send_message(by.pk, where, uuid.uuid4(), body)[0].id  # noqa: E731
        actions.add_members(alice.pk, group.pk, [carol.pk])
        his = actions.create_group(bob.pk, "His", [carol.pk]).id
        self.ids = {
            "alice": alice.pk,
            "room": group.pk,
            "pair": direct_conversation.pk,
            "his": his,
            "hers": send(alice, group.pk, "of alice"),
            "mine": send(bob, group.pk, "of bob"),
            "to_her": send(bob, direct_conversation.pk, "to alice"),
        }
        self.browser = Client()
        self.browser.force_login(bob)

    def set_state(self, kind: str, root: User) -> None:
        """Puts alice into one of the states `away`, `hides`, `suspended` and `blocked`.

        `away`: she is offline. `hides`: she is offline, hides presence and receipts, and nobody may write to her.
        `suspended`: an administrator has suspended her account. `blocked`: she has blocked bob, is online and has read
        all messages.
        """
        self.tracker = PresenceTracker()
        set_tracker(self.tracker)
        account_actions.update_profile(self.alice.pk, dict.fromkeys(HIDING, "everyone"))
        if kind != "blocked" and privacy.blocked_user_ids(self.bob.pk):
            contacts.unblock_user(self.alice.pk, self.bob.pk)
        if kind == "hides":
            account_actions.update_profile(self.alice.pk, HIDING)
        elif kind == "suspended":
            account_actions.suspend_user(self.alice.pk, root.pk)
        elif kind == "blocked":
            contacts.block_user(self.alice.pk, self.bob.pk)
            for name in ("room", "pair"):
                actions.mark_read(self.alice.pk, self.ids[name], 99)
        # Keeps the public number of people online the same in all states.
        self.tracker.record_heartbeat(f"u:{self.alice.pk}" if kind == "blocked" else "v:somebody")
        self.tracker.record_heartbeat(f"u:{self.bob.pk}")

    def get(self, path: str) -> tuple[int, str]:
        response = self.browser.get(path.format(**self.ids), HTTP_ACCEPT="text/html")
        return response.status_code, normalize(response.content.decode())

    def run(self, method: str, path: str, body: dict | None) -> tuple[int, str]:
        data = re.sub(r'"\{(\w+)\}"', lambda match: str(self.ids[match[1]]), json.dumps(body))
        data = data.replace("anew", str(uuid.uuid4()))
        send = getattr(self.browser, method)
        path = f"/api/v1/{path.format(**self.ids)}"
        response = send(path, data, content_type="application/json") if body is not None else send(path)
        # Each action runs once per state, and ids and versions grow: replace all numbers.
        return response.status_code, re.sub(r"\d+", "1", normalize(response.content.decode()))


def normalize(text: str) -> str:
    """Returns the response text without CSRF tokens, times and client ids, because they differ in every response."""
    text = re.sub(r'name="(csrfmiddlewaretoken|client_id)" value="[^"]*"', "", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?", "moment", text)
    text = re.sub(r'"client_id":"[^"]*"', "", text)
    return re.sub(r"\d\d:\d\d|\b(csrf|nonce)=\S+", "", text)


@pytest.fixture
def root(make_user):
    return make_user("root", is_superuser=True)


@pytest.fixture
def environment(alice, bob, carol, group, direct_conversation):
    yield Environment(alice, bob, carol, group, direct_conversation)
    set_tracker(None)


@pytest.mark.parametrize("state", ["away", "hides"])
def test_pages_look_the_same_as_without_a_block(environment, root, state):
    paths = [path for path, equal_state in EQUAL_READS.items() if equal_state == state]
    environment.set_state(state, root)
    before = {path: environment.get(path) for path in paths}
    environment.set_state("blocked", root)
    for path in paths:
        assert environment.get(path) == before[path], path
    assert {before[path][0] for path in paths} <= {200, 302, 404}


def test_the_same_pages_differ_if_there_is_no_block(environment, root):
    """Checks that the comparison in the other tests of this module would notice a difference.

    Pages that show presence or receipts must differ as soon as alice, who is online, unblocks bob.
    """
    paths = [
        path
        for path in EQUAL_READS
        if "receipts" in path or "{mine}/details" in path or path.startswith("/api/v1/presence/?")
    ]
    paths += ["/people/{alice}/", "/c/{room}/", "/c/{pair}/members/{alice}/", "/api/v1/conversations/{room}/here/"]
    environment.set_state("blocked", root)
    before = {path: environment.get(path) for path in paths}
    contacts.unblock_user(environment.alice.pk, environment.bob.pk)
    assert [path for path in paths if environment.get(path) == before[path]] == []


@pytest.mark.parametrize("action", EQUAL_ACTIONS)
def test_responses_to_actions_are_the_same_as_without_a_block(environment, root, action):
    method, path, body, state = EQUAL_ACTIONS[action]
    environment.set_state("blocked", root)
    blocked_result = environment.run(method, path, body)
    assert blocked_result[0] != 503
    environment.set_state(state, root)
    assert environment.run(method, path, body) == blocked_result
