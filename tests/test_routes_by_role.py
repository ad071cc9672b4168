"""Who may call what: every route of the site × every role, in one table. A route missing from it fails.

The stage: a group with olga (owner), adam (admin), mia (member) and wolf, another member, who wrote the message that
the routes are tried on; rick was removed from it, stan was never in it, sue is a member and suspended; mia and wolf
also have a direct conversation. Each cell is tried on this stage as it was: as a token client where the route is the
API's, else in a browser's session.

Two roles need no column. Whoever was removed gets what a stranger gets. Whoever is suspended gets what nobody gets;
but a token that is over opens no door, not even one that stands open to those who come without. Where a stranger gets
404, the answer is compared, status and body, with that for an id that never existed.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver

from accounts import actions as account_actions
from accounts.auth import sign_ins, tokens
from accounts.models import PRIVACY_FIELDS, SignIn, User
from chat import actions
from chat.attachments import uploads
from chat.models import Conversation
from messenger.core import batch_writer

# Cells: a status, or `in` for a redirect to the sign-in page, or `-` where the role cannot be tried.
# After the bar: what stands for the ids in the path, where it is not wolf's.
TABLE = """
                                                                 nobody strngr member  admin  owner
-- the API: open doors
GET    api/schema/                                                  200    200    200    200    200
GET    api/docs/                                                    200    200    200    200    200
POST   api/v1/auth/signup/                                          201    201    201    201    201
POST   api/v1/auth/token/                                           200    200    200    200    200
POST   api/v1/auth/token/refresh/                                   401    401    401    401    401
POST   api/v1/auth/token/revoke/                                    401    401    401    401    401
GET    api/v1/presence/online/                                      200    200    200    200    200
POST   api/v1/presence/beat/                                        200    200    200    200    200
*      ^api/                                                        404    404    404    404    404
-- the API: one's own
POST   api/v1/auth/token/session/                                   401    401    401    401    401 | by token, that is
GET    api/v1/sessions/                                             401    200    200    200    200
DELETE api/v1/sessions/                                             401    204    204    204    204
DELETE api/v1/sessions/<sign_in_id>/                                401    404    404    404    404
DELETE api/v1/sessions/<sign_in_id>/                                401    204    204    204    204 | sign_in=own
GET    api/v1/me/                                                   401    200    200    200    200
PATCH  api/v1/me/                                                   401    200    200    200    200
PUT    api/v1/me/avatar/                                            401    415    415    415    415 | JSON is no picture
DELETE api/v1/me/avatar/                                            401    200    200    200    200
GET    api/v1/presence/                                             401    200    200    200    200
GET    api/v1/mentions/                                             401    200    200    200    200
GET    api/v1/users/                                                401    200    200    200    200
GET    api/v1/contacts/                                             401    200    200    200    200
GET    api/v1/contacts/<user_id>/                                   401    404    404    404    404
PUT    api/v1/contacts/<user_id>/                                   401    200    200    200    200
PUT    api/v1/contacts/<user_id>/                                   401    400    400    400    400 | user=own
DELETE api/v1/contacts/<user_id>/                                   401    404    404    404    404
PUT    api/v1/contacts/<user_id>/ignore/                            401    404    404    404    404
GET    api/v1/blocks/                                               401    200    200    200    200
GET    api/v1/blocks/<user_id>/                                     401    404    404    404    404
PUT    api/v1/blocks/<user_id>/                                     401    200    200    200    200
PUT    api/v1/blocks/<user_id>/                                     401    400    400    400    400 | user=own
DELETE api/v1/blocks/<user_id>/                                     401    404    404    404    404
-- the API: conversations
GET    api/v1/conversations/                                        401    200    200    200    200
POST   api/v1/conversations/                                        401    201    201    201    201
GET    api/v1/conversations/titles/                                 401    200    200    200    200
GET    api/v1/conversations/<conversation_id>/                      401    404    200    200    200
PATCH  api/v1/conversations/<conversation_id>/                      401    404    403    200    200
DELETE api/v1/conversations/<conversation_id>/                      401    404    403    403    204
GET    api/v1/conversations/<conversation_id>/                      401    404    200    404    404 | conversation=pair
PATCH  api/v1/conversations/<conversation_id>/                      401    404    403    404    404 | conversation=pair
DELETE api/v1/conversations/<conversation_id>/                      401    404    403    404    404 | conversation=pair
PATCH  api/v1/conversations/<conversation_id>/mine/                 401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/members/              401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/members/              401    404    403    200    200
POST   api/v1/conversations/<conversation_id>/members/              401    404    403    404    404 | conversation=pair
PATCH  api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    403    200
PATCH  api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    403    403 | user=own
PATCH  api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    404    404    404 | user=stan
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    204    204
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    204    204    403 | user=own
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    204    204 | user=adam
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    403    403 | user=olga
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    404    404    404 | user=stan
PUT    api/v1/conversations/<conversation_id>/avatar/               401    415    415    415    415 | JSON is no picture
DELETE api/v1/conversations/<conversation_id>/avatar/               401    404    403    200    200
DELETE api/v1/conversations/<conversation_id>/avatar/               401    404    403    404    404 | conversation=pair
GET    api/v1/conversations/<conversation_id>/here/                 401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/invites/              401    404    403    200    200
POST   api/v1/conversations/<conversation_id>/invites/              401    404    403    201    201
POST   api/v1/conversations/<conversation_id>/invites/              401    404    403    404    404 | conversation=pair
DELETE api/v1/conversations/<conversation_id>/invites/<invite_id>/  401    404    404    204    204
GET    api/v1/invites/<token>/                                      401    404    404    404    404 | no such link
POST   api/v1/invites/<token>/                                      401    404    404    404    404
GET    api/v1/invites/<token>/                                      401    200    200    200    200 | token=link
POST   api/v1/invites/<token>/                                      401    201    200    200    200 | token=link
GET    api/v1/conversations/<conversation_id>/messages/             401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/messages/             401    404    201    201    201
GET    api/v1/conversations/<conversation_id>/changes/              401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/read/                 401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/receipts/             401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/pins/                 401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/typing/               401    404    204    204    204
GET    api/v1/conversations/<conversation_id>/files/                401    404    200    200    200
-- the API: uploads, which are one's own (the bytes of one, PATCH: tests/attachments/test_tus_uploads.py)
POST   api/v1/uploads/                                              401    412    412    412    412 | without tus headers
GET    api/v1/uploads/<upload_id>/                                  401    404    404    404    404
GET    api/v1/uploads/<upload_id>/                                  401    200    200    200    200 | upload=own
PUT    api/v1/uploads/<upload_id>/                                  401    404    404    404    404
PUT    api/v1/uploads/<upload_id>/                                  401    200    200    200    200 | upload=own
DELETE api/v1/uploads/<upload_id>/                                  401    404    404    404    404
DELETE api/v1/uploads/<upload_id>/                                  401    204    204    204    204 | upload=own
-- the API: messages
GET    api/v1/messages/<message_id>/                                401    404    200    200    200
PATCH  api/v1/messages/<message_id>/                                401    404    403    403    403
PATCH  api/v1/messages/<message_id>/                                401      -    200    200    200 | message=own
DELETE api/v1/messages/<message_id>/                                401    404    403    200    200
DELETE api/v1/messages/<message_id>/                                401      -    200    200    200 | message=own
DELETE api/v1/messages/<message_id>/                                401    404    403    404    404 | message=in_pair
GET    api/v1/messages/<message_id>/receipts/                       401    404    200    200    200
GET    api/v1/messages/<message_id>/revisions/                      401    404    403    200    200
POST   api/v1/messages/<message_id>/report/                         401    404    204    204    204
PUT    api/v1/messages/<message_id>/reactions/<emoji>/              401    404    200    200    200
DELETE api/v1/messages/<message_id>/reactions/<emoji>/              401    404    200    200    200
PUT    api/v1/messages/<message_id>/pin/                            401    404    403    200    200
DELETE api/v1/messages/<message_id>/pin/                            401    404    403    200    200
PUT    api/v1/messages/<message_id>/pin/                            401    404    200    404    404 | message=in_pair
POST   api/v1/sync/                                                 401    200    200    200    200
-- pages: conversations
GET                                                                  in    200    200    200    200
GET    list/                                                         in    200    200    200    200
POST   hints/done/                                                   in    302    302    302    302
GET    new/                                                          in    200    200    200    200
POST   new/direct/                                                   in    302    302    302    302
POST   new/group/                                                    in    302    302    302    302
GET    people/                                                       in    200    200    200    200
GET    people/<user_id>/                                             in    200    200    200    200
POST   people/<user_id>/do/                                          in    302    302    302    302
GET    mentions/                                                     in    200    200    200    200
POST   mentions/read/                                                in    302    302    302    302
GET    c/<conversation_id>/                                          in    404    200    200    200
POST   c/<conversation_id>/send/                                     in    404    302    302    302
POST   c/<conversation_id>/read/                                     in    404    302    302    302
POST   c/<conversation_id>/mine/                                     in    404    302    302    302
GET    c/<conversation_id>/settings/                                 in    404    200    200    200
POST   c/<conversation_id>/settings/                                 in    404    403    302    302
POST   c/<conversation_id>/members/add/                              in    404    403    302    302
POST   c/<conversation_id>/members/<user_id>/remove/                 in    404    403    302    302
POST   c/<conversation_id>/members/<user_id>/remove/                 in    404    302    302    403 | user=own
POST   c/<conversation_id>/members/<user_id>/role/                   in    404    403    403    302
GET    c/<conversation_id>/members/<user_id>/                        in    404    200    200    200
GET    c/<conversation_id>/members/<user_id>/                        in    404    404    404    404 | user=stan
GET    c/<conversation_id>/members/<user_id>/remove/                 in    404    403    200    200
GET    c/<conversation_id>/members/<user_id>/give/                   in    404    403    403    200
GET    c/<conversation_id>/leave/                                    in    404    200    200    200
GET    c/<conversation_id>/delete/                                   in    404    403    403    200
POST   c/<conversation_id>/delete/                                   in    404    403    403    302
GET    c/<conversation_id>/pins/                                     in    404    200    200    200
GET    c/<conversation_id>/files/                                    in    404    200    200    200
POST   c/<conversation_id>/invites/                                  in    404    403    302    302
POST   c/<conversation_id>/invites/<invite_id>/revoke/               in    404    404    302    302
GET    i/<token>/                                                    in    404    404    404    404
POST   i/<token>/                                                    in    404    404    404    404
GET    i/<token>/                                                    in    200    302    302    302 | token=link
POST   i/<token>/                                                    in    302    302    302    302 | token=link
GET    i/<token>/picture/                                            in    404    404    404    404
GET    avatars/rooms/<conversation_id>/<name>                       401    404    404    404    404
GET    files/<attachment_id>/<name>                                 404    404    200    200    200
GET    files/<attachment_id>/thumbnails/<width>                     404    404    404    404    404 | a text has none
-- pages: messages
GET    m/<message_id>/                                               in    404    302    302    302
GET    m/<message_id>/act/                                           in    404    200    200    200
POST   m/<message_id>/edit/                                          in    404    403    403    403
POST   m/<message_id>/edit/                                          in      -    302    302    302 | message=own
POST   m/<message_id>/delete/                                        in    404    403    302    302
POST   m/<message_id>/react/                                         in    404    302    302    302
POST   m/<message_id>/pin/                                           in    404    403    302    302
GET    m/<message_id>/forward/                                       in    404    200    200    200
POST   m/<message_id>/forward/                                       in    404    302    302    302
POST   m/<message_id>/report/                                        in    404    302    302    302
GET    m/<message_id>/details/                                       in    404    200    200    200
GET    m/<message_id>/revisions/                                     in    404    403    200    200
-- pages: accounts
GET    settings/privacy/                                             in    200    200    200    200
POST   settings/privacy/                                             in    302    302    302    302
GET    settings/                                                     in    200    200    200    200
POST   settings/                                                     in    302    302    302    302
GET    settings/data/                                               in    200    200    200    200
POST   settings/data/                                               in    302    302    302    302 | first the password
GET    settings/data/archive/                                       in    404    404    404    404 | none was asked for
GET    settings/delete/                                             in    302    302    302    302 | first the password
POST   settings/delete/                                             in    302    302    302    302 | first the password
GET    goodbye/                                                    200    302    302    302    302
GET    settings/sessions/                                            in    200    200    200    200
POST   settings/sessions/end/                                        in    302    302    302    302
POST   settings/sessions/<sign_in_id>/end/                           in    404    404    404    404
POST   settings/sessions/<sign_in_id>/end/                           in    302    302    302    302 | sign_in=own
GET    avatars/<user_id>/<name>                                     401    404    404    404    404
GET    join/<token>/                                                302    302    302    302    302
POST   language/                                                    302    302    302    302    302
*      favicon.ico                                                  301    301    301    301    301
-- pages: signing in (allauth)
GET    accounts/login/                                              200    302    302    302    302
POST   accounts/login/                                              200    302    302    302    302
GET    accounts/signup/                                             200    302    302    302    302
POST   accounts/signup/                                             200    302    302    302    302
GET    accounts/logout/                                              in    200    200    200    200
POST   accounts/logout/                                              in     in     in     in     in
GET    accounts/inactive/                                           200    200    200    200    200
GET    accounts/reauthenticate/                                      in    200    200    200    200
POST   accounts/reauthenticate/                                      in    200    200    200    200
GET    accounts/login/code/confirm/                                  in    302    302    302    302
POST   accounts/login/code/confirm/                                  in    302    302    302    302
GET    accounts/password/change/                                     in    200    200    200    200
POST   accounts/password/change/                                     in    200    200    200    200
GET    accounts/password/set/                                        in    302    302    302    302
POST   accounts/password/set/                                        in    302    302    302    302
GET    accounts/password/reset/                                     200    200    200    200    200
POST   accounts/password/reset/                                     200    200    200    200    200
GET    accounts/password/reset/done/                                200    200    200    200    200
GET    accounts/^password/reset/key/<uidb36>-<key>/$                200    200    200    200    200
POST   accounts/^password/reset/key/<uidb36>-<key>/$                200    200    200    200    200
GET    accounts/password/reset/key/done/                            200    200    200    200    200
GET    accounts/email/                                               in    200    200    200    200
POST   accounts/email/                                               in    302    302    302    302
GET    accounts/confirm-email/                                      200    200    200    200    200
GET    accounts/^confirm-email/<key>/$                              200    200    200    200    200
POST   accounts/^confirm-email/<key>/$                              404    404    404    404    404
GET    accounts/3rdparty/                                            in    200    200    200    200
POST   accounts/3rdparty/                                            in    200    200    200    200
GET    accounts/3rdparty/login/cancelled/                           200    200    200    200    200
GET    accounts/3rdparty/login/error/                               401    401    401    401    401
GET    accounts/3rdparty/signup/                                     in     in     in     in     in
POST   accounts/3rdparty/signup/                                     in     in     in     in     in
*      accounts/social/connections/                                 301    301    301    301    301
*      accounts/social/login/cancelled/                             301    301    301    301    301
*      accounts/social/login/error/                                 301    301    301    301    301
*      accounts/social/signup/                                      301    301    301    301    301
*      accounts/google/login/                                       404    404    404    404    404 | no keys here
*      accounts/google/login/callback/                              404    404    404    404    404
*      accounts/google/login/token/                                 404    404    404    404    404
*      accounts/github/login/                                       404    404    404    404    404
*      accounts/github/login/callback/                              404    404    404    404    404
*      accounts/weixin/login/                                         404    404    404    404    404
*      accounts/weixin/login/callback/                                404    404    404    404    404
GET    accounts/2fa/                                                   in    200    200    200    200
GET    accounts/2fa/authenticate/                                      in    302    302    302    302 | nobody is half way in
POST   accounts/2fa/authenticate/                                      in    302    302    302    302
GET    accounts/2fa/reauthenticate/                                    in    302    302    302    302
POST   accounts/2fa/reauthenticate/                                    in    302    302    302    302
GET    accounts/2fa/recovery-codes/                                    in    404    404    404    404 | there are none
GET    accounts/2fa/recovery-codes/download/                           in    404    404    404    404
GET    accounts/2fa/recovery-codes/generate/                           in    302    302    302    302 | is it you?
POST   accounts/2fa/recovery-codes/generate/                           in    302    302    302    302
GET    accounts/2fa/totp/activate/                                     in    302    302    302    302
POST   accounts/2fa/totp/activate/                                     in    302    302    302    302
GET    accounts/2fa/totp/deactivate/                                   in    404    404    404    404
POST   accounts/2fa/totp/deactivate/                                   in    404    404    404    404
GET    accounts/2fa/webauthn/                                         302    302    302    302    302 | to accounts/2fa/
GET    accounts/2fa/webauthn/add/                                      in    302    302    302    302
POST   accounts/2fa/webauthn/add/                                      in    302    302    302    302
GET    accounts/2fa/webauthn/login/                                    in    302    302    302    302 | to the sign-in page: scripts ask for JSON
POST   accounts/2fa/webauthn/login/                                    in    302    302    302    302
GET    accounts/2fa/webauthn/reauthenticate/                           in    302    302    302    302
POST   accounts/2fa/webauthn/reauthenticate/                           in    302    302    302    302
--- first the password again (302), then 404 where the key is not one's own: tests/accounts/test_mfa.py
GET    accounts/2fa/webauthn/keys/<pk>/edit/                           in    302    302    302    302
GET    accounts/2fa/webauthn/keys/<pk>/remove/                         in    302    302    302    302
POST   accounts/2fa/webauthn/keys/<pk>/edit/                           in    302    302    302    302
POST   accounts/2fa/webauthn/keys/<pk>/remove/                         in    302    302    302    302
-- the admin's own permissions are tested with the admin
GET    admin/**                                                      in     in     in     in     in
"""

ROLES = ("nobody", "stranger", "member", "admin", "owner")
NAMES = {"stranger": "stan", "member": "mia", "admin": "adam", "owner": "olga", "removed": "rick", "suspended": "sue"}
LOOKS_AT_NO_TOKEN = ("api/schema/", "api/docs/", "api/v1/auth/", "^api/")
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
NEVER = 999_999_999

# What a well-formed request carries, by method and route. `@name` stands for an id on the stage.
BODIES: dict[str, dict[str, Any]] = {
    "POST api/v1/auth/signup/": {"username": "newcomer", "email": "new@example.org", "password": "let-me-talk"},
    "POST api/v1/auth/token/": {"login": "newt", "password": "let-me-talk"},
    "POST api/v1/auth/token/refresh/": {"refresh": "x"},
    "POST api/v1/auth/token/revoke/": {"refresh": "x"},
    "PATCH api/v1/me/": {"bio": "here"},
    "POST api/v1/conversations/": {"kind": "group", "title": "New"},
    "PATCH api/v1/conversations/<conversation_id>/": {"title": "New"},
    "PATCH api/v1/conversations/<conversation_id>/mine/": {"muted": True},
    "POST api/v1/conversations/<conversation_id>/members/": {"user_ids": ["@newt"]},
    "PATCH api/v1/conversations/<conversation_id>/members/<user_id>/": {"role": "admin"},
    "POST api/v1/conversations/<conversation_id>/messages/": {"client_id": str(uuid.uuid4()), "body": "hi"},
    "POST api/v1/conversations/<conversation_id>/read/": {"seq": 1},
    "POST api/v1/conversations/<conversation_id>/typing/": {"active": True},
    "PATCH api/v1/messages/<message_id>/": {"body": "other words"},
    "PUT api/v1/uploads/<upload_id>/": {"alt": "a boat"},
    "POST new/direct/": {"user_id": "@newt"},
    "POST new/group/": {"title": "New"},
    "POST c/<conversation_id>/send/": {"client_id": str(uuid.uuid4()), "body": "hi"},
    "POST c/<conversation_id>/read/": {"seq": 1},
    "POST c/<conversation_id>/mine/": {"muted": "on"},
    "POST c/<conversation_id>/settings/": {"title": "New"},
    "POST api/v1/conversations/<conversation_id>/invites/": {"max_uses": 5},
    "POST c/<conversation_id>/invites/": {"days": "7"},
    "POST c/<conversation_id>/delete/": {"title": "Room"},
    "POST c/<conversation_id>/members/add/": {"user_ids": "@newt"},
    "POST c/<conversation_id>/members/<user_id>/role/": {"role": "admin"},
    "POST m/<message_id>/edit/": {"body": "other words"},
    "POST m/<message_id>/react/": {"add": "👍"},
    "POST m/<message_id>/pin/": {"active": "on"},
    "POST m/<message_id>/forward/": {"conversation_id": "@notes", "client_id": str(uuid.uuid4())},
    "POST m/<message_id>/report/": {"reason": "spam"},
    "POST people/<user_id>/do/": {"do": "add"},
    "POST settings/privacy/": dict.fromkeys(PRIVACY_FIELDS, "everyone"),
    "POST settings/": {"username": "@own", "theme": "system"},
    "POST language/": {"language": "en"},
}
QUERIES = {"api/v1/presence/": {"user_ids": "1"}}


# ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Line:
    method: str
    route: str
    cells: dict[str, str]
    instead: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        instead = ",".join(f"{name}={value}" for name, value in self.instead.items())
        return f"{self.method} {self.route or '/'} {instead}".strip()


def _read_table() -> list[Line]:
    lines = []
    for text in TABLE.strip().splitlines()[1:]:
        if text.startswith("--"):
            continue
        line, _bar, note = text.partition("|")
        method, *route, nobody, stranger, member, admin, owner = line.split()
        instead = dict(re.findall(r"(\w+)=(\w+)", note))
        cells = dict(zip(ROLES, (nobody, stranger, member, admin, owner), strict=True))
        lines.append(Line(method, "".join(route), cells, instead))
    return lines


LINES = _read_table()


def all_routes() -> set[str]:
    """Every pattern of the site, as the table writes it."""
    found: set[str] = set()

    def walk(resolver, before: str) -> None:
        for pattern in resolver.url_patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                found.add(_in_table(route))
            else:
                walk(pattern, route)

    walk(get_resolver(), "")
    return found


def _in_table(route: str) -> str:
    """`<id:user_id>` as `<user_id>`, and an expression as the name of what it finds."""
    if route.startswith("admin/"):
        return "admin/**"
    return re.sub(r"<\w+:|\(\?P(?=<)", "<", re.sub(r"\(\?P(<\w+>)(?:[^()])*\)", r"\1", route))


def test_every_route_is_in_the_table():
    routes, written = all_routes(), {line.route for line in LINES}
    assert not routes - written, "Routes that the table does not name. Who may call them?"
    assert not written - routes, "Lines of the table whose route is gone."


# ── The stage ────────────────────────────────────────────────────────────────────────────────────────────────────
class Stage:
    def __init__(self) -> None:
        people = {
            name: User.objects.create_user(name, password="let-me-talk")
            for name in ("olga", "adam", "mia", "wolf", "rick", "sue", "stan", "newt")
        }
        moderator = User.objects.create_superuser("moderator", password="let-me-talk")
        self.ids: dict[str, Any] = {name: user.pk for name, user in people.items()}
        olga, wolf = people["olga"].pk, people["wolf"].pk
        members = [self.ids[name] for name in ("adam", "mia", "wolf", "rick", "sue")]
        room = self.ids["room"] = actions.create_group(olga, "Room", members).id
        actions.set_role(olga, room, self.ids["adam"], "admin")
        self.ids["pair"] = actions.open_direct(self.ids["mia"], wolf)[0].id
        self.ids["message"] = actions.send(wolf, room, uuid.uuid4(), "wolf's words")[0].id
        actions.edit(wolf, self.ids["message"], "wolf's better words")
        self.ids["in_pair"] = actions.send(wolf, self.ids["pair"], uuid.uuid4(), "between us")[0].id
        self.own_message = {
            role: actions.send(self.ids[NAMES[role]], room, uuid.uuid4(), "my words")[0].id
            for role in ("member", "admin", "owner")
        }
        file = uploads.store_whole(wolf, "x", 5, [b"words"])  # the name in the path
        self.ids["attachment"] = file.pk
        actions.send(wolf, room, uuid.uuid4(), "", attachment_ids=[file.pk])
        self.ids["upload"] = uploads.begin(wolf, 10, "unfinished").pk
        self.own_upload = {role: uploads.begin(self.ids[name], 10, "own").pk for role, name in NAMES.items()}
        actions.update(olga, room, dict.fromkeys(("members_may_add", "members_may_pin", "revisions_visible"), False))
        actions.remove_member(olga, room, self.ids["rick"])
        invite = actions.make_invite(olga, room)
        self.ids["invite"], self.ids["link"] = invite.id, invite.token
        self.tokens, self.browsers, self.notes = {}, {"nobody": Client()}, {}
        for role, name in NAMES.items():
            self.tokens[role] = tokens.open_for(people[name]).access
            self.browsers[role] = Client()
            self.browsers[role].force_login(people[name])
            self.notes[role] = actions.create_group(self.ids[name], "Notes", []).id
        sign_ins.begin(people["wolf"], SignIn.Kind.TOKEN)
        self.ids["key"] = Authenticator.objects.create(user_id=wolf, type=Authenticator.Type.WEBAUTHN, data={}).pk
        account_actions.suspend(self.ids["sue"], moderator.pk)

    def ask(self, line: Line, role: str, never: str = ""):
        """`never`: the parameter of the path for which an id stands that never existed."""
        path = "/" + self._filled(line, role, never)
        body = {name: self._named(value, role) for name, value in BODIES.get(f"{line.method} {line.route}", {}).items()}
        method = "GET" if line.method == "*" else line.method
        if line.route.startswith(("api/", "^api/")):
            headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role in self.tokens else {}
            data, options = json.dumps(body) if method != "GET" else b"", {"content_type": "application/json"}
            caller = Client(headers=headers)
        else:
            data, options, caller = body, {}, self.browsers[role]
        query = QUERIES.get(line.route, {})
        return getattr(caller, method.lower())(path, query if method == "GET" else data, **options)

    def _filled(self, line: Line, role: str, never: str) -> str:
        def value(match: re.Match) -> str:
            name = match[1]
            if name == never:
                return str(uuid.UUID(int=NEVER) if name == "sign_in_id" else NEVER)
            return str(self._parameter(name, line.instead.get(name.removesuffix("_id"), ""), role))

        route = re.sub(r"[\^$]", "", line.route).replace("admin/**", "admin/")
        return re.sub(r"<(\w+)>", value, route)

    def _parameter(self, name: str, instead: str, role: str) -> Any:
        if instead == "own":
            return {
                "user_id": lambda: self.ids.get(NAMES.get(role, ""), NEVER),
                "message_id": lambda: self.own_message.get(role, NEVER),
                "sign_in_id": lambda: self._own_sign_in(role),
                "upload_id": lambda: self.own_upload.get(role, NEVER),
            }[name]()
        if instead:
            return self.ids[instead]
        others = SignIn.objects.get(user_id=self.ids["wolf"]).pk
        usual = {"conversation_id": "room", "message_id": "message", "user_id": "wolf"}
        usual |= {"attachment_id": "attachment", "upload_id": "upload", "invite_id": "invite", "pk": "key"}
        return (
            self.ids[usual[name]]
            if name in usual
            else {"sign_in_id": others, "emoji": "👍", "width": 480}.get(name, "x")
        )

    def _own_sign_in(self, role: str) -> Any:
        mine = SignIn.objects.filter(user_id=self.ids.get(NAMES.get(role, ""), 0), kind=SignIn.Kind.TOKEN).first()
        return mine.pk if mine else uuid.UUID(int=NEVER)

    def _named(self, value: Any, role: str) -> Any:
        if isinstance(value, list):
            return [self._named(each, role) for each in value]
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        if value == "@notes":
            return self.notes.get(role, NEVER)
        return NAMES.get(role, "x") if value == "@own" else self.ids[value[1:]]


@pytest.fixture
def stage(db, monkeypatch):
    """In one transaction, so that each cell can be undone: sends are then stored in the caller's own thread."""
    monkeypatch.setattr(
        batch_writer.BatchWriter,
        "call",
        lambda batcher, command, timeout=0: batch_writer._raised(batcher._store([command])[0]),
    )
    return Stage()


# ── The tests ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_role_gets_what_the_table_says(stage, line):
    expected = {**line.cells, "removed": line.cells["stranger"], "suspended": line.cells["nobody"]}
    if line.route.startswith("api/") and not line.route.startswith(LOOKS_AT_NO_TOKEN):
        expected["suspended"] = "401"
    got = {}
    for role, cell in expected.items():
        if cell == "-":
            got[role] = "-"
            continue
        with undone():
            answer = stage.ask(line, role)
        got[role] = _cell(answer)
        if cell == "404" and role in ("stranger", "removed"):
            _assert_as_if_not_there(stage, line, role, answer)
    assert got == expected


def test_a_method_that_is_not_in_the_table_is_refused(stage):
    """As the owner, who may most. allauth's pages are left out: some answer before they look at the method."""
    open_ones = []
    for route in sorted({line.route for line in LINES if not line.route.startswith(("accounts/", "admin/"))}):
        known = {line.method for line in LINES if line.route == route}
        for method in () if "*" in known else sorted(METHODS - known):
            with undone():
                answer = stage.ask(Line(method, route, {}), "owner")
            if answer.status_code not in (401, 403, 405):
                open_ones.append(f"{method} {route}: {answer.status_code}")
    assert not open_ones, "Who may call these?"


class undone:
    """A transaction that leaves no trace."""

    def __enter__(self):
        self._atomic = transaction.atomic()
        self._atomic.__enter__()

    def __exit__(self, *error):
        transaction.set_rollback(True)
        self._atomic.__exit__(*error)


def _cell(answer) -> str:
    if answer.status_code == 302 and re.match(r"(/accounts|/admin)/login/", answer.headers["Location"]):
        return "in"
    return str(answer.status_code)


def _assert_as_if_not_there(stage: Stage, line: Line, role: str, answer) -> None:
    """The same status and body as for an id that never existed, whichever of the path's ids that is."""
    for name in re.findall(r"<(\w+_id)>", line.route):
        with undone():
            nothing = stage.ask(line, role, never=name)
        assert nothing.status_code == answer.status_code == 404
        assert _shown(nothing) == _shown(answer), f"{line} tells {role} that {name} is there"
        assert set(nothing.headers) == set(answer.headers)


def _shown(answer) -> str:
    """The body without what differs anyhow: the path that was asked for, CSRF tokens and nonces."""
    text = answer.content.decode().replace(f'"{answer.wsgi_request.path}"', '"path"')
    return re.sub(r'(csrfmiddlewaretoken" value|nonce|content)="[^"]*"', r"\1", text)


def test_the_stage_is_as_it_says(stage):
    room = Conversation.objects.get(pk=stage.ids["room"])
    roles = dict(room.memberships.filter(left_at=None).values_list("user__username", "role"))
    assert roles == {"olga": "owner", "adam": "admin", "mia": "member", "wolf": "member", "sue": "member"}
