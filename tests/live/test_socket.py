"""Tests of the WebSocket endpoint through real connections to a running daphne and a running uvicorn server."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime

import httpx
import pytest
import websockets
from websockets.frames import Frame, Opcode

from accounts import actions
from accounts.models import User
from tests.client import Client, CommandError, rejection_status


async def test_a_frame_that_is_not_utf8_closes_with_1007_and_logs_no_traceback(workspace):
    """RFC 6455 §8.1. The bytes come in a text frame, in a fragment, and as the reason of a close frame."""
    frames = [
        [Frame(Opcode.TEXT, b"\xff\xfe")],
        [Frame(Opcode.TEXT, "一".encode()[:2], fin=False), Frame(Opcode.CONT, b"a")],
        [Frame(Opcode.CLOSE, b"\x03\xe8\xff")],
    ]
    headers = {"Authorization": f"Bearer {workspace.tokens['alice']}"}
    for sent in frames:
        async with websockets.connect(workspace.ws_url, additional_headers=headers) as socket:
            await socket.recv()
            for frame in sent:
                socket.transport.write(frame.serialize(mask=True))
            with pytest.raises(websockets.ConnectionClosed) as closed:
                while True:
                    await asyncio.wait_for(socket.recv(), 5)
            assert closed.value.rcvd is None or closed.value.rcvd.code in (1002, 1007)
    assert "Traceback" not in workspace.site.servers[0].log.read_text()


async def test_two_users_exchange_messages(workspace):
    async with workspace.client("alice") as alice, workspace.client("bob") as bob:
        sent = await alice.send(workspace.group, "hello **bob**")
        assert sent["body_html"] == "<p>hello <strong>bob</strong></p>\n"
        await bob.wait_for(lambda client_state: client_state.bodies(workspace.group) == ["hello **bob**"])
        await alice.command("message.edit", message_id=sent["id"], body="hello @bob")
        await bob.command("reaction.set", message_id=sent["id"], emoji="👍", active=True)
        await bob.wait_for(lambda client_state: sent["id"] in client_state.mentioned)
        await alice.wait_for(lambda state: bool(state.messages[workspace.group][sent["seq"]]["reactions"]))
        read = await bob.command("read", conversation_id=workspace.group, seq=sent["seq"])
        assert read["mine"]["unread_count"] == 0
        await alice.wait_for(lambda client_state: any(frame["type"] == "receipt" for frame in client_state.events))


async def test_mark_as_unread_needs_no_number_on_the_socket_as_in_the_api(workspace):
    async with workspace.client("alice") as alice, workspace.client("bob") as bob, workspace.http("bob") as http:
        for body in ("one", "two"):
            await alice.send(workspace.group, body)
        sent = await bob.send(workspace.group, "three")
        read = await bob.command("read", conversation_id=workspace.group, seq=sent["seq"])
        assert read["mine"]["unread_count"] == 0
        back = await bob.command("read", conversation_id=workspace.group, back=True)
        assert back["mine"]["unread_count"] == 1, "the newest message of alice"
        path = f"/api/v1/conversations/{workspace.group}/read/"
        assert (await http.post(path, json={"back": True})).json() == back["mine"]
        with pytest.raises(CommandError) as error:
            await bob.command("read", conversation_id=workspace.group)
        assert error.value.code == "invalid"
        assert list((await http.post(path, json={})).json()["fields"]) == ["seq"]


async def test_concurrent_sends_with_one_client_id_store_one_message(workspace):
    client_id = str(uuid.uuid4())
    payload = {"client_id": client_id, "body": "once"}
    async with workspace.client("alice") as one, workspace.client("alice") as other, workspace.http("alice") as http:
        answers = await asyncio.gather(
            *[one.command("message.send", conversation_id=workspace.group, **payload) for _ in range(20)],
            *[other.command("message.send", conversation_id=workspace.group, **payload) for _ in range(20)],
            *[http.post(f"/api/v1/conversations/{workspace.group}/messages/", json=payload) for _ in range(10)],
        )
        messages = [answer["message"] if isinstance(answer, dict) else answer.json() for answer in answers]
        assert len({json.dumps(message, sort_keys=True) for message in messages}) == 1
        assert sorted(answer.status_code for answer in answers[40:])[:9] == [200] * 9
        with pytest.raises(CommandError) as error:
            await one.command("message.send", conversation_id=workspace.group, client_id=client_id, body="another")
        assert error.value.code == "conflict"
        history = (await http.get(f"/api/v1/conversations/{workspace.group}/messages/")).json()
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
    json.dumps({"type": "ping", "payload": {}, "ref": "x" * 101}),
]


async def test_invalid_frames_return_errors_and_keep_the_socket_open(workspace):
    for frame in BAD_FRAMES:
        async with workspace.client("alice") as alice:
            await alice.send_raw(frame)
            await alice.wait_for(lambda client_state: any(heard["type"] == "error" for heard in client_state.events))
            error = next(heard for heard in alice.client_state.events if heard["type"] == "error")
            assert error["payload"]["code"] == "invalid", frame[:40]
            assert await alice.command("ping") == {}
            assert alice.connects == 1


async def test_an_invalid_body_is_an_error_of_its_field(workspace):
    async with workspace.client("alice") as alice:
        for body, code in (("a\u0000b", "invalid"), ("   ", "invalid"), ("x" * 4001, "invalid"), ("\u200b", "invalid")):
            with pytest.raises(CommandError) as error:
                await alice.send(workspace.group, body)
            assert (error.value.code, list(error.value.payload["fields"])) == (code, ["body"])
        half = json.dumps({"conversation_id": workspace.group, "client_id": str(uuid.uuid4()), "body": "\ud800"})
        await alice.send_raw('{"type":"message.send","payload":' + half + "}")
        await alice.wait_for(lambda client_state: any(heard["type"] == "error" for heard in client_state.events))
        assert (await alice.send(workspace.group, "界" * 4000))["body"] == "界" * 4000


async def test_errors_are_in_the_language_of_the_user(workspace):
    async with workspace.http("alice") as http:
        await http.patch("/api/v1/me/", json={"language": "zh-hans"})
    async with workspace.client("alice") as alice, workspace.client("bob") as bob:
        details = []
        for person in (alice, bob):
            for body in ("x" * 4001, "  "):
                with pytest.raises(CommandError) as error:
                    await person.send(workspace.group, body)
                details.append(error.value.payload["detail"])
    assert details == ["最多 4000 个字符。", "请先输入内容。", "At most 4000 characters.", "Write a message first."]


async def test_times_in_errors_are_in_the_time_zone_of_the_user(workspace):
    async with workspace.http("alice") as http, workspace.http("bob") as other:
        await http.patch("/api/v1/me/", json={"language": "en", "time_zone": "Asia/Shanghai"})
        await asyncio.to_thread(_mute, workspace.site, "alice", datetime(2999, 1, 31, 20, 30, tzinfo=UTC))
        message = {"client_id": str(uuid.uuid4()), "body": "hi"}
        path = f"/api/v1/conversations/{workspace.group}/messages/"
        answer = await http.post(path, json=message)
        assert (await other.post(path, json=message)).status_code == 201
        async with workspace.client("alice") as alice:
            with pytest.raises(CommandError) as error:
                await alice.send(workspace.group, "hi")
        await asyncio.to_thread(_mute, workspace.site, "alice", None)
        await http.patch("/api/v1/me/", json={"language": "", "time_zone": ""})
    for detail in (error.value.payload["detail"], answer.json()["detail"]):
        assert "until 1 February 2999, 04:30" in detail


def _mute(site, name, until):
    with site.orm():
        User.objects.filter(username=name).update(muted_until=until)


async def test_a_frame_that_is_too_large_closes_with_1009(workspace):
    async with workspace.client("alice") as alice:
        await alice.send_raw(json.dumps({"type": "ping", "payload": {"x": "y" * 70_000}}))
        await alice.wait_for(lambda _: alice.closed_with == [1009])


async def test_twenty_invalid_frames_in_a_minute_close_the_connection(workspace):
    async with workspace.client("alice") as alice:
        for _ in range(20):
            await alice.send_raw("{")
        await alice.wait_for(lambda _: alice.closed_with == [4429])


async def test_non_members_get_the_same_error_as_for_an_unknown_id(workspace):
    async with workspace.client("alice") as alice, workspace.client("mallory") as mallory:
        message = await alice.send(workspace.group, "between us")
        nowhere = 987654321
        for kind, there, not_there in (
            ("message.send", {"conversation_id": workspace.group}, {"conversation_id": nowhere}),
            ("message.edit", {"message_id": message["id"]}, {"message_id": nowhere}),
            ("message.delete", {"message_id": message["id"]}, {"message_id": nowhere}),
            ("reaction.set", {"message_id": message["id"]}, {"message_id": nowhere}),
            ("read", {"conversation_id": workspace.group}, {"conversation_id": nowhere}),
            ("typing", {"conversation_id": workspace.group}, {"conversation_id": nowhere}),
            ("view", {"conversation_id": workspace.group}, {"conversation_id": nowhere}),
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
                with pytest.raises(CommandError) as error:
                    await mallory.command(kind, **where, **rest)
                answers.append(error.value.payload)
            assert answers[0] == answers[1]
            assert answers[0]["code"] == "not_found"
        assert mallory.client_state.conversations == {}


async def test_forged_fields_are_ignored(workspace):
    async with workspace.client("alice") as alice, workspace.client("bob") as bob:
        forged = {"sender": {"id": 1}, "seq": 99, "id": 5, "created_at": "1999-01-01T00:00:00Z", "kind": "system"}
        message = await bob.send(workspace.group, "honest", **forged)
        assert (message["sender"]["username"], message["seq"], message["kind"]) == ("bob", 1, "text")
        assert message["created_at"].startswith("20")
        await alice.wait_for(lambda client_state: client_state.bodies(workspace.group) == ["honest"])


async def test_five_hundred_missed_messages_arrive_once_in_order(workspace):
    async with workspace.client("bob") as bob:
        away = bob.client_state
    async with workspace.client("alice") as alice:
        await asyncio.gather(*[alice.send(workspace.group, f"number {number}") for number in range(500)])
        said = [message["body"] for message in sorted(alice.acknowledged.values(), key=lambda message: message["seq"])]
        assert said == [f"number {number}" for number in range(500)]  # messages sent on one socket keep their order
        back = workspace.client("bob")
        back.client_state = away
        async with back as bob:
            await bob.wait_for(lambda client_state: len(client_state.bodies(workspace.group)) == 500)
            assert bob.client_state.bodies(workspace.group) == said


async def test_a_member_removed_while_connected_receives_nothing_more(workspace):
    async with workspace.client("alice") as alice, workspace.client("bob") as bob, workspace.http("alice") as http:
        bob_id = bob.client_state.user_id
        await alice.send(workspace.group, "with bob")
        await bob.wait_for(lambda client_state: client_state.bodies(workspace.group) == ["with bob"])
        for _ in range(5):
            sending = asyncio.gather(*[alice.send(workspace.group, "maybe") for _ in range(10)])
            answer = await http.delete(f"/api/v1/conversations/{workspace.group}/members/{bob_id}/")
            assert answer.status_code == 204, answer.text
            await sending
            heard = len(bob.client_state.events)
            await alice.send(workspace.group, "never for bob")
            await bob.wait_for(lambda client_state: workspace.group not in client_state.conversations)
            answer = await http.post(f"/api/v1/conversations/{workspace.group}/members/", json={"user_ids": [bob_id]})
            assert answer.status_code in (200, 201), answer.text
            await bob.wait_for(lambda client_state: workspace.group in client_state.conversations)
            assert "never for bob" not in json.dumps(
                [frame for frame in bob.client_state.events[heard:] if frame["type"] == "message.created"]
            )


@pytest.mark.parametrize("end", ["new password", "suspended", "signed out"])
async def test_revocation_closes_open_sockets(workspace, end):
    name = f"victim{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(workspace.site.create_users, name)
    token = workspace.site.create_token(name)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        Client(workspace.ws_url, token) as victim,
        httpx.AsyncClient(base_url=workspace.url, headers=headers) as http,
    ):
        if end == "signed out":
            mine = (await http.get("/api/v1/sessions/")).json()["results"]
            current = next(each for each in mine if each["current"])
            assert (await http.delete(f"/api/v1/sessions/{current['id']}/")).status_code == 204
        else:
            await asyncio.to_thread(_end, workspace.site, name, end)
        code = 4403 if end == "suspended" else 4401
        # The server itself handles the sign-out and closes the socket at once. The test process makes the other
        # changes: without Redis the server finds them only in its reconciliation loop.
        await victim.wait_for(lambda _: victim.closed_with == [code], within=1 if end == "signed out" else 5)
        assert await rejection_status(workspace.ws_url, additional_headers=headers) in (4401, 4403)
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
