"""Collects the contract of the protocol: commands, events, schemas, error codes, close codes and limits.

Names, types and numbers are read from the code that uses them, so that they cannot differ from it. Only descriptions
are written in this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import NamedTuple

import msgspec
from django.conf import settings

import accounts.schemas
import calls.schemas
import chat.events
import chat.schemas
import chat.selectors.conversations
import chat.selectors.invites
import chat.selectors.join_requests
import chat.selectors.members
import chat.selectors.sync
import notifications.schemas
import presence.schemas
import scheduling.schemas
from accounts import avatars
from accounts.models import User
from accounts.usernames import rules
from chat.actions import new_conversations, reports
from chat.actions.groups import settings as group_settings
from messenger.consumers import MessengerConsumer
from messenger.core.errors import STATUS_BY_CODE, ErrorSchema
from messenger.core.excerpts import EXCERPT_LENGTH
from messenger.core.initials import Initials
from messenger.live import connection, consumer, handshake, hub
from messenger.rest import struct_schemas
from messenger.rest.api_root import ApiRootSchema
from messenger.rest.openapi import ERROR_DESCRIPTIONS
from messenger.rest.struct_schemas import Schema, Struct
from presence import leases, typing_state
from presence.payloads import MAX_USERS

KIB = 1024


class CommandInfo(NamedTuple):
    name: str
    payload: Struct
    answer: str  # type of the frame that answers; empty: none
    answer_payload: Struct | None
    description: str


def commands() -> list[CommandInfo]:
    """Returns all WebSocket commands: those of the apps, and `ping`, which the base class of the consumer handles."""
    ping = CommandInfo(
        "ping", consumer.EmptyPayload, "pong", consumer.EmptyPayload, "Heartbeat; the server answers with `pong`."
    )
    return [
        *(
            CommandInfo(c.name, c.payload, "ack" if c.answer else "", c.answer, docstring(c.payload))
            for c in MessengerConsumer.commands.values()
        ),
        ping,
    ]


def events() -> dict[str, Struct]:
    """Returns the msgspec struct of the payload for each event type.

    Leaves out `ack`, because its payload depends on the command that it answers.
    """
    return {
        "welcome": consumer.Welcome,
        "pong": consumer.EmptyPayload,
        "error": ErrorSchema,
        **chat.events.EVENTS,
        "me.updated": accounts.schemas.MeSchema,
        "contact.updated": accounts.schemas.ContactEvent,
        **presence.schemas.EVENTS,
        **calls.schemas.EVENTS,
        **scheduling.schemas.EVENTS,
    }


EVENT_RECIPIENTS = {
    "welcome": "this client, as the first frame",
    "pong": "the client that sent `ping`",
    "error": "the client that sent the command",
    "message.created": "members",
    "message.updated": "members",
    "conversation.updated": "members",
    "member.updated": "members",
    "conversation.added": "this user, on every device",
    "conversation.removed": "this user, on every device",
    "mine.updated": "this user, on every device",
    "me.updated": "this user, on every device",
    "contact.updated": "this user, on every device",
    "mention": "the mentioned user, on every device",
    "receipt": "members",
    "typing": "the other members",
    "presence": "users who share a conversation with this user or have them as a contact; privacy settings apply",
    "viewers": "members who have this conversation open",
    "online": "all clients",
    "call.updated": "the participants, and the other members of a group",
    "call.offer": "the other participant, on every device; it is for `to_device`",
    "call.answer": "the other participant, on every device; it is for `to_device`",
    "call.candidate": "the other participant, on every device; it is for `to_device`",
    "reminder.due": "this user, on every device",
}


def schemas() -> list[Struct]:
    """Returns the msgspec structs that describe objects in WebSocket frames and REST responses (messages, users …)."""
    modules = (
        accounts.schemas,
        chat.schemas.messages,
        chat.schemas.attachments,
        chat.schemas.conversations,
        chat.schemas.search,
        chat.schemas.contacts,
        chat.schemas.exports,
        chat.schemas.group_log,
        chat.selectors.invites,
        chat.selectors.join_requests,
        chat.selectors.members,
        chat.selectors.sync,
        notifications.schemas,
        scheduling.schemas,
        presence.schemas,
        calls.schemas,
    )
    own = (ErrorSchema, ApiRootSchema, consumer.Heartbeat, Initials)
    return [*own, *(schema for module in modules for schema in _schemas_in(module))]


def _schemas_in(module: ModuleType) -> Iterator[Struct]:
    for value in vars(module).values():
        is_own = isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__
        if is_own:
            yield value


def wire_name(struct: Struct) -> str:
    """Returns the name of a struct in the documentation, such as `Message` for the class `MessageSchema`."""
    return wire_name_of_class(struct.__name__)


def wire_name_of_class(name: str) -> str:
    return _RENAMED.get(name, name.removesuffix("Schema"))


_RENAMED = {
    ErrorSchema.__name__: "ErrorPayload",
    chat.events.Receipt.__name__: "ReceiptEvent",  # `Receipt` is the schema in lists, which also has times
}


def docstring(struct: Struct) -> str:
    """Returns the docstring of a msgspec struct, joined to one line."""
    return " ".join((struct.__doc__ or "").split())


@cache
def component_schemas() -> dict[str, Schema]:
    """Returns the JSON Schema of every struct of the contract, by the name of its class.

    These are the schemas, and the payloads of events and commands, with all structs inside them.
    """
    return struct_schemas.component_schemas(root_structs())


def root_structs() -> list[Struct]:
    answers = [command.answer_payload for command in commands() if command.answer_payload]
    payloads = [command.payload for command in commands()]
    return list(dict.fromkeys([*schemas(), *events().values(), *answers, *payloads]))


def object_schema(struct: Struct) -> Schema:
    return component_schemas()[struct.__name__]


# ── Codes ────────────────────────────────────────────────────────────────────────────────────────────────────────
def error_codes() -> dict[str, tuple[int, str]]:
    """Returns each error code with its HTTP status and its meaning."""
    meanings = {code: text.partition(": ")[2] for code, text in ERROR_DESCRIPTIONS.items()}
    meanings |= {
        "blocked": "only for a caller who has blocked the other user: unblock first.",
        "method_not_allowed": "the path exists, but not with this method.",
        "conflict": "this `client_id` was already used for another message.",
    }
    return {code: (status, meanings[code]) for code, status in STATUS_BY_CODE.items()}


CLOSE_CODES = {
    hub.GOING_AWAY: "The server stops or restarts. Reconnect.",
    consumer.TOO_LARGE: "A frame was larger than allowed. Reconnect, and do not send it again.",
    hub.INTERNAL_ERROR: "Internal error, or the answer to a ping was late. Reconnect.",
    connection.TOO_SLOW: "The client reads too slowly, or the server is full. Reconnect and send `sync`.",
    handshake.NOT_SIGNED_IN: "Not signed in, or the sign-in has ended. Do not reconnect with the same token.",
    handshake.SUSPENDED: "The account is suspended. Do not reconnect.",
    handshake.TOO_MANY: "Too many connections, failed sign-ins, or malformed frames. Reconnect after a minute.",
}
# Sent by uvicorn and daphne themselves, or by their WebSocket libraries.
CLOSE_CODES_OF_SERVERS = {
    1002: "The client violated the WebSocket protocol (RFC 6455). This is a fault of the client.",
    1007: "A text frame was not valid UTF-8. This is a fault of the client.",
    1012: "The server stops or restarts; uvicorn may send this instead of 1001. Reconnect.",
}


# ── Limits ──────────────────────────────────────────────────────────────────────────────────────────────────────
# What each rate limit of settings.RATES counts. Without another remark a limit is per user, and counts socket, API and
# pages together. A test compares the names with the settings.
RATE_TEXTS = {
    "send": "messages sent",
    "send.new": "messages sent by new accounts, if the site limits them",
    "refused": "messages refused by `send`; a client that waits as the error asks stays below",
    "flood": "messages refused above `refused`; a user who exceeds this limit cannot write for a while",
    "render": "texts rendered before the permission to send is checked; the others are rendered after it",
    "edit": "edits",
    "delete": "messages deleted",
    "reaction": "reactions added or removed",
    "pin": "messages pinned or unpinned",
    "report": "messages reported",
    "schedule": "scheduled messages and reminders created or changed",
    "direct": "new direct conversations",
    "group": "groups created",
    "group.change": "changes of groups: texts, settings, roles, members",
    "picture": "group avatars uploaded",
    "invites": "invite links created",
    "invite.tries": "tries with invite links that cannot be used",
    "search": "searches",
    "sync": "`sync`",
    "upload": "uploads created",
    "part": "parts of uploads",
    "file.person": "files, thumbnails and avatars opened",
    "archive": "data exports",
    "conversation.archive": "exports of conversations",
    "call": "calls begun and answered",
    "call.signal": "offers, answers and candidates of calls",
    "profile": "changes of names and privacy settings",
    "avatar": "profile pictures uploaded",
    "contact": "contact requests",
    "visibility": "blocks, contacts and choices to show receipts in one conversation: begun or ended",
    "push": "push subscriptions stored, and test notifications",
    "api.person": "REST requests",
    "api.address": "REST requests without sign-in, per IP address",
    "page.person": "pages opened",
    "handshake.address": "connections without a valid sign-in, per IP address; then 4429",
    "guess.address": "wrong passwords, per IP address",
    "guess.account": "wrong passwords, per user name or e-mail and IP address",
    "guess.person": "wrong passwords, per account",
    "guess.device": "wrong passwords, per account and browser that its user has signed in with",
    "code.account": "wrong codes of the second factor",
    "signup.address": "sign-ups, per IP address",
    "unsent.address": "texts of forms kept for after the sign-in, per IP address",
    "code.address": "e-mails with a code for signing in, per e-mail address and IP address",
    "code.mailbox": "e-mails with a code for signing in, per e-mail address",
    "code.request": "requests for an e-mail with a code for signing in, per IP address",
    "mail.address": "e-mails of one kind that anybody can cause, per e-mail address",
    "browsers": "new browsers in `presence/`, per IP address",
}


def limits() -> list[tuple[str, str]]:
    """Returns the limits of the protocol (such as the maximum length of a message) as pairs of a name and a value.

    docs/running.md lists the settings that change these values.
    """
    interval, timeout = settings.HEARTBEAT_INTERVAL, settings.HEARTBEAT_TIMEOUT
    per_user, per_address = settings.CONNECTIONS_PER_PERSON, settings.CONNECTIONS_PER_ADDRESS
    jpeg, png, webp = (
        n // 1_000_000 for n in (avatars.MAX_JPEG_PIXELS, avatars.MAX_DECODED_PIXELS, avatars.MAX_WEBP_PIXELS)
    )
    image = f"{_size(avatars.MAX_BYTES)}; {jpeg} megapixels as JPEG, {png} as PNG or GIF, {webp} as WebP"
    presence_times = leases.DEFAULT_TIMEOUTS
    return [
        ("`heartbeat.interval`, `heartbeat.timeout`", f"{interval:g} s, {timeout:g} s"),
        ("one frame to the server", _size(settings.FRAME_LIMIT)),
        ("one REST request (without uploads)", _size(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)),
        ("data queued for a slow client, then 1013", _size(settings.SLOW_READER_BYTES)),
        ("malformed frames per minute, then 4429", f"{settings.VIOLATIONS_PER_MINUTE}"),
        ("connections per user, per IP address", f"{per_user}, {per_address}"),
        *((text, _rate(*settings.RATES[name])) for name, text in RATE_TEXTS.items()),
        ("`body` of a message, `draft`", f"{settings.BODY_LIMIT} code points"),
        ("user name", f"{rules.MIN_USERNAME_LENGTH} to {rules.MAX_USERNAME_LENGTH} code points"),
        ("`name` (display name), `bio`", f"{_max_length(User, 'name')}, {_max_length(User, 'bio')} code points"),
        (
            "title, description, announcement",
            f"{group_settings.TITLE_LIMIT}, {group_settings.DESCRIPTION_LIMIT}, {group_settings.ANNOUNCEMENT_LIMIT}"
            " code points",
        ),
        ("`reason` of a report", f"{reports.REASON_LIMIT} code points"),
        ("users in one command", f"{new_conversations.MAX_USERS_PER_CALL}"),
        ("profile picture", image),
        ("`excerpt` of a quoted message", f"{EXCERPT_LENGTH} code points"),
        (
            "page of a list or of history",
            f"{chat.selectors.conversations.PAGE} by default, {chat.selectors.conversations.PAGE_MAX} at most",
        ),
        ("rows of `changes/`", f"{chat.selectors.sync.CHANGES} by default, {chat.selectors.sync.CHANGES_MAX} at most"),
        ("rows of one `sync` answer, over all conversations", f"{chat.selectors.sync.CHANGES_MAX}"),
        ("users in one request to `presence/`", f"{MAX_USERS}"),
        ("`typing` expires after", f"{typing_state.EXPIRES_AFTER:g} s"),
        ("a request without a socket counts as online for", f"{presence_times.heartbeat:g} s"),
        ("offline after the last socket closed", f"{presence_times.grace:g} s"),
        ("offline after a server died", f"{presence_times.lease + presence_times.grace:g} s"),
        ("lifetime of an access token", f"{settings.ACCESS_TOKEN_MINUTES} minutes"),
        ("lifetime of a refresh token", f"{settings.REFRESH_TOKEN_DAYS} days"),
    ]


def _size(count: int) -> str:
    return f"{count // KIB} KiB" if count < KIB * KIB else f"{count // KIB // KIB} MiB"


def _rate(burst: int, per_second: float) -> str:
    for unit, seconds in (("second", 1), ("minute", 60), ("hour", 3600)):
        if per_second * seconds >= 1:
            return f"{burst} at once, then {per_second * seconds:g} per {unit}"
    return f"{burst} at once, then {per_second * 86400:g} per day"


def _max_length(model: type, field: str) -> int:
    return model._meta.get_field(field).max_length  # type: ignore[attr-defined]
