"""The users and conversations with which the table of routes is tested, and requests in the name of each role.

In one group are olga (owner), adam (admin), mia (member), wolf (another member, whose messages and files the
requests name) and sue (a member, but suspended from the site). rick was removed from the group; stan was never a
member. mia and wolf also have a direct conversation. Changes made by a request are rolled back.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import actions as account_actions
from accounts.auth import sign_ins, tokens
from accounts.models import Notice, SignIn, User
from calls import actions as call_actions
from chat import actions
from chat.attachments import uploads
from notifications.models import PushSubscription
from scheduling import reminders, scheduled_messages
from tests import openapi
from tests.routes.table import BODIES, QUERIES, TableRow

NAMES = {"stranger": "stan", "member": "mia", "admin": "adam", "owner": "olga", "removed": "rick", "suspended": "sue"}
UNKNOWN_ID = 999_999_999


class Environment:
    def __init__(self) -> None:
        people = {
            name: User.objects.create_user(name, password="let-me-talk")
            for name in ("olga", "adam", "mia", "wolf", "rick", "sue", "stan", "newt")
        }
        moderator = User.objects.create_superuser("moderator", password="let-me-talk")
        self.ids: dict[str, Any] = {name: user.pk for name, user in people.items()}
        olga, wolf = people["olga"].pk, people["wolf"].pk
        members = [self.ids[name] for name in ("adam", "mia", "wolf", "rick", "sue")]
        group = self.ids["group"] = actions.create_group(olga, "Room", members).id
        actions.set_role(olga, group, self.ids["adam"], "admin")
        self.ids["direct"] = actions.open_direct_conversation(wolf, self.ids["mia"])[0].id
        self.ids["message"] = actions.send_message(wolf, group, uuid.uuid4(), "wolf's words")[0].id
        actions.edit_message(wolf, self.ids["message"], "wolf's better words")
        self.ids["in_direct"] = actions.send_message(wolf, self.ids["direct"], uuid.uuid4(), "between us")[0].id
        self.own_message = {
            role: actions.send_message(self.ids[NAMES[role]], group, uuid.uuid4(), "my words")[0].id
            for role in ("member", "admin", "owner")
        }
        file = uploads.store_upload(wolf, "x", 5, [b"words"])  # the file name is a part of the URL
        self.ids["attachment"] = file.pk
        actions.send_message(wolf, group, uuid.uuid4(), "", attachment_ids=[file.pk])
        self.ids["upload"] = uploads.create_upload(wolf, 10, "unfinished").pk
        self.own_upload = {role: uploads.create_upload(self.ids[name], 10, "own").pk for role, name in NAMES.items()}
        actions.update_group(
            olga, group, dict.fromkeys(("members_may_add", "members_may_pin", "revisions_visible"), False)
        )
        actions.remove_member(olga, group, self.ids["rick"])
        invite = actions.create_invite(olga, group)
        self.ids["invite"], self.ids["link"] = invite.id, invite.token
        actions.update_group(olga, group, {"joins_need_approval": True})
        actions.join_by_invite(self.ids["newt"], invite.token)
        actions.update_group(olga, group, {"joins_need_approval": False})
        self.tokens, self.session_keys, self.notes = {}, {}, {}
        for role, name in NAMES.items():
            self.tokens[role] = tokens.issue_token_pair(people[name]).access
            client = Client()
            client.force_login(people[name])
            self.session_keys[role] = client.cookies[settings.SESSION_COOKIE_NAME].value
            self.notes[role] = actions.create_group(self.ids[name], "Notes", []).id
        wolfs = sign_ins.start_sign_in(people["wolf"], SignIn.Kind.TOKEN)
        self.ids["subscription"] = PushSubscription.objects.create(user_id=wolf, sign_in=wolfs, endpoint_hash="x").pk
        scheduled, _created = scheduled_messages.schedule(
            wolf, group, uuid.uuid4(), "later", timezone.now() + timedelta(hours=1)
        )
        self.ids["scheduled"] = scheduled.pk
        reminder, _created = reminders.set_reminder(wolf, self.ids["message"], timezone.now() + timedelta(hours=1))
        self.ids["reminder"] = reminder.pk
        self.ids["call"] = call_actions.invite(wolf, group, "laptop-0001", "audio").id
        self.ids["notice"] = account_actions.add_notice(wolf, Notice.Kind.UNMUTED).pk
        self.ids["key"] = Authenticator.objects.create(user_id=wolf, type=Authenticator.Type.WEBAUTHN, data={}).pk
        account_actions.suspend_user(self.ids["sue"], moderator.pk)

    def request(self, row: TableRow, role: str, unknown: str = ""):
        """Sends the request of a row of TABLE as a user with this role, and returns the response.

        If `unknown` is the name of a parameter of the path, this parameter gets an id that never existed.
        """
        path = "/" + self._fill_path(row, role, unknown)
        body = {
            name: self._resolve_ids(value, role) for name, value in BODIES.get(f"{row.method} {row.route}", {}).items()
        }
        method = "GET" if row.method == "*" else row.method
        if row.route.startswith(("api/", "^api/")):
            headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role in self.tokens else {}
            data, options = json.dumps(body) if method != "GET" else b"", {"content_type": "application/json"}
            caller = Client(headers=headers)
        else:
            data, options, caller = body, {}, Client()
            if role in self.session_keys:
                caller.cookies[settings.SESSION_COOKIE_NAME] = self.session_keys[role]
        query = QUERIES.get(row.route, {})
        response = getattr(caller, method.lower())(path, query if method == "GET" else data, **options)
        if not response.streaming:
            openapi.check_response(method, path, response.status_code, response.content)
        return response

    def _fill_path(self, row: TableRow, role: str, unknown: str) -> str:
        def value(match: re.Match) -> str:
            name = match[1]
            if name == unknown:
                return str(uuid.UUID(int=UNKNOWN_ID) if name == "sign_in_id" else UNKNOWN_ID)
            return str(self._path_value(name, row.ids.get(name.removesuffix("_id"), ""), role))

        route = re.sub(r"[\^$]", "", row.route).replace("admin/**", "admin/")
        return re.sub(r"<(\w+)>", value, route)

    def _path_value(self, name: str, id_name: str, role: str) -> Any:
        if id_name == "own":
            return {
                "user_id": lambda: self.ids.get(NAMES.get(role, ""), UNKNOWN_ID),
                "message_id": lambda: self.own_message.get(role, UNKNOWN_ID),
                "sign_in_id": lambda: self._own_sign_in(role),
                "upload_id": lambda: self.own_upload.get(role, UNKNOWN_ID),
            }[name]()
        if id_name:
            return self.ids[id_name]
        other_sign_in_id = SignIn.objects.get(user_id=self.ids["wolf"]).pk
        defaults = {"conversation_id": "group", "message_id": "message", "user_id": "wolf"}
        defaults |= {"attachment_id": "attachment", "upload_id": "upload", "invite_id": "invite", "pk": "key"}
        defaults |= {
            "call_id": "call",
            "subscription_id": "subscription",
            "scheduled_id": "scheduled",
            "reminder_id": "reminder",
            "notice_id": "notice",
        }
        return (
            self.ids[defaults[name]]
            if name in defaults
            else {"sign_in_id": other_sign_in_id, "emoji": "👍", "width": 480}.get(name, "x")
        )

    def _own_sign_in(self, role: str) -> Any:
        sign_in = SignIn.objects.filter(user_id=self.ids.get(NAMES.get(role, ""), 0), kind=SignIn.Kind.TOKEN).first()
        return sign_in.pk if sign_in else uuid.UUID(int=UNKNOWN_ID)

    def _resolve_ids(self, value: Any, role: str) -> Any:
        if isinstance(value, list):
            return [self._resolve_ids(item, role) for item in value]
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        if value == "@notes":
            return self.notes.get(role, UNKNOWN_ID)
        return NAMES.get(role, "x") if value == "@own" else self.ids[value[1:]]
