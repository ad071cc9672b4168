"""Tests of signalling over real WebSockets, with two server processes that share PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack

import pytest
import websockets

from tests.client import Client, CommandError
from tests.servers import _run_in_thread

SDP = "v=0\r\n" + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n" * 150  # as long as a real one


class Caller(Client):
    """A client of the protocol that records the frames about calls. Its attribute `device` is its name in calls."""

    def __init__(self, ws_url: str, token: str, device: str):
        super().__init__(ws_url, token)
        self.device = device
        self.frames: list[dict] = []
        apply_event = self.client_state.apply_event

        def record(frame: dict) -> None:
            if frame["type"].startswith("call."):
                self.frames.append(frame)
            else:
                apply_event(frame)

        self.client_state.apply_event = record  # type: ignore[method-assign]

    def of_type(self, type: str) -> list[dict]:
        return [frame["payload"] for frame in self.frames if frame["type"] == type]

    async def hears(self, type: str, condition=lambda payload: True, within: float = 10) -> dict:
        """Waits for a frame of a type that fulfils a condition, and returns its payload."""
        async with asyncio.timeout(within):
            while True:
                for payload in self.of_type(type):
                    if condition(payload):
                        return payload
                await asyncio.sleep(0.01)

    async def hears_state(self, state: str, within: float = 10) -> dict:
        return (await self.hears("call.updated", lambda payload: payload["call"]["state"] == state, within))["call"]

    async def call(self, type: str, **payload) -> dict:
        return (await self.command(f"call.{type}", device=self.device, **payload))["call"]


def token_of(site, username: str) -> str:
    """Returns an access token of a user, without the password hash that a sign-in needs."""
    from accounts.auth.tokens import issue_token_pair
    from accounts.models import User

    def issue() -> str:
        with site.orm():
            return issue_token_pair(User.objects.get(username=username)).access

    return _run_in_thread(issue)


def direct_conversation(site, first, second) -> int:
    from chat import actions

    def create() -> int:
        with site.orm():
            conversation, _ = actions.open_direct_conversation(first.pk, second.pk)
            actions.open_direct_conversation(second.pk, first.pk)
            return conversation.id

    return _run_in_thread(create)


@pytest.fixture
def cluster(make_site):
    """Two server processes on one PostgreSQL and one Redis."""
    site = make_site(database="postgres", redis=True, LIMITS="off")
    site.start()
    site.start("uvicorn", SITE_URL=site.servers[0].url)
    return site


async def test_a_call_between_two_processes(cluster):
    alice, bob, _mallory = cluster.create_users("alice", "bob", "mallory")
    conversation_id = direct_conversation(cluster, alice, bob)
    first, second = cluster.servers
    tokens = {name: token_of(cluster, name) for name in ("alice", "bob", "mallory")}
    async with (
        Caller(first.ws_url, tokens["alice"], "alice-laptop") as alices,
        Caller(second.ws_url, tokens["bob"], "bob-laptop") as bobs,
        Caller(first.ws_url, tokens["bob"], "bob-phone") as phone,
        Caller(second.ws_url, tokens["mallory"], "mallory-laptop") as mallorys,
    ):
        started = time.monotonic()
        call = await alices.call("invite", conversation_id=conversation_id, media="audio")
        for device in (bobs, phone):
            assert (await device.hears_state("ringing"))["id"] == call["id"]
        rang = time.monotonic() - started
        await bobs.command("call.ringing", call_id=call["id"])
        await alices.hears("call.updated", lambda payload: payload["call"]["participants"][1]["rang"])
        await bobs.call("accept", call_id=call["id"])
        for device in (alices, phone):
            updated = await device.hears_state("active")
            assert updated["participants"][1]["device"] == "bob-laptop", "the phone learns that it was answered"
        to_bob = {"call_id": call["id"], "device": "alice-laptop", "to_user_id": bob.pk, "to_device": "bob-laptop"}
        to_alice = {"call_id": call["id"], "device": "bob-laptop", "to_user_id": alice.pk, "to_device": "alice-laptop"}
        await alices.command("call.offer", **to_bob, sdp=SDP)
        offer = await bobs.hears("call.offer")
        assert (offer["from_user_id"], offer["sdp"]) == (alice.pk, SDP)
        await bobs.command("call.answer", **to_alice, sdp=SDP)
        candidate = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
        for number in range(20):
            await bobs.command("call.candidate", **to_alice, candidates=[candidate | {"sdpMid": str(number)}])
        await alices.hears("call.candidate", lambda payload: payload["candidates"][0]["sdpMid"] == "19")
        order = [payload["candidates"][0]["sdpMid"] for payload in alices.of_type("call.candidate")]
        assert order == [str(number) for number in range(20)], "candidates keep their order"
        for type, payload in {
            "call.offer": {**to_bob, "device": "mallory-laptop", "sdp": "v=0"},
            "call.accept": {"call_id": call["id"], "device": "mallory-laptop"},
            "call.hangup": {"call_id": call["id"], "device": "mallory-laptop"},
        }.items():
            with pytest.raises(CommandError, match="not_found"):
                await mallorys.command(type, **payload)
        with pytest.raises(CommandError, match="invalid"):
            await alices.command("call.offer", **to_bob, sdp="v" * 30_000)
        await bobs.call("hangup", call_id=call["id"])
        assert (await alices.hears_state("ended"))["reason"] == "completed"
        assert mallorys.frames == []
        print(f"rings after {rang * 1000:.0f} ms")


async def test_a_call_outlives_the_process_that_served_it(cluster):
    alice, bob = cluster.create_users("alice", "bob")
    conversation_id = direct_conversation(cluster, alice, bob)
    first, second = cluster.servers
    tokens = {name: token_of(cluster, name) for name in ("alice", "bob")}
    async with (
        Caller(first.ws_url, tokens["alice"], "alice-laptop") as alices,
        Caller(second.ws_url, tokens["bob"], "bob-laptop") as bobs,
    ):
        call = await alices.call("invite", conversation_id=conversation_id, media="audio")
        await bobs.call("accept", call_id=call["id"])
        first.kill()
        alices.ws_url = second.ws_url
        started = time.monotonic()
        await bobs.command("call.alive", call_id=call["id"], device="bob-laptop")
        async with asyncio.timeout(15):
            while True:
                try:
                    await alices.command("call.alive", call_id=call["id"], device="alice-laptop")
                    break
                except (ConnectionError, websockets.ConnectionClosed):
                    await asyncio.sleep(0.1)
        to_bob = {"call_id": call["id"], "device": "alice-laptop", "to_user_id": bob.pk, "to_device": "bob-laptop"}
        await alices.command("call.offer", **to_bob, sdp="v=0 restart")
        await bobs.hears("call.offer", lambda payload: payload["sdp"] == "v=0 restart")
        print(f"signals again {time.monotonic() - started:.2f} s after the process was killed")
        assert (await alices.command("call.list"))["calls"][0]["id"] == call["id"]
        await alices.call("hangup", call_id=call["id"])
        await bobs.hears_state("ended")


async def test_a_lost_device_leaves_the_call_without_its_process(cluster):
    """Both the client and its server process are gone: the other process ends the call after 20 seconds."""
    alice, bob = cluster.create_users("alice", "bob")
    conversation_id = direct_conversation(cluster, alice, bob)
    first, second = cluster.servers
    tokens = {name: token_of(cluster, name) for name in ("alice", "bob")}
    async with Caller(second.ws_url, tokens["bob"], "bob-laptop") as bobs:
        async with Caller(first.ws_url, tokens["alice"], "alice-laptop") as alices:
            call = await alices.call("invite", conversation_id=conversation_id, media="audio")
            await bobs.call("accept", call_id=call["id"])
            first.kill()
        started = time.monotonic()
        for _ in range(30):
            try:
                await bobs.command("call.alive", call_id=call["id"], device="bob-laptop")
            except CommandError as error:
                assert error.code == "not_found"
                break
            await asyncio.sleep(2)
        assert (await bobs.hears_state("ended", within=10))["reason"] == "completed"
        assert 17 < time.monotonic() - started < 60


async def test_twenty_calls_at_once(cluster):
    names = [f"person{number}" for number in range(40)]
    people = cluster.create_users(*names)
    first, second = cluster.servers
    conversations = [direct_conversation(cluster, people[n], people[n + 1]) for n in range(0, 40, 2)]
    async with AsyncExitStack() as stack:
        clients = []
        for number, name in enumerate(names):
            server = (first, second)[number % 2]
            token = token_of(cluster, name)
            clients.append(await stack.enter_async_context(Caller(server.ws_url, token, f"device-{name}")))

        async def talk(number: int) -> float:
            caller, callee = clients[2 * number], clients[2 * number + 1]
            started = time.monotonic()
            call = await caller.call("invite", conversation_id=conversations[number], media="video")
            await callee.hears_state("ringing")
            await callee.call("accept", call_id=call["id"])
            await caller.hears_state("active")
            ids = [people[2 * number].pk, people[2 * number + 1].pk]
            devices = [caller.device, callee.device]
            there = {"call_id": call["id"], "device": devices[0], "to_user_id": ids[1], "to_device": devices[1]}
            back = {"call_id": call["id"], "device": devices[1], "to_user_id": ids[0], "to_device": devices[0]}
            await caller.command("call.offer", **there, sdp=SDP)
            await callee.hears("call.offer")
            await callee.command("call.answer", **back, sdp=SDP)
            await caller.hears("call.answer")
            for _ in range(5):
                await asyncio.gather(
                    caller.command("call.candidate", **there, candidates=[{"candidate": "c"}] * 4),
                    callee.command("call.candidate", **back, candidates=[{"candidate": "c"}] * 4),
                )
            took = time.monotonic() - started
            async with asyncio.timeout(10):
                while len(callee.of_type("call.candidate")) < 5 or len(caller.of_type("call.candidate")) < 5:
                    await asyncio.sleep(0.01)
            await caller.call("hangup", call_id=call["id"])
            await callee.hears_state("ended")
            assert len(callee.of_type("call.candidate")) == len(caller.of_type("call.candidate")) == 5
            assert len(callee.of_type("call.offer")) == 1
            return took

        times = await asyncio.gather(*(talk(number) for number in range(20)))
        print(f"20 calls at once: signalling {statistics.median(times):.2f} s (median), {max(times):.2f} s (longest)")
        assert max(times) < 20
