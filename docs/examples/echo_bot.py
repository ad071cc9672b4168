"""Answers each message that mentions the bot, exactly once: echo_bot.py SITE LOGIN PASSWORD STATE_FILE

Example: echo_bot.py http://localhost:8000 bob let-me-talk bob.json. Explained in docs/clients.md, section "A bot".
"""

import asyncio
import json
import random
import sys
import time
import uuid
from pathlib import Path

import httpx
import websockets


class EchoBot:
    def __init__(self, site, login, password, state_file):
        self.http = httpx.AsyncClient(base_url=f"{site}/api/v1/", timeout=10)
        self.socket_url = site.replace("http", "ws", 1) + "/ws/v1/"
        self.credentials = {"login": login, "password": password}
        self.tokens, self.refresh_at = None, 0.0
        self.state_file = Path(state_file)  # conversation id → seq of the last message that the bot has handled
        self.last_seqs = json.loads(self.state_file.read_text()) if self.state_file.exists() else {}

    async def request(self, method, path, *, signed_in=True, **options):
        """Repeats a request until the server has answered it, also while the server is down."""
        while True:
            wait = random.uniform(0.5, 1.5)
            try:
                headers = await self.get_headers() if signed_in else {}
                response = await self.http.request(method, path, headers=headers, **options)
                if response.status_code == 401 and signed_in:
                    self.tokens = None  # the sign-in has ended: sign in again
                elif response.status_code not in (429, 502, 503, 504):  # these are temporary
                    return response
                wait = float(response.headers.get("Retry-After", wait))
            except httpx.TransportError as error:
                print(repr(error), file=sys.stderr)
            await asyncio.sleep(wait)

    async def get_headers(self):
        """Returns the header with an access token. Refreshes the token one minute before it expires."""
        if self.tokens and time.monotonic() > self.refresh_at:
            refresh = {"refresh": self.tokens["refresh"]}
            response = await self.request("POST", "auth/token/refresh/", signed_in=False, json=refresh)
            self.store_tokens(response.json() if response.is_success else None)
        if not self.tokens:
            response = await self.request("POST", "auth/token/", signed_in=False, json=self.credentials)
            self.store_tokens(response.raise_for_status().json())  # a wrong password ends the program
        return {"Authorization": f"Bearer {self.tokens['access']}"}

    def store_tokens(self, tokens):
        self.tokens = tokens
        self.refresh_at = time.monotonic() + (tokens["expires_in"] - 60 if tokens else 0)

    async def catch_up(self, conversation_id):
        """Handles all messages after the last handled one, in order of `seq`. Stores the position after each."""
        key, path = str(conversation_id), f"conversations/{conversation_id}/"
        if key not in self.last_seqs:  # new for the bot: begin after the last message that this user has read
            response = await self.request("GET", path)
            self.last_seqs[key] = response.json()["mine"]["read_seq"] if response.is_success else 0
        has_more = True
        while has_more:
            response = await self.request("GET", f"{path}messages/?after={self.last_seqs[key]}")
            page = response.json() if response.is_success else {"results": [], "has_after": False}  # not a member now
            for message in page["results"]:
                is_mentioned = any(mention["user_id"] == self.user_id for mention in message["mentions"])
                if is_mentioned and message["sender"]["id"] != self.user_id:
                    await self.answer(path, message)
                self.last_seqs[key] = message["seq"]
                self.state_file.write_text(json.dumps(self.last_seqs))
            has_more = page["has_after"]

    def forget_other_epoch(self, epoch):
        """Forgets all positions if the database of the server was restored from a backup."""
        if self.last_seqs.setdefault("epoch", epoch) != epoch:
            self.last_seqs = {"epoch": epoch}
        self.state_file.write_text(json.dumps(self.last_seqs))

    async def answer(self, path, message):
        # The same message always gets an answer with the same client_id. So the server stores it once, however often
        # it is sent: after a lost response, after a restart of the server, and after a restart of this program.
        client_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.http.base_url}messages/{message['id']}/"))
        answer = {"client_id": client_id, "reply_to_id": message["id"], "body": f"You wrote: {message['body']}"[:4000]}
        response = await self.request("POST", f"{path}messages/", json=answer)
        if response.is_error:  # final, for example because of a block: continue with the next message
            print(response.text, file=sys.stderr)

    async def run(self):
        self.user_id = (await self.request("GET", "me/")).json()["id"]
        delay = 1
        while True:
            socket = None
            try:
                headers = await self.get_headers()
                async with websockets.connect(self.socket_url, additional_headers=headers, max_size=None) as socket:
                    async for text in socket:
                        frame = json.loads(text)
                        if frame["type"] == "welcome":  # handle what was missed while there was no connection
                            delay = 1
                            self.forget_other_epoch(frame["payload"]["epoch"])
                            for conversation_id in frame["payload"]["versions"]:
                                await self.catch_up(conversation_id)
                        elif frame["type"] == "message.created":
                            await self.catch_up(frame["payload"]["conversation_id"])
                        elif frame["type"] == "conversation.added":
                            await self.catch_up(frame["payload"]["conversation"]["id"])
            except (OSError, websockets.WebSocketException) as error:
                print(repr(error), file=sys.stderr)
            if socket and socket.close_code == 4401:
                self.tokens = None  # the sign-in has ended: sign in again
            await asyncio.sleep(delay * random.uniform(0.5, 1))
            delay = min(delay * 2, 30)


if __name__ == "__main__":
    asyncio.run(EchoBot(*sys.argv[1:]).run())
