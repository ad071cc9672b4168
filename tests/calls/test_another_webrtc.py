"""Tests a call between Chromium and another implementation of WebRTC, aiortc: they agree on codecs and exchange media.

aiortc is in the test dependencies. Without it, this test is skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from tests.calls.test_call_signalling import Caller, direct_conversation, token_of

aiortc = pytest.importorskip("aiortc")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


class AiortcPerson:
    """A user who answers a call with aiortc, and sends a test picture and silence."""

    def __init__(self, client: Caller, user_id: int):
        from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

        self.client, self.user_id = client, user_id
        self.connection = aiortc.RTCPeerConnection()
        self.tracks = {"audio": AudioStreamTrack(), "video": VideoStreamTrack()}
        self.received: dict[str, int] = {"audio": 0, "video": 0}
        channel = self.connection.createDataChannel("state", negotiated=True, id=0)
        channel.on("open", lambda: channel.send(json.dumps({"mic": True, "camera": True, "screen": False})))
        self.connection.on("track", lambda track: asyncio.ensure_future(self._count(track)))

    async def _count(self, track) -> None:
        with contextlib.suppress(aiortc.mediastreams.MediaStreamError):  # the end of the track
            while True:
                await track.recv()
                self.received[track.kind] += 1

    async def answer_offer(self) -> None:
        from aiortc.sdp import candidate_from_sdp

        offer = await self.client.hears("call.offer")
        await self.connection.setRemoteDescription(aiortc.RTCSessionDescription(offer["sdp"], "offer"))
        for transceiver in self.connection.getTransceivers():
            transceiver.direction = "sendrecv"
            transceiver.sender.replaceTrack(self.tracks[transceiver.kind])
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        back = {
            "call_id": offer["call_id"],
            "device": self.client.device,
            "to_user_id": offer["from_user_id"],
            "to_device": offer["from_device"],
        }
        await self.client.command("call.answer", **back, sdp=self.connection.localDescription.sdp)
        await self.client.hears("call.candidate")
        await asyncio.sleep(0.5)
        for event in self.client.of_type("call.candidate"):
            for found in event["candidates"]:
                candidate = candidate_from_sdp(found["candidate"].removeprefix("candidate:"))
                candidate.sdpMid, candidate.sdpMLineIndex = found["sdpMid"], found["sdpMLineIndex"]
                await self.connection.addIceCandidate(candidate)


async def test_chromium_and_aiortc_agree_on_codecs_and_exchange_media(make_site, open_call_pages):
    site = make_site(LIMITS="off")
    await asyncio.to_thread(site.start)
    alice, bob = site.create_users("alice", "bob")
    (page,) = await open_call_pages(site, direct_conversation(site, alice, bob), "alice")
    async with Caller(site.ws_url, token_of(site, "bob"), "aiortc-device") as client:
        person = AiortcPerson(client, bob.pk)
        try:
            await page.start_call()
            call = await client.hears_state("ringing")
            await client.call("accept", call_id=call["id"])
            await person.answer_offer()
            await page.is_in_call()
            await page.page.wait_for_selector(".call-tile.picture:not(.own)")
            before = (await page.statistics())[0]["frames"]
            async with asyncio.timeout(30):
                while min(person.received.values()) < 10 or (await page.statistics())[0]["frames"] < before + 10:
                    await asyncio.sleep(0.2)
            print(f"aiortc received {person.received}; Chromium decoded {(await page.statistics())[0]}")
        finally:
            await person.connection.close()
            await page.hang_up()
