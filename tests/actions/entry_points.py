"""The three doors, each asked for the same verbs in its own way: `await door(alice, "edit", message=5, body="x")`.

What a door cannot be asked for is not in its table.
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

PATIENCE = 20  # seconds; the machine may be busy
CODES = {status: code for code, status in STATUS_BY_CODE.items() if code != "blocked"}


class Outcome(NamedTuple):
    """`code` is empty where the verb was obeyed. `fields` is None where the door does not say which are wrong."""

    code: str
    fields: set[str] | None = None
    answer: Any = None


def _new(client_id: str | None) -> str:
    return client_id or str(uuid.uuid4())


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────
class Api:
    name = "api"

    def __init__(self) -> None:
        self._callers: dict[int, Client] = {}

    def _caller(self, who) -> Client:
        if who.pk not in self._callers:
            self._callers[who.pk] = Client(headers={"Authorization": f"Bearer {tokens.issue_token_pair(who).access}"})
        return self._callers[who.pk]

    async def __call__(self, who, verb: str, **arguments: Any) -> Outcome:
        method, path, body = self.TABLE[verb](**arguments)
        return await database.run_in_thread(self._ask, who, method, path, body)

    def _ask(self, who, method: str, path: str, body: Any) -> Outcome:
        data = b"" if body is None else json.dumps(body)
        answer = self._caller(who).generic(method, f"/api/v1/{path}", data, content_type="application/json")
        said = answer.json() if answer.content else None
        if answer.status_code < 300:
            return Outcome("", None, said)
        assert STATUS_BY_CODE[said["code"]] == answer.status_code
        return Outcome(said["code"], set(said.get("fields", ())))

    async def close(self) -> None:
        pass

    TABLE: dict[str, Callable[..., tuple[str, str, Any]]] = {
        "send": lambda conversation, body="", client_id=None, reply_to=None: (
            "POST",
            f"conversations/{conversation}/messages/",
            _given(client_id=_new(client_id), body=body, reply_to_id=reply_to),
        ),
        "forward": lambda message, conversation: (
            "POST",
            f"conversations/{conversation}/messages/",
            {"client_id": _new(None), "forward_id": message},
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
            _given(max_uses=max_uses),
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


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────
class Page:
    """A browser with scripts off: forms are posted, and what is wrong is said on the page that comes."""

    name = "page"

    def __init__(self) -> None:
        self._browsers: dict[int, Client] = {}

    async def __call__(self, who, verb: str, **arguments: Any) -> Outcome:
        return await database.run_in_thread(self._post, who, verb, arguments)

    def _post(self, who, verb: str, arguments: dict[str, Any]) -> Outcome:
        if who.pk not in self._browsers:
            self._browsers[who.pk] = Client()
            self._browsers[who.pk].force_login(who)
        if verb == "update":
            arguments = self._whole(who, **arguments)
        path, form = self.TABLE[verb](**arguments)
        answer = self._browsers[who.pk].post(path, form)
        if answer.status_code != 302:
            return Outcome(CODES[answer.status_code], None, answer.content.decode())
        said = [message for message in get_messages(answer.wsgi_request) if message.level >= ERROR]
        return Outcome("invalid" if said else "", None, answer["Location"])

    @staticmethod
    def _whole(who, conversation: int, **changes: Any) -> dict[str, Any]:
        """The settings page posts all of its fields; what is not ticked is not sent."""
        names = ("title", "description", "announcement", "members_may_add", "members_may_pin", "revisions_visible")
        try:
            shape = selectors.get_conversation(who.pk, conversation)
        except ApplicationError:
            return {"conversation": conversation, **changes}
        whole = {name: getattr(shape, name) for name in names} | changes
        return {"conversation": conversation, **{name: value for name, value in whole.items() if value is not False}}

    async def close(self) -> None:
        pass

    TABLE: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
        "send": lambda conversation, body="", client_id=None, reply_to=None: (
            f"/c/{conversation}/send/",
            _given(client_id=_new(client_id), body=body, reply_to_id=reply_to),
        ),
        "forward": lambda message, conversation: (
            f"/m/{message}/forward/",
            {"client_id": _new(None), "conversation_id": conversation},
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


# ── The socket ───────────────────────────────────────────────────────────────────────────────────────────────────
class Socket:
    """The shipped ASGI application, without a server: one open socket for each who asks."""

    name = "socket"

    def __init__(self) -> None:
        self._sockets: dict[int, WebsocketCommunicator] = {}
        self._refs = itertools.count(1)

    async def open(self, who) -> WebsocketCommunicator:
        if who.pk not in self._sockets:
            from messenger.asgi import application

            pair = await database.run_in_thread(tokens.issue_token_pair, who)
            headers = [(b"authorization", f"Bearer {pair.access}".encode())]
            socket = WebsocketCommunicator(application, "/ws/v1/", headers)
            accepted, _protocol = await socket.connect(PATIENCE)
            assert accepted
            assert (await socket.receive_json_from(PATIENCE))["type"] == "welcome"
            self._sockets[who.pk] = socket
        return self._sockets[who.pk]

    async def __call__(self, who, verb: str, **arguments: Any) -> Outcome:
        socket = await self.open(who)
        kind, payload = self.TABLE[verb](**arguments)
        ref = f"{kind} {next(self._refs)}"
        await socket.send_json_to({"type": kind, "payload": payload, "ref": ref})
        if kind in ("typing", "view"):  # nothing is answered unless it is refused: what is answered next says that
            await socket.send_json_to({"type": "ping", "payload": {}, "ref": ref})
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await socket.receive_json_from(PATIENCE)
                if frame.get("ref") == ref:
                    break
        if frame["type"] == "error":
            return Outcome(frame["payload"]["code"], set(frame["payload"].get("fields", ())))
        answer = frame["payload"]
        return Outcome("", None, answer.get("message") or answer.get("mine"))

    async def close(self) -> None:
        for socket in self._sockets.values():
            await socket.disconnect(timeout=PATIENCE)

    TABLE: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
        "send": lambda conversation, body="", client_id=None, reply_to=None: (
            "message.send",
            _given(conversation_id=conversation, client_id=_new(client_id), body=body, reply_to_id=reply_to),
        ),
        "forward": lambda message, conversation: (
            "message.send",
            {"conversation_id": conversation, "client_id": _new(None), "forward_id": message},
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


DOORS = {door.name: door for door in (Page, Api, Socket)}


def doors_of(verb: str) -> list[str]:
    return [name for name, door in DOORS.items() if verb in door.TABLE]
