"""One person at a client of their own, who sends through any of the three doors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tools.irc_replay.http_client import Refusal, Trouble, Web
from tools.irc_replay.log_parser import names

ACK_WITHIN = 5.0  # seconds, as the protocol has it

_numbers = count(1)


class Account:
    """A token client that signs up or in, and stays signed in."""

    def __init__(self, url: str, password: str):
        self.url = url.rstrip("/")
        self.password = password
        self.username, self.id = "", 0
        self.web = Web(self.url)
        self._access = self._refresh = self._claim = ""
        self._renewing = asyncio.Lock()

    async def sign_up(self, wanted: str, claimed: set[str]) -> None:
        """As the first of `names(wanted)` that nobody claimed, and that is free or was ours in an earlier replay."""
        for name in names(wanted):
            # After trouble this is asked again; what was claimed then may be signed up for by now.
            if name.casefold() in claimed and name != self._claim:
                continue
            claimed.add(name.casefold())
            self._claim = name
            if await self._get(name):
                return

    async def _get(self, name: str) -> bool:
        try:
            pair = await self.web.api("POST", "auth/signup/", {"username": name, "password": self.password})
        except Refusal as refusal:
            if "username" not in refusal.fields:
                raise
            if not await self._sign_in(name):
                return False
        else:
            if "access" not in pair:
                raise Refusal("forbidden", "This site wants e-mail addresses confirmed; nobody could do that here.")
            self._take(pair)
        me = await self.api("GET", "me/")
        self.username, self.id = me["username"], me["id"]
        return self.username == name  # else it only looks like it, and is somebody else's

    async def _sign_in(self, name: str) -> bool:
        try:
            self._take(await self.web.api("POST", "auth/token/", {"login": name, "password": self.password}))
        except Refusal:
            return False
        return True

    def _take(self, pair: dict[str, str]) -> None:
        self._access, self._refresh = pair["access"], pair["refresh"]

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        access = self._access
        try:
            return await self.web.api(method, path, body, access)
        except Refusal as refusal:
            if refusal.code != "unauthenticated":
                raise
            await self._renew(access)
            return await self.web.api(method, path, body, self._access)

    async def _renew(self, old: str) -> None:
        """Another pair, once for all who found the old one out of date. Lost on the way, it is signed in for anew."""
        async with self._renewing:
            if self._access != old:
                return
            try:
                self._take(await self.web.api("POST", "auth/token/refresh/", {"refresh": self._refresh}))
            except Refusal:
                if not await self._sign_in(self.username):
                    raise

    async def open_socket(self) -> ClientConnection:
        """An open socket that has been welcomed. Raises Trouble."""
        place = urlsplit(self.url)
        address = f"{'wss' if place.scheme == 'https' else 'ws'}://{place.netloc}/ws/v1/"
        access = self._access
        try:
            socket = await connect(
                address,
                additional_headers={"Authorization": f"Bearer {access}"},
                compression=None,
                open_timeout=5,
                close_timeout=1,
                max_size=None,
            )
            welcome = json.loads(await asyncio.wait_for(socket.recv(), 5))
        except (OSError, TimeoutError, WebSocketException) as error:
            if getattr(getattr(error, "rcvd", None), "code", 0) == 4401:
                await self._renew(access)
            raise Trouble(f"{type(error).__name__}: {error}") from None
        assert welcome["type"] == "welcome", welcome["type"]
        self.welcome = welcome["payload"]
        return socket


class Person(Account):
    def __init__(self, url: str, password: str):
        super().__init__(url, password)
        self._browser = Web(self.url)
        self._signed_in = False
        self._socket: ClientConnection | None = None
        self._opening = asyncio.Lock()
        self._reader: asyncio.Task | None = None
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self.sockets_opened = 0

    @property
    def doors(self) -> dict[str, Callable[[int, str, str], Awaitable[None]]]:
        """Each sends `body` to a conversation under a client_id, and returns when it is stored."""
        return {"socket": self.by_socket, "api": self.by_api, "form": self.by_form}

    async def by_api(self, conversation_id: int, client_id: str, body: str) -> None:
        await self.api("POST", f"conversations/{conversation_id}/messages/", {"client_id": client_id, "body": body})

    # ── A page without scripts ───────────────────────────────────────────────────────────────────────────────────
    async def by_form(self, conversation_id: int, client_id: str, body: str) -> None:
        if not self._signed_in:
            await self.open_browser()
        answer = await self._browser.post_form(f"/c/{conversation_id}/send/", {"client_id": client_id, "body": body})
        place = answer.headers.get("Location", "")
        if answer.status in (301, 302) and f"/c/{conversation_id}/" in place and "/login/" not in place:
            return
        if answer.status in (301, 302, 403):  # signed out meanwhile
            self._signed_in = False
            raise Trouble(f"HTTP {answer.status}")
        raise Refusal("invalid", f"The form was answered by HTTP {answer.status}.")

    async def open_browser(self) -> None:
        """Sign in by page."""
        self._browser.close()
        self._browser = Web(self.url)
        await self._browser.ask("GET", "/accounts/login/")
        fields = {"login": self.username, "password": self.password}
        answer = await self._browser.post_form("/accounts/login/", fields)
        if answer.status != 302:
            raise Trouble(f"Signing in by page was answered by HTTP {answer.status}.", 1.0)
        self._signed_in = True

    # ── The socket ───────────────────────────────────────────────────────────────────────────────────────────────
    async def by_socket(self, conversation_id: int, client_id: str, body: str) -> None:
        socket = await self._connected()
        ref = f"r{next(_numbers)}"
        answered = self._answers[ref] = asyncio.get_running_loop().create_future()
        payload = {"conversation_id": conversation_id, "client_id": client_id, "body": body}
        try:
            await socket.send(json.dumps({"type": "message.send", "payload": payload, "ref": ref}))
            told = await asyncio.wait_for(answered, ACK_WITHIN)
        except (OSError, TimeoutError, WebSocketException) as error:
            await self.hang_up()
            raise Trouble(f"{type(error).__name__}: {error}") from None
        finally:
            self._answers.pop(ref, None)
        if told["type"] == "error":
            refused = told["payload"]
            if refused["code"] in ("rate_limited", "unavailable"):
                raise Trouble(refused["code"], refused.get("retry_after"))
            raise Refusal(refused["code"], refused["detail"], refused.get("fields"))

    async def _connected(self) -> ClientConnection:
        async with self._opening:
            if self._socket is None:
                self._socket = await self.open_socket()
                self.sockets_opened += 1
                self._reader = asyncio.create_task(self._read(self._socket))
            return self._socket

    async def _read(self, socket: ClientConnection) -> None:
        """Only answers matter here; what others say is the watcher's to hear."""
        try:
            async for text in socket:
                if text.startswith(('{"type":"ack"', '{"type":"error"')):  # type: ignore[arg-type]
                    frame = json.loads(text)
                    answered = self._answers.get(frame.get("ref"))
                    if answered is not None and not answered.done():
                        answered.set_result(frame)
        except WebSocketException:
            pass
        finally:
            if self._socket is socket:
                self._socket = None
            for answered in self._answers.values():
                if not answered.done():
                    answered.set_exception(ConnectionError("The socket was closed."))

    async def hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def go(self) -> None:
        await self.hang_up()
        self.web.close()
        self._browser.close()
