"""Tests of the rate limits for WebSocket commands, with the setting LIMITS on.

A command above the limit is rejected, and the client can send it again later. If a client sends very many commands
above the limit, the server closes the connection.
"""

from __future__ import annotations

import asyncio
import json
import uuid

import websockets


async def test_sends_are_rate_limited_and_floods_close_with_4429(make_site):
    site = make_site(LIMITS="on")
    await asyncio.to_thread(site.start)

    def group() -> int:
        from chat import actions

        alice, bob = site.create_users("alice", "bob")
        with site.orm():
            return actions.create_group(alice.pk, "Room", [bob.pk]).id

    conversation = await asyncio.to_thread(group)
    headers = {"Authorization": f"Bearer {site.create_token('alice')}"}
    async with websockets.connect(site.ws_url, additional_headers=headers) as socket:
        for number in range(15):
            payload = {"conversation_id": conversation, "client_id": str(uuid.uuid4()), "body": f"{number}"}
            await socket.send(json.dumps({"type": "message.send", "payload": payload, "ref": "send"}))
        answers = []
        while len(answers) < 15:
            frame = json.loads(await asyncio.wait_for(socket.recv(), 10))
            if frame.get("ref") == "send":
                answers.append(frame)
        assert [frame["type"] for frame in answers].count("ack") in (10, 11, 12)
        late = answers[-1]["payload"]
        assert late["code"] == "rate_limited"
        assert 0 < late["retry_after"] <= 3
        try:
            for _ in range(1000):
                await socket.send('{"type": "ping", "payload": {}}')
            while True:
                await asyncio.wait_for(socket.recv(), 10)
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code == 4429
            assert closed.rcvd.reason == "Too many malformed frames, or commands above the rate limit."
