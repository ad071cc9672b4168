"""Entry points: objects with which tests call the same action of chat through the API, the pages or the WebSocket.

All are used in the same way: `await entry_point(alice, "edit", message=5, body="x")`. The TABLE of an entry point lists
the actions that it supports.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from channels.testing import WebsocketCommunicator
from django.contrib.messages import ERROR, get_messages
from django.test import Client

from accounts.auth import tokens
from chat import selectors
from messenger.core import database
from messenger.core.errors import STATUS_BY_CODE, ApplicationError

TIMEOUT = 20  # seconds; long, because the test machine may be busy
CODES = {status: code for code, status in STATUS_BY_CODE.items() if code != "blocked"}


class Outcome(NamedTuple):
    """The result of calling an action. `code` is the error code, or "" on success.

    `fields` has the names of the invalid fields. It is None if the response does not name them, as on pages.
    """

    code: str
    fields: set[str] | None = None
    response: Any = None


def _client_id(client_id: str | None) -> str:
    return client_id or str(uuid.uuid4())


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# ── The API ────────────────────────────────────────────────────────────────────────────────────────────────────────
class Api:
    name = "api"

    def __init__(self) -> None:
        self._callers: dict[int, Client] = {}

    def _caller(self, caller) -> Client:
        if caller.pk not in self._callers:
            self._callers[caller.pk] = Client(
                headers={"Authorization": f"Bearer {tokens.issue_token_pair(caller).access}"}
            )
        return self._callers[caller.pk]

    async def __call__(self, caller, action: str, **arguments: Any) -> Outcome:
        method, path, body = self.TABLE[action](**arguments)
        return await database.run_in_thread(self._request, caller, method, path, body)

    def _request(self, caller, method: str, path: str, body: Any) -> Outcome:
        data = b"" if body is None else json.dumps(body)
        response = self._caller(caller).generic(method, f"/api/v1/{path}", data, content_type="application/json")
        payload = response.json() if response.content else None
        if response.status_code < 300:
            return Outcome("", None, payload)
        assert STATUS_BY_CODE[payload["code"]] == response.status_code
        return Outcome(payload["code"], set(payload.get("fields", ())))

    async def close(self) -> None:
        pass

    TABLE: dict[str, Callable[..., tuple[str, str, Any]]] = {
        "send": lambda conversation, body="", client_id=None, reply_to=None: (
            "POST",
            f"conversations/{conversation}/messages/",
            _without_none(client_id=_client_id(client_id), body=body, reply_to_id=reply_to),
        ),
        "forward": lambda message, conversation: (
            "POST",
            f"conversations/{conversation}/messages/",
            {"client_id": _client_id(None), "forward_id": message},
        ),
        "edit": lambda message, body: ("PATCH", f"messages/{message}/", {"body": body}),
        "delete": lambda message: ("DELETE", f"messages/{message}/", None),
        "react": lambda message, emoji, active=True: (
            "PUT" if active else "DELETE",
            f"messages/{message}/reactions/{quote(emoji, safe='')}/",
            None,
        ),
        "pin": lambda message, active=True: ("PUT" if active else "DELETE", f"messages/{message}/pin/", None),
        "report": lambda message, reason: ("POST", f"messages/{message}/report/", {"reason": reason}),
        "read": lambda conversation, seq, back=False: (
            "POST",
            f"conversations/{conversation}/read/",
            {"seq": seq, "back": back},
        ),
        "typing": lambda conversation, active=True: (
            "POST",
            f"conversations/{conversation}/typing/",
            {"active": active},
        ),
        "set_mine": lambda conversation, **changes: ("PATCH", f"conversations/{conversation}/mine/", changes),
        "open_direct": lambda user: ("POST", "conversations/", {"kind": "direct", "user_id": user}),
        "create_group": lambda title, users: (
            "POST",
            "conversations/",
            {"kind": "group", "title": title, "user_ids": users},
        ),
        "update": lambda conversation, **changes: ("PATCH", f"conversations/{conversation}/", changes),
        "add": lambda conversation, users: ("POST", f"conversations/{conversation}/members/", {"user_ids": users}),
        "remove": lambda conversation, user: ("DELETE", f"conversations/{conversation}/members/{user}/", None),
        "set_role": lambda conversation, user, role: (
            "PATCH",
            f"conversations/{conversation}/members/{user}/",
            {"role": role},
        ),
        "delete_group": lambda conversation: ("DELETE", f"conversations/{conversation}/", None),
        "make_invite": lambda conversation, max_uses=None: (
            "POST",
            f"conversations/{conversation}/invites/",
            _without_none(max_uses=max_uses),
        ),
        "revoke_invite": lambda conversation, invite: (
            "DELETE",
            f"conversations/{conversation}/invites/{invite}/",
            None,
        ),
        "join": lambda token: ("POST", f"invites/{token}/", {}),
        "see_announcement": lambda conversation, version: (
            "PATCH",
            f"conversations/{conversation}/mine/",
            {"announcement_seen": version},
        ),
    }


# ── Pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────
class Page:
    """Calls actions through web pages: a Django test client posts their forms, like a browser without scripts.

    The error of an action is the error message that the next page would show or, if the response is no redirect, its
    HTTP status.
    """

    name = "page"

    def __init__(self) -> None:
        self._browsers: dict[int, Client] = {}

    async def __call__(self, caller, action: str, **arguments: Any) -> Outcome:
        return await database.run_in_thread(self._post, caller, action, arguments)

    def _post(self, caller, action: str, arguments: dict[str, Any]) -> Outcome:
        if caller.pk not in self._browsers:
            self._browsers[caller.pk] = Client()
            self._browsers[caller.pk].force_login(caller)
        if action == "update":
            arguments = self._complete_form(caller, **arguments)
        path, form = self.TABLE[action](**arguments)
        response = self._browsers[caller.pk].post(path, form)
        if response.status_code != 302:
            return Outcome(CODES[response.status_code], None, response.content.decode())
        payload = [message for message in get_messages(response.wsgi_request) if message.level >= ERROR]
        return Outcome("invalid" if payload else "", None, response["Location"])

    @staticmethod
    def _complete_form(caller, conversation: int, **changes: Any) -> dict[str, Any]:
        """Returns the fields of the settings form of a group: the current values, and the new values from `changes`.

        Like a browser, it omits checkboxes that are not ticked.
        """
        names = ("title", "description", "announcement", "members_may_add", "members_may_pin", "revisions_visible")
        names += ("joins_need_approval",)
        try:
            group = selectors.get_conversation(caller.pk, conversation)
        except ApplicationError:
            return {"conversation": conversation, **changes}
        form = {name: getattr(group, name) for name in names} | changes
        return {"conversation": conversation, **{name: value for name, value in form.items() if value is not False}}

    async def close(self) -> None:
        pass

    TABLE: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
        "send": lambda conversation, body="", client_id=None, reply_to=None: (
            f"/c/{conversation}/send/",
            _without_none(client_id=_client_id(client_id), body=body, reply_to_id=reply_to),
        ),
        "forward": lambda message, conversation: (
            f"/m/{message}/forward/",
            {"client_id": _client_id(None), "conversation_id": conversation},
        ),
        "edit": lambda message, body: (f"/m/{message}/edit/", {"body": body}),
        "delete": lambda message: (f"/m/{message}/delete/", {}),
        "react": lambda message, emoji, active=True: (f"/m/{message}/react/", {"add" if active else "remove": emoji}),
        "pin": lambda message, active=True: (f"/m/{message}/pin/", {"active": "on"} if active else {}),
        "report": lambda message, reason: (f"/m/{message}/report/", {"reason": reason}),
        "read": lambda conversation, seq, back=False: (
            f"/c/{conversation}/read/",
            {"seq": seq, **({"back": "on"} if back else {})},
        ),
        "set_mine": lambda conversation, **changes: (
            f"/c/{conversation}/mine/",
            {name: {True: "on", False: "off"}.get(value, value) for name, value in changes.items()},
        ),
        "open_direct": lambda user: ("/new/direct/", {"user_id": user}),
        "create_group": lambda title, users: ("/new/group/", {"title": title, "user_ids": users}),
        "update": lambda conversation, **changes: (f"/c/{conversation}/settings/", changes),
        "add": lambda conversation, users: (f"/c/{conversation}/members/add/", {"user_ids": users}),
        "remove": lambda conversation, user: (f"/c/{conversation}/members/{user}/remove/", {}),
        "set_role": lambda conversation, user, role: (f"/c/{conversation}/members/{user}/role/", {"role": role}),
        "delete_group": lambda conversation: (f"/c/{conversation}/delete/", {"title": "Room"}),
        "make_invite": lambda conversation, max_uses=None: (
            f"/c/{conversation}/invites/",
            {"days": "7", "max_uses": "" if max_uses is None else max_uses},
        ),
        "revoke_invite": lambda conversation, invite: (f"/c/{conversation}/invites/{invite}/revoke/", {}),
        "join": lambda token: (f"/i/{token}/", {}),
        "see_announcement": lambda conversation, version: (
            f"/c/{conversation}/mine/",
            {"announcement_seen": version},
        ),
    }


# ── The socket ─────────────────────────────────────────────────────────────────────────────────────────────────────
class Socket:
    """Calls actions through the WebSocket. Each user has one open connection to the ASGI application.

    No server runs: the test passes the frames (WebSocket messages) to the application directly.
    """

    name = "socket"

    def __init__(self) -> None:
        self._sockets: dict[int, WebsocketCommunicator] = {}
        self._refs = itertools.count(1)

    async def open(self, caller) -> WebsocketCommunicator:
        if caller.pk not in self._sockets:
            from messenger.asgi import application

            token_pair = await database.run_in_thread(tokens.issue_token_pair, caller)
            headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {token_pair.access}".encode())]
            socket = WebsocketCommunicator(application, "/ws/v1/", headers)
            accepted, _protocol = await socket.connect(TIMEOUT)
            assert accepted
            assert (await socket.receive_json_from(TIMEOUT))["type"] == "welcome"
            self._sockets[caller.pk] = socket
        return self._sockets[caller.pk]

    async def __call__(self, caller, action: str, **arguments: Any) -> Outcome:
        socket = await self.open(caller)
        kind, payload = self.TABLE[action](**arguments)
        ref = f"{kind} {next(self._refs)}"
        await socket.send_json_to({"type": kind, "payload": payload, "ref": ref})
        if kind in ("typing", "view"):  # these get a response only if they fail; the pong shows that they did not fail
            await asyncio.sleep(0.3)  # a ping does not wait for the commands before it
            await socket.send_json_to({"type": "ping", "payload": {}, "ref": ref})
        async with asyncio.timeout(TIMEOUT):
            while True:
                frame = await socket.receive_json_from(TIMEOUT)
                if frame.get("ref") == ref:
                    break
        if frame["type"] == "error":
            return Outcome(frame["payload"]["code"], set(frame["payload"].get("fields", ())))
        response = frame["payload"]
        return Outcome("", None, response.get("message") or response.get("mine"))

    async def close(self) -> None:
        for socket in self._sockets.values():
            await socket.disconnect(timeout=TIMEOUT)

    TABLE: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
        "send": lambda conversation, body="", client_id=None, reply_to=None: (
            "message.send",
            _without_none(
                conversation_id=conversation, client_id=_client_id(client_id), body=body, reply_to_id=reply_to
            ),
        ),
        "forward": lambda message, conversation: (
            "message.send",
            {"conversation_id": conversation, "client_id": _client_id(None), "forward_id": message},
        ),
        "edit": lambda message, body: ("message.edit", {"message_id": message, "body": body}),
        "delete": lambda message: ("message.delete", {"message_id": message}),
        "react": lambda message, emoji, active=True: (
            "reaction.set",
            {"message_id": message, "emoji": emoji, "active": active},
        ),
        "read": lambda conversation, seq, back=False: (
            "read",
            {"conversation_id": conversation, "seq": seq, "back": back},
        ),
        "typing": lambda conversation, active=True: ("typing", {"conversation_id": conversation, "active": active}),
        "view": lambda conversation: ("view", {"conversation_id": conversation}),
    }


ENTRY_POINTS = {entry_point.name: entry_point for entry_point in (Page, Api, Socket)}


def entry_points_for(action: str) -> list[str]:
    return [name for name, entry_point in ENTRY_POINTS.items() if action in entry_point.TABLE]
