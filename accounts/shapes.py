"""How a person, and what is a person's own, goes over the wire.

`UserShape` is what others may see: never an e-mail, a token or a hash. `ProfileShape` goes to that person only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, cast
from uuid import UUID

import msgspec

from accounts.models import SignIn, User

SignInKind = Literal["browser", "token"]
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class UserShape(msgspec.Struct):
    """What others may see of a person. `name` is the display name, or the user name where there is none."""

    id: int
    username: str
    name: str
    avatar_url: str | None = None


class ProfileShape(msgspec.Struct):
    """One's own profile and settings. `language` and `time_zone` are empty where the browser decides."""

    id: int
    username: str
    name: str
    avatar_url: str | None
    email: str
    bio: str
    language: str
    time_zone: str
    theme: str
    show_presence: bool
    show_receipts: bool
    me_version: int


class MeShape(msgspec.Struct):
    """The payload of `me.updated`, told to that person's devices."""

    me_version: int
    user: ProfileShape


class SignInShape(msgspec.Struct):
    """One way in that stands open. `current`: the one that this request came by."""

    id: str
    kind: SignInKind
    user_agent: str
    address: str | None
    created_at: Moment
    last_used_at: Moment
    current: bool


class TokenPair(msgspec.Struct):
    """`access` goes with every request; `refresh` gives a new pair, once."""

    access: str
    refresh: str


def user_shape(user: User) -> UserShape:
    return UserShape(user.pk, user.username, user.shown_name, avatar_url(user))


def profile_shape(user: User) -> ProfileShape:
    return ProfileShape(
        id=user.pk,
        username=user.username,
        name=user.shown_name,
        avatar_url=avatar_url(user),
        email=user.email,
        bio=user.bio,
        language=user.language,
        time_zone=user.time_zone,
        theme=user.theme,
        show_presence=user.show_presence,
        show_receipts=user.show_receipts,
        me_version=user.me_version,
    )


def sign_in_shape(sign_in: SignIn, current_id: UUID | None) -> SignInShape:
    return SignInShape(
        id=str(sign_in.pk),
        kind=cast(SignInKind, sign_in.kind),
        user_agent=sign_in.user_agent,
        address=sign_in.address,
        created_at=_moment(sign_in.created_at),
        last_used_at=_moment(sign_in.last_used_at),
        current=sign_in.pk == current_id,
    )


def avatar_url(user: User) -> str | None:
    """A stable path of this site; its name changes with the picture, so it may be kept for ever."""
    return f"/avatars/{user.pk}/{user.avatar.name.rsplit('/', 1)[-1]}" if user.avatar else None


def _moment(value: datetime) -> str:
    """As `chat.shapes.moment`: UTC, milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
