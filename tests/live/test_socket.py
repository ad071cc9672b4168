"""The socket from outside, on both servers that we ship."""

from __future__ import annotations

import asyncio
import json
import uuid

import httpx
import pytest
import websockets

from accounts import actions
from accounts.models import User
from tests.client import Client, Refusal, token_for
from tests.servers import PASSWORD, Site


class Town:
    """A running site in which alice and bob share a room and a pair; mallory is outside. A fresh room for each test."""

    def __init__(self, site: Site, tokens: dict[str, str]):
        self.site, self.tokens = site, tokens
        self.url, self.ws_url = site.url, site.ws_url
        self.room = self.pair = 0

    def http(self, name: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)

    def client(self, name: str) -> Client:
        return Client(self.ws_url, self.tokens[name])


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def running(request, tmp_path_factory, django_db_blocker):
    site = Site(tmp_path_factory.mktemp("town"), None, "", False, django_db_blocker.unblock, {"LIMITS": "off"})
    site.start(request.param)
    site.people("alice", "bob", "mallory")
    yield site
    site.end()


@pytest.fixture
async def town(running):
    town = Town(running, {name: await token_for(running.url, name) for name in ("alice", "bob", "mallory")})
    async with town.http("alice") as http:
        bob = (await http.get("/api/v1/users/", params={"q": "bob"})).json()["results"][0]["id"]
        group = {"kind": "group", "title": "Room", "user_ids": [bob]}
        town.room = (await http.post("/api/v1/conversations/", json=group)).json()["id"]
        town.pair = (await http.post("/api/v1/conversations/", json={"kind": "direct", "user_id": bob})).json()["id"]
    return town


async def refused_with(url, **options) -> int:
    """The HTTP status of a handshake that is not accepted, or the code with which the socket is closed at once."""
    try:
        async with websockets.connect(url, **options) as socket:
            await asyncio.wait_for(socket.recv(), 5)
            return 0
    except websockets.InvalidStatus as error:
        return error.response.status_code
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code


async def test_who_may_open_a_socket(town):
    token = await token_for(town.url, "alice")
    bearer = {"Authorization": f"Bearer {token}"}
    url, own = town.ws_url, town.url
    assert await refused_with(url, additional_headers=bearer) == 0
    assert await refused_with(url, additional_headers=bearer, origin=own) == 0
    assert await refused_with(url, additional_headers=bearer, origin="https://evil.example") == 403
    assert await refused_with(url, additional_headers=bearer, origin="null") == 403
    assert await refused_with(url, additional_headers=bearer, origin=own.replace("http", "https")) == 403
    assert await refused_with(url, additional_headers=bearer, origin=own.rsplit(":", 1)[0] + ":1") == 403
    assert await refused_with(url) == 403
    assert await refused_with(url, origin=own) == 4401
    assert await refused_with(url, origin=own, additional_headers={"Cookie": 'a/b=c; sessionid="\\000aaa"'}) == 4401
    assert await refused_with(url, additional_headers={"Authorization": "Basic eDp5"}) == 403
    assert await refused_with(url.replace("/ws/v1/", "/")) == 403
    assert await refused_with(url, additional_headers={"Authorization": "Bearer nonsense"}) == 4401
    assert await refused_with(url, origin=own, subprotocols=["messenger.v1", "bearer.nonsense"]) == 4401
    assert await refused_with(url + "?token=" + token) == 403
    assert await refused_with(url.replace("/v1/", "/v2/"), additional_headers=bearer) in (403, 404)
    async with websockets.connect(url, origin=own, subprotocols=["messenger.v1", f"bearer.{token}"]) as socket:
        assert socket.subprotocol == "messenger.v1"
        welcome = json.loads(await socket.recv())
    assert welcome["type"] == "welcome"
    assert {str(town.room), str(town.pair)} <= welcome["payload"]["versions"].keys()


async def test_a_browser_comes_with_its_session_cookie(town):
    async with httpx.AsyncClient(base_url=town.url) as http:
        await http.get("/accounts/login/")
        form = {"login": "alice", "password": PASSWORD, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
        answer = await http.post("/accounts/login/", data=form, headers={"Referer": town.url})
        assert answer.status_code == 302, answer.text
        cookie = {"Cookie": f"sessionid={http.cookies['sessionid']}"}
    assert await refused_with(town.ws_url, additional_headers=cookie) == 403  # without an Origin: no browser
    assert await refused_with(town.ws_url, additional_headers=cookie, origin=town.url) == 0
    basic = {**cookie, "Authorization": "Basic eDp5"}
    assert await refused_with(town.ws_url, additional_headers=basic) == 403


async def test_two_people_talk(town):
    async with town.client("alice") as alice, town.client("bob") as bob:
        sent = await alice.send(town.room, "hello **bob**")
        assert sent["body_html"] == "<p>hello <strong>bob</strong></p>\n"
        await bob.sees(lambda replica: replica.bodies(town.room) == ["hello **bob**"])
        await alice.command("message.edit", message_id=sent["id"], body="hello @bob")
        await bob.command("reaction.set", message_id=sent["id"], emoji="👍", active=True)
        await bob.sees(lambda replica: sent["id"] in replica.mentioned)
        await alice.sees(lambda replica: bool(replica.messages[town.room][sent["seq"]]["reactions"]))
        read = await bob.command("read", conversation_id=town.room, seq=sent["seq"])
        assert read["mine"]["unread_count"] == 0
        await alice.sees(lambda replica: any(frame["type"] == "receipt" for frame in replica.heard))


async def test_the_same_send_many_times_at_once_is_one_message(town):
    client_id = str(uuid.uuid4())
    payload = {"client_id": client_id, "body": "once"}
    async with town.client("alice") as one, town.client("alice") as other, town.http("alice") as http:
        answers = await asyncio.gather(
            *[one.command("message.send", conversation_id=town.room, **payload) for _ in range(20)],
            *[other.command("message.send", conversation_id=town.room, **payload) for _ in range(20)],
            *[http.post(f"/api/v1/conversations/{town.room}/messages/", json=payload) for _ in range(10)],
        )
        messages = [answer["message"] if isinstance(answer, dict) else answer.json() for answer in answers]
        assert len({json.dumps(message, sort_keys=True) for message in messages}) == 1
        assert sorted(answer.status_code for answer in answers[40:])[:9] == [200] * 9
        with pytest.raises(Refusal) as refused:
            await one.command("message.send", conversation_id=town.room, client_id=client_id, body="another")
        assert refused.value.code == "conflict"
        history = (await http.get(f"/api/v1/conversations/{town.room}/messages/")).json()
        assert [message["body"] for message in history["results"]] == ["once"]


BAD_FRAMES = [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "17",
    "NaN",
    "[" * 30_000,
    '{"type":' * 5_000,
    '{"type": 5, "payload": {}}',
    '{"type": "no.such.command", "payload": {}}',
    '{"type": "__init__", "payload": {}}',
    '{"type": "message.created", "payload": {}}',
    '{"type": "message.send", "payload": []}',
    '{"type": "message.send", "payload": {"conversation_id": NaN}}',
    '{"type": "message.send", "payload": {"conversation_id": 1e999}}',
    '{"type": "message.send", "payload": {"conversation_id": 99999999999999999999999}}',
    '{"type": "message.send", "payload": {"conversation_id": -1}}',
    '{"type": "message.send", "payload": {"conversation_id": 1, "client_id": "not a uuid", "body": "x"}}',
    '{"type": "read", "payload": {"conversation_id": 1, "seq": 1.5}}',
    b"\x00\x01binary",
]


async def test_bad_frames_are_answered_and_the_socket_lives(town):
    for frame in BAD_FRAMES:
        async with town.client("alice") as alice:
            await alice.raw(frame)
            await alice.sees(lambda replica: any(heard["type"] == "error" for heard in replica.heard))
            error = next(heard for heard in alice.replica.heard if heard["type"] == "error")
            assert error["payload"]["code"] == "invalid", frame[:40]
            assert await alice.command("ping") == {}
            assert alice.connects == 1


async def test_bodies_that_cannot_be_stored_are_refused_at_their_field(town):
    async with town.client("alice") as alice:
        for body, code in (("a\u0000b", "invalid"), ("   ", "invalid"), ("x" * 4001, "invalid"), ("\u200b", "invalid")):
            with pytest.raises(Refusal) as refused:
                await alice.send(town.room, body)
            assert (refused.value.code, list(refused.value.payload["fields"])) == (code, ["body"])
        half = json.dumps({"conversation_id": town.room, "client_id": str(uuid.uuid4()), "body": "\ud800"})
        await alice.raw('{"type":"message.send","payload":' + half + "}")
        await alice.sees(lambda replica: any(heard["type"] == "error" for heard in replica.heard))
        assert (await alice.send(town.room, "界" * 4000))["body"] == "界" * 4000


async def test_a_refusal_is_in_the_language_of_whoever_asked(town):
    async with town.http("alice") as http:
        await http.patch("/api/v1/me/", json={"language": "zh-hans"})
    async with town.client("alice") as alice, town.client("bob") as bob:
        details = []
        for person in (alice, bob):
            for body in ("x" * 4001, "  "):
                with pytest.raises(Refusal) as refused:
                    await person.send(town.room, body)
                details.append(refused.value.payload["detail"])
    assert details == ["最多 4000 个字符。", "请先写点什么。", "At most 4000 characters.", "Write something first."]


async def test_a_frame_that_is_too_large_closes_with_1009(town):
    async with town.client("alice") as alice:
        await alice.raw(json.dumps({"type": "ping", "payload": {"x": "y" * 70_000}}))
        await alice.sees(lambda _: alice.closed_with == [1009])


async def test_twenty_bad_frames_in_a_minute_end_the_connection(town):
    async with town.client("alice") as alice:
        for _ in range(20):
            await alice.raw("{")
        await alice.sees(lambda _: alice.closed_with == [4429])


async def test_strangers_get_what_nobody_gets(town):
    async with town.client("alice") as alice, town.client("mallory") as mallory:
        message = await alice.send(town.room, "between us")
        nowhere = 987654321
        for kind, there, not_there in (
            ("message.send", {"conversation_id": town.room}, {"conversation_id": nowhere}),
            ("message.edit", {"message_id": message["id"]}, {"message_id": nowhere}),
            ("message.delete", {"message_id": message["id"]}, {"message_id": nowhere}),
            ("reaction.set", {"message_id": message["id"]}, {"message_id": nowhere}),
            ("read", {"conversation_id": town.room}, {"conversation_id": nowhere}),
            ("typing", {"conversation_id": town.room}, {"conversation_id": nowhere}),
            ("view", {"conversation_id": town.room}, {"conversation_id": nowhere}),
        ):
            rest = {
                "message.send": {"client_id": str(uuid.uuid4()), "body": "let me in"},
                "message.edit": {"body": "mine now"},
                "reaction.set": {"emoji": "👍", "active": True},
                "read": {"seq": 1},
                "typing": {"active": True},
            }.get(kind, {})
            answers = []
            for where in (there, not_there):
                with pytest.raises(Refusal) as refused:
                    await mallory.command(kind, **where, **rest)
                answers.append(refused.value.payload)
            assert answers[0] == answers[1]
            assert answers[0]["code"] == "not_found"
        assert mallory.replica.conversations == {}


async def test_what_is_forged_is_ignored(town):
    async with town.client("alice") as alice, town.client("bob") as bob:
        forged = {"sender": {"id": 1}, "seq": 99, "id": 5, "created_at": "1999-01-01T00:00:00Z", "kind": "system"}
        message = await bob.send(town.room, "honest", **forged)
        assert (message["sender"]["username"], message["seq"], message["kind"]) == ("bob", 1, "text")
        assert message["created_at"].startswith("20")
        await alice.sees(lambda replica: replica.bodies(town.room) == ["honest"])


async def test_five_hundred_missed_come_once_in_order(town):
    async with town.client("bob") as bob:
        away = bob.replica
    async with town.client("alice") as alice:
        await asyncio.gather(*[alice.send(town.room, f"number {number}") for number in range(500)])
        said = [message["body"] for message in sorted(alice.acknowledged.values(), key=lambda message: message["seq"])]
        assert said == [f"number {number}" for number in range(500)]  # one socket's order is kept
        back = town.client("bob")
        back.replica = away
        async with back as bob:
            await bob.sees(lambda replica: len(replica.bodies(town.room)) == 500)
            assert bob.replica.bodies(town.room) == said


async def test_whoever_is_removed_while_listening_hears_nothing_more(town):
    async with town.client("alice") as alice, town.client("bob") as bob, town.http("alice") as http:
        bob_id = bob.replica.user_id
        await alice.send(town.room, "with bob")
        await bob.sees(lambda replica: replica.bodies(town.room) == ["with bob"])
        for _ in range(5):
            sending = asyncio.gather(*[alice.send(town.room, "maybe") for _ in range(10)])
            answer = await http.delete(f"/api/v1/conversations/{town.room}/members/{bob_id}/")
            assert answer.status_code == 204, answer.text
            await sending
            heard = len(bob.replica.heard)
            await alice.send(town.room, "never for bob")
            await bob.sees(lambda replica: town.room not in replica.conversations)
            answer = await http.post(f"/api/v1/conversations/{town.room}/members/", json={"user_ids": [bob_id]})
            assert answer.status_code in (200, 201), answer.text
            await bob.sees(lambda replica: town.room in replica.conversations)
            assert "never for bob" not in json.dumps(
                [frame for frame in bob.replica.heard[heard:] if frame["type"] == "message.created"]
            )


@pytest.mark.parametrize("end", ["new password", "suspended", "signed out"])
async def test_revoked_is_revoked_on_open_sockets(town, end):
    name = f"victim{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(town.site.people, name)
    token = await token_for(town.url, name)
    headers = {"Authorization": f"Bearer {token}"}
    async with Client(town.ws_url, token) as victim, httpx.AsyncClient(base_url=town.url, headers=headers) as http:
        if end == "signed out":
            mine = (await http.get("/api/v1/sessions/")).json()["results"]
            current = next(each for each in mine if each["current"])
            assert (await http.delete(f"/api/v1/sessions/{current['id']}/")).status_code == 204
        else:
            await asyncio.to_thread(_end, town.site, name, end)
        code = 4403 if end == "suspended" else 4401
        # What another process does without Redis is found by the sweep; what this one does is at once.
        await victim.sees(lambda _: victim.closed_with == [code], within=1 if end == "signed out" else 5)
        assert await refused_with(town.ws_url, additional_headers=headers) in (4401, 4403)
        assert (await http.get("/api/v1/conversations/")).status_code == 401


def _end(site, name, how):
    with site.orm():
        user = User.objects.get(username=name)
        if how == "suspended":
            actions.suspend_user(user.pk, _superuser().pk)
        else:
            user.set_password("another one entirely")
            user.save()


def _superuser():
    return User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("root-of-tests")
