"""What there is on the wire. Everything here is taken from where the code uses it; only the words are added."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db.models import TextChoices
from msgspec import inspect as types

import accounts.schemas
import chat.events
import chat.schemas
import chat.selectors.conversations
import chat.selectors.invites
import chat.selectors.members
import chat.selectors.sync
import presence.schemas
from accounts import avatars
from accounts.auth import login_limits
from accounts.models import SignIn, Theme, User
from accounts.text import usernames
from chat.actions import groups, moderation
from chat.models import Conversation, Level, Message, Role
from messenger import api
from messenger.consumers import MessengerConsumer
from messenger.core.errors import STATUS_BY_CODE, ErrorSchema
from messenger.live import connection, consumer, hub, identity
from messenger.rest.openapi import WORDS
from presence import serializers, store, typing_state

Struct = type[msgspec.Struct]
KIB = 1024


class Command(NamedTuple):
    name: str
    payload: Struct
    answer: str  # the type of the frame that answers, or nothing
    answer_payload: Struct | None
    about: str


def commands() -> list[Command]:
    """`ping` is answered by the base consumer itself; all others are those of the apps' parts, chat's first."""
    ping = Command("ping", consumer.Nothing, "pong", consumer.Nothing, "A sign of life, and a question for one.")
    brought = [command for part in reversed(MessengerConsumer.parts) for command in part.commands]
    return [
        *(Command(c.name, c.payload, "ack" if c.answer else "", c.answer, docstring(c.payload)) for c in brought),
        ping,
    ]


def events() -> dict[str, Struct]:
    """By type. `ack`, whose payload depends on the command, is not among them."""
    return {
        "welcome": consumer.Welcome,
        "pong": consumer.Nothing,
        "error": ErrorSchema,
        **chat.events.EVENTS,
        "me.updated": accounts.schemas.MeSchema,
        "contact.updated": accounts.schemas.ContactEvent,
        **presence.schemas.EVENTS,
    }


TOLD_TO = {
    "welcome": "this client, first of all",
    "pong": "whoever sent `ping`",
    "error": "whoever asked",
    "message.created": "members",
    "message.updated": "members",
    "conversation.updated": "members",
    "member.updated": "members",
    "conversation.added": "that person, every device",
    "conversation.removed": "that person, every device",
    "mine.updated": "that person, every device",
    "me.updated": "that person, every device",
    "contact.updated": "that person, every device",
    "mention": "the person named, every device",
    "receipt": "members",
    "typing": "the other members",
    "presence": "people who share a conversation or have them in their list, as far as each shows it",
    "viewers": "members who look at it",
    "online": "everybody",
}


def shapes() -> list[Struct]:
    """What is inside of frames and REST answers, in the order in which the code defines it."""
    modules = (
        accounts.schemas,
        chat.schemas,
        chat.selectors.invites,
        chat.selectors.members,
        chat.selectors.sync,
        presence.schemas,
    )
    return [ErrorSchema, consumer.Heartbeat, *(each for module in modules for each in _shapes_of(module))]


def _shapes_of(module: ModuleType) -> Iterator[Struct]:
    for each in vars(module).values():
        ours = isinstance(each, type) and issubclass(each, msgspec.Struct) and each.__module__ == module.__name__
        if ours and not each.__name__.endswith("Payload"):  # those are a command's alone
            yield each


def wire_name(struct: Struct) -> str:
    """What a shape is called outside of this repository: `MessageSchema` is a `Message`."""
    return _RENAMED.get(struct, struct.__name__.removesuffix("Schema"))


_RENAMED: dict[Struct, str] = {
    ErrorSchema: "ErrorPayload",
    chat.events.Receipt: "ReceiptEvent",  # `Receipt` is that of lists, which know when
}


def docstring(struct: Struct) -> str:
    return " ".join((struct.__doc__ or "").split())


def fields(struct: Struct) -> tuple[types.Field, ...]:
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    return info.fields


def may_be_absent(struct: Struct, field: types.Field) -> bool:
    """What has a default is written all the same, unless the struct leaves defaults out or the default is UNSET."""
    if field.required:
        return False
    no_default = field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
    return no_default or struct.__struct_config__.omit_defaults


def written_type(struct: Struct, field: types.Field) -> types.Type:
    """What is left out where it is null is never null."""
    if struct.__struct_config__.omit_defaults and field.default is None and isinstance(field.type, types.UnionType):
        (inner,) = (part for part in field.type.types if not isinstance(part, types.NoneType))
        return inner
    return field.type


# ── Codes ────────────────────────────────────────────────────────────────────────────────────────────────────────
def refusals() -> dict[str, tuple[int, str]]:
    """Code → HTTP status and meaning."""
    meanings = {code: text.partition(": ")[2] for code, text in WORDS.items()}
    meanings |= {
        "blocked": "said only to one who blocks: unblock first.",
        "method_not_allowed": "there is such a path, and it does something else.",
        "conflict": "this `client_id` was used for another message.",
    }
    return {code: (status, meanings[code]) for code, status in STATUS_BY_CODE.items()}


CLOSE_CODES = {
    hub.GOING_AWAY: "The server stops or restarts. Come back.",
    consumer.TOO_LARGE: "A frame was larger than allowed.",
    consumer.INTERNAL: "Something went wrong on the server, or a pong was late. Come back.",
    connection.TOO_SLOW: "This client takes more slowly than it is told. Come back and `sync`.",
    identity.NOT_SIGNED_IN: "Not signed in, or no longer. Not again with the same token.",
    identity.SUSPENDED: "The account is suspended.",
    identity.TOO_MANY: "Too many connections, or too many malformed frames. Come back after a minute.",
}


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────
CHOICES: dict[str, type[TextChoices]] = {
    "`kind` of a conversation": Conversation.Kind,
    "`kind` of a message": Message.Kind,
    "`role`": Role,
    "`level`": Level,
    "`theme`": Theme,
    "`kind` of a sign-in": SignIn.Kind,
}


# ── Numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────
def numbers() -> list[tuple[str, str]]:
    """What, and how much. Where a setting of the site may say otherwise, docs/running.md names it."""
    beat, late = settings.HEARTBEAT_INTERVAL, settings.HEARTBEAT_TIMEOUT
    person, address = settings.CONNECTIONS_PER_PERSON, settings.CONNECTIONS_PER_ADDRESS
    jpeg, png, webp = (n // 1_000_000 for n in (avatars.MOST_PIXELS, avatars.MOST_DECODED, avatars.MOST_WEBP))
    picture = f"{_size(avatars.MOST_BYTES)}; {jpeg} megapixels as JPEG, {png} as PNG or GIF, {webp} as WebP"
    times = store.USUAL
    return [
        ("`heartbeat.interval`, `heartbeat.timeout`", f"{beat:g} s, {late:g} s"),
        ("one frame to the server", _size(settings.FRAME_LIMIT)),
        ("one REST request (pictures apart)", _size(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)),
        ("waiting for one slow reader, then 1013", _size(settings.SLOW_READER_BYTES)),
        ("malformed frames in a minute, then 4429", f"{settings.VIOLATIONS_PER_MINUTE}"),
        ("connections of a person, of an address", f"{person}, {address}"),
        ("sends of a person, all doors together", _rate(settings.SEND_BURST, settings.SEND_PER_SECOND)),
        ("REST requests of a person, or of an address signed out", _rate(api.ASK_BURST, api.ASK_PER_SECOND)),
        (
            "wrong passwords, for an account and from an address",
            _slow_rate(login_limits.TRIES, login_limits.PER_SECOND),
        ),
        ("accounts made from an address", _slow_rate(login_limits.SIGN_UPS, login_limits.SIGN_UPS_PER_SECOND)),
        ("`body` of a message, `draft`", f"{settings.BODY_LIMIT} code points"),
        ("user name", f"{usernames.SHORTEST} to {usernames.LONGEST} code points"),
        ("`name` (display name), `bio`", f"{_longest(User, 'name')}, {_longest(User, 'bio')} code points"),
        (
            "title, description, announcement",
            f"{groups.TITLE}, {groups.DESCRIPTION}, {groups.ANNOUNCEMENT} code points",
        ),
        ("`reason` of a report", f"{moderation.REASON} code points"),
        ("people named in one command", f"{groups.AT_ONCE}"),
        ("picture of a person", picture),
        ("`excerpt` of a quoted message", f"{chat.schemas.EXCERPT} code points"),
        (
            "page of a list or of history",
            f"{chat.selectors.conversations.PAGE} unless said, {chat.selectors.conversations.PAGE_MAX} at most",
        ),
        ("rows of `changes/`", f"{chat.selectors.sync.CHANGES} unless said, {chat.selectors.sync.CHANGES_MAX} at most"),
        ("rows of one `sync` answer, over all conversations", f"{chat.selectors.sync.CHANGES_MAX}"),
        ("people in one question to `presence/`", f"{serializers.PEOPLE_AT_MOST}"),
        ("`typing` ends by itself after", f"{typing_state.ENDS_AFTER:g} s"),
        ("a sign of life without a socket counts for", f"{times.beat:g} s"),
        ("offline after the last socket closed", f"{times.grace:g} s"),
        ("offline after a server died", f"{times.lease:g} s"),
        ("an access token lives", f"{settings.ACCESS_TOKEN_MINUTES} minutes"),
        ("a refresh token lives", f"{settings.REFRESH_TOKEN_DAYS} days"),
    ]


def _size(count: int) -> str:
    return f"{count // KIB} KiB" if count < KIB * KIB else f"{count // KIB // KIB} MiB"


def _rate(burst: int, per_second: float) -> str:
    return f"{burst} at once, then {per_second:g} a second"


def _slow_rate(burst: int, per_second: float) -> str:
    return f"{burst} at once, then {per_second * 60:g} a minute"


def _longest(model: type, field: str) -> int:
    return model._meta.get_field(field).max_length  # type: ignore[attr-defined]
