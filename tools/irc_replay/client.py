"""Clients that send recorded IRC messages to the messenger. Each IRC nick becomes one simulated user.

A simulated user sends messages by WebSocket, by the REST API or by the form of a page.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tools.irc_replay.http_client import HttpClient, RejectedError, TemporaryError
from tools.irc_replay.log_parser import username_candidates

ACK_TIMEOUT = 5.0  # seconds, as the protocol recommends

_ref_numbers = count(1)


class ApiClient:
    """A client that calls the REST API of the messenger as one user. It signs up or signs in, and renews its tokens."""

    def __init__(self, url: str, password: str):
        self.url = url.rstrip("/")
        self.password = password
        self.username, self.id = "", 0
        self.http = HttpClient(self.url)
        self._access_token = self._refresh_token = self._claimed_name = ""
        self._refresh_lock = asyncio.Lock()

    async def sign_up(self, nick: str, claimed_names: set[str]) -> None:
        """Signs up with the first free user name for an IRC nick, or signs in if an earlier run has created the user.

        `claimed_names` contains the casefolded user names that all clients of this run have tried. The names that this
        client tries are added to it.
        """
        for name in username_candidates(nick):
            # After a TemporaryError this method runs again. The earlier attempt may have signed up the name it claimed.
            if name.casefold() in claimed_names and name != self._claimed_name:
                continue
            claimed_names.add(name.casefold())
            self._claimed_name = name
            if await self._sign_up_or_in(name):
                return

    async def _sign_up_or_in(self, name: str) -> bool:
        """Signs up with this user name or, if the name is taken, signs in.

        Returns False if the account with this name belongs to another person. Raises RejectedError if the server
        refuses the sign-up for a reason other than the user name.
        """
        try:
            tokens = await self.http.call_api("POST", "auth/signup/", {"username": name, "password": self.password})
        except RejectedError as error:
            if "username" not in error.fields:
                raise
            if not await self._sign_in(name):
                return False
        else:
            if "access" not in tokens:
                raise RejectedError(
                    "forbidden", "This site requires a confirmed e-mail address, so no user can sign up."
                )
            self._set_tokens(tokens)
        me = await self.call_api("GET", "me/")
        self.username, self.id = me["username"], me["id"]
        return self.username == name  # otherwise it is the account of another user with a similar-looking name

    async def _sign_in(self, name: str) -> bool:
        try:
            tokens = await self.http.call_api("POST", "auth/token/", {"login": name, "password": self.password})
        except RejectedError:
            return False
        self._set_tokens(tokens)
        return True

    def _set_tokens(self, tokens: dict[str, str]) -> None:
        self._access_token, self._refresh_token = tokens["access"], tokens["refresh"]

    async def call_api(self, method: str, path: str, body: Any = None) -> Any:
        """Calls the REST API as this user and returns the decoded JSON.

        If the access token has expired, renews it and repeats the call.
        """
        access_token = self._access_token
        try:
            return await self.http.call_api(method, path, body, access_token)
        except RejectedError as error:
            if error.code != "unauthenticated":
                raise
            await self._refresh(access_token)
            return await self.http.call_api(method, path, body, self._access_token)

    async def _refresh(self, expired_token: str) -> None:
        """Gets a new access token and refresh token from the server.

        Does nothing if `expired_token` was already replaced. So several callers with the same expired token cause one
        request only. A refresh token can be used only once: if the response to an earlier request got lost, the client
        signs in again.
        """
        async with self._refresh_lock:
            if self._access_token != expired_token:
                return
            try:
                body = {"refresh": self._refresh_token}
                self._set_tokens(await self.http.call_api("POST", "auth/token/refresh/", body))
            except RejectedError:
                if not await self._sign_in(self.username):
                    raise

    async def open_socket(self) -> ClientConnection:
        """Opens a WebSocket and waits for `welcome`, the first message of the server.

        Stores its payload in `self.welcome`. Raises TemporaryError if the connection fails.
        """
        parts = urlsplit(self.url)
        address = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/ws/v1/"
        access_token = self._access_token
        try:
            socket = await connect(
                address,
                additional_headers={"Authorization": f"Bearer {access_token}"},
                compression=None,
                open_timeout=5,
                close_timeout=1,
                max_size=None,
            )
            welcome = json.loads(await asyncio.wait_for(socket.recv(), 5))
        except (OSError, TimeoutError, WebSocketException) as error:
            if getattr(getattr(error, "rcvd", None), "code", 0) == 4401:
                await self._refresh(access_token)
            raise TemporaryError(f"{type(error).__name__}: {error}") from None
        assert welcome["type"] == "welcome", welcome["type"]
        self.welcome = welcome["payload"]
        return socket


class SimulatedUser(ApiClient):
    def __init__(self, url: str, password: str):
        super().__init__(url, password)
        self._browser = HttpClient(self.url)
        self._is_browser_signed_in = False
        self._socket: ClientConnection | None = None
        self._socket_lock = asyncio.Lock()
        self._reader: asyncio.Task | None = None
        self._pending_answers: dict[str, asyncio.Future[Any]] = {}  # by ref
        self.sockets_opened = 0

    @property
    def senders(self) -> dict[str, Callable[[int, str, str], Awaitable[None]]]:
        """Returns three functions that send a message. The keys are "socket" (by WebSocket), "api" (REST) and "form".

        Each function takes the conversation id, the client_id (a UUID chosen by the client) and the text of the
        message, and returns when the server has stored the message.
        """
        return {"socket": self.send_by_socket, "api": self.send_by_api, "form": self.send_by_form}

    async def send_by_api(self, conversation_id: int, client_id: str, body: str) -> None:
        path = f"conversations/{conversation_id}/messages/"
        await self.call_api("POST", path, {"client_id": client_id, "body": body})

    # ── Forms of the pages ───────────────────────────────────────────────────────────────────────────────────────
    async def send_by_form(self, conversation_id: int, client_id: str, body: str) -> None:
        if not self._is_browser_signed_in:
            await self.sign_in_browser()
        fields = {"client_id": client_id, "body": body}
        response = await self._browser.post_form(f"/c/{conversation_id}/send/", fields)
        location = response.headers.get("Location", "")
        is_redirect = response.status in (301, 302)
        if is_redirect and f"/c/{conversation_id}/" in location and "/login/" not in location:
            return
        if is_redirect or response.status == 403:  # signed out in the meantime
            self._is_browser_signed_in = False
            raise TemporaryError(f"HTTP {response.status}")
        raise RejectedError("invalid", f"The form was answered by HTTP {response.status}.")

    async def sign_in_browser(self) -> None:
        """Signs in through the login page, in a new browser session."""
        self._browser.close()
        self._browser = HttpClient(self.url)
        await self._browser.request("GET", "/accounts/login/")
        fields = {"login": self.username, "password": self.password}
        response = await self._browser.post_form("/accounts/login/", fields)
        if response.status != 302:
            raise TemporaryError(f"The login page answered by HTTP {response.status}.", 1.0)
        self._is_browser_signed_in = True

    # ── WebSocket ────────────────────────────────────────────────────────────────────────────────────────────────
    async def send_by_socket(self, conversation_id: int, client_id: str, body: str) -> None:
        socket = await self._get_socket()
        ref = f"r{next(_ref_numbers)}"
        pending_answer = self._pending_answers[ref] = asyncio.get_running_loop().create_future()
        payload = {"conversation_id": conversation_id, "client_id": client_id, "body": body}
        try:
            await socket.send(json.dumps({"type": "message.send", "payload": payload, "ref": ref}))
            answer = await asyncio.wait_for(pending_answer, ACK_TIMEOUT)
        except (OSError, TimeoutError, WebSocketException) as error:
            await self.close_socket()
            raise TemporaryError(f"{type(error).__name__}: {error}") from None
        finally:
            self._pending_answers.pop(ref, None)
        if answer["type"] == "error":
            error_payload = answer["payload"]
            if error_payload["code"] in ("rate_limited", "unavailable"):
                raise TemporaryError(error_payload["code"], error_payload.get("retry_after"))
            raise RejectedError(error_payload["code"], error_payload["detail"], error_payload.get("fields"))

    async def _get_socket(self) -> ClientConnection:
        async with self._socket_lock:
            if self._socket is None:
                self._socket = await self.open_socket()
                self.sockets_opened += 1
                self._reader = asyncio.create_task(self._read(self._socket))
            return self._socket

    async def _read(self, socket: ClientConnection) -> None:
        """Reads from the WebSocket until it is closed, and passes each response to the method that waits for it.

        Events are ignored: another client, the observer, receives them.
        """
        try:
            async for text in socket:
                if text.startswith(('{"type":"ack"', '{"type":"error"')):  # type: ignore[arg-type]
                    frame = json.loads(text)
                    pending_answer = self._pending_answers.get(frame.get("ref"))
                    if pending_answer is not None and not pending_answer.done():
                        pending_answer.set_result(frame)
        except WebSocketException:
            pass
        finally:
            if self._socket is socket:
                self._socket = None
            for pending_answer in self._pending_answers.values():
                if not pending_answer.done():
                    pending_answer.set_exception(ConnectionError("The socket was closed."))

    async def close_socket(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def close(self) -> None:
        """Closes all connections of this user."""
        await self.close_socket()
        self.http.close()
        self._browser.close()
