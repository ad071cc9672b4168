"""What a blocked person can find out (J17): at every door the same as of somebody who is merely away, or who shows
their presence and receipts to nobody. The first table is what is seen, the second what is answered to whoever tries.
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
from chat import actions
from presence.tracker import Tracker, use

pytestmark = pytest.mark.usefixtures("transactional_db")

# Door → of what it must look the same. `away`: somebody who hides nothing and is not here. `hides`: who is not here and
# lets nobody know anything, nor write to them, nor add them.
SEEN = {
    "/": "away",
    "/list/": "away",
    "/mentions/": "away",
    "/people/": "away",
    "/people/?q=alice": "away",
    "/people/{alice}/": "away",
    "/new/": "away",
    "/new/?q=ali": "away",
    "/c/{room}/": "hides",  # with ticks, which who hides gives none of
    "/c/{room}/members/{alice}/": "away",
    "/c/{room}/pins/": "away",
    "/c/{pair}/": "hides",
    "/c/{pair}/members/{alice}/": "away",
    "/m/{mine}/": "away",
    "/m/{mine}/details/": "hides",
    "/m/{hers}/details/": "hides",
    "/m/{mine}/revisions/": "away",
    "/api/v1/me/": "away",
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
DEEDS = {  # method, path, body
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


class World:
    """bob, who was just blocked, or not; alice, who is here and reads, or is not; one room, one pair."""

    def __init__(self, alice, bob, carol, room, pair):
        self.alice, self.bob = alice, bob
        send = lambda by, where, body: actions.send(by.pk, where, uuid.uuid4(), body)[0].id  # noqa: E731
        actions.add_members(alice.pk, room.pk, [carol.pk])
        his = actions.create_group(bob.pk, "His", [carol.pk]).id
        self.ids = {
            "alice": alice.pk,
            "room": room.pk,
            "pair": pair.pk,
            "his": his,
            "hers": send(alice, room.pk, "of alice"),
            "mine": send(bob, room.pk, "of bob"),
            "to_her": send(bob, pair.pk, "to alice"),
        }
        self.browser = Client()
        self.browser.force_login(bob)

    def become(self, kind: str, root: User) -> None:
        """alice is `away`, `hides`, is `suspended`, or has `blocked` bob, is here and reads."""
        self.tracker = Tracker()
        use(self.tracker)
        account_actions.update_profile(self.alice.pk, dict.fromkeys(HIDING, "everyone"))
        if kind != "blocked" and contacts.privacy.blocked_with(self.bob.pk):
            contacts.unblock(self.alice.pk, self.bob.pk)
        if kind == "hides":
            account_actions.update_profile(self.alice.pk, HIDING)
        elif kind == "suspended":
            account_actions.suspend(self.alice.pk, root.pk)
        elif kind == "blocked":
            contacts.block(self.alice.pk, self.bob.pk)
            for name in ("room", "pair"):
                actions.read(self.alice.pk, self.ids[name], 99)
        # So that as many are on the site: how many they are is everybody's to know, who they are is not.
        self.tracker.beat_now(f"u:{self.alice.pk}" if kind == "blocked" else "v:somebody")
        self.tracker.beat_now(f"u:{self.bob.pk}")

    def sees(self, path: str) -> tuple[int, str]:
        answer = self.browser.get(path.format(**self.ids), HTTP_ACCEPT="text/html")
        return answer.status_code, plain(answer.content.decode())

    def does(self, method: str, path: str, body: dict | None) -> tuple[int, str]:
        said = re.sub(r'"\{(\w+)\}"', lambda place: str(self.ids[place[1]]), json.dumps(body))
        said = said.replace("anew", str(uuid.uuid4()))
        send = getattr(self.browser, method)
        path = f"/api/v1/{path.format(**self.ids)}"
        answer = send(path, said, content_type="application/json") if body is not None else send(path)
        # It is done twice, once in each world: numbers go on.
        return answer.status_code, re.sub(r"\d+", "1", plain(answer.content.decode()))


def plain(text: str) -> str:
    """Without what is new in each answer: tokens, moments, what was sent with a form."""
    text = re.sub(r'name="(csrfmiddlewaretoken|client_id)" value="[^"]*"', "", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?", "moment", text)
    text = re.sub(r'"client_id":"[^"]*"', "", text)
    return re.sub(r"\d\d:\d\d|\b(csrf|nonce)=\S+", "", text)


@pytest.fixture
def root(person):
    return person("root", is_superuser=True)


@pytest.fixture
def world(alice, bob, carol, room, pair):
    yield World(alice, bob, carol, room, pair)
    use(None)


@pytest.mark.parametrize("like", ["away", "hides"])
def test_what_the_blocked_see_is_what_they_see_of_others(world, root, like):
    doors = [path for path, of in SEEN.items() if of == like]
    world.become(like, root)
    before = {path: world.sees(path) for path in doors}
    world.become("blocked", root)
    for path in doors:
        assert world.sees(path) == before[path], path
    assert {before[path][0] for path in doors} <= {200, 302, 404}


def test_all_of_that_would_show_were_there_no_block(world, root):
    """The measure measures: of somebody who is here and hides nothing these doors tell something else."""
    telling = [
        path for path in SEEN if "receipts" in path or "{mine}/details" in path or path.startswith("/api/v1/presence/?")
    ]
    telling += ["/people/{alice}/", "/c/{room}/", "/c/{pair}/members/{alice}/", "/api/v1/conversations/{room}/here/"]
    world.become("blocked", root)
    before = {path: world.sees(path) for path in telling}
    contacts.unblock(world.alice.pk, world.bob.pk)
    assert [path for path in telling if world.sees(path) == before[path]] == []


@pytest.mark.parametrize("deed", DEEDS)
def test_what_the_blocked_are_answered_is_what_others_are(world, root, deed):
    method, path, body, like = DEEDS[deed]
    world.become("blocked", root)
    answered = world.does(method, path, body)
    assert answered[0] != 503
    world.become(like, root)
    assert world.does(method, path, body) == answered
