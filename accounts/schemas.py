"""How a person, and what is a person's own, goes over the wire.

`UserSchema` is what others may see: never an e-mail, a token or a hash. `ProfileSchema` goes to that person only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, cast
from uuid import UUID

import msgspec

from accounts.models import SignIn, Tie, User

AudienceName = Literal["everyone", "contacts", "nobody"]
ContactState = Literal["none", "asked", "asks", "contact"]
SignInKind = Literal["browser", "token"]
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class UserSchema(msgspec.Struct):
    """What others may see of a person. `name` is the display name, or the user name where there is none."""

    id: int
    username: str
    name: str
    avatar_url: str | None = None


class ProfileSchema(msgspec.Struct):
    """One's own profile and settings. `language` and `time_zone` are empty where the browser decides.

    The last six before `me_version` are one's privacy: who may find me by name, begin to write to me, add me to
    groups; who sees that I am here, when I was last here, what I have read.
    """

    id: int
    username: str
    name: str
    avatar_url: str | None
    email: str
    bio: str
    language: str
    time_zone: str
    theme: str
    find_me: AudienceName
    write_to_me: AudienceName
    add_me: AudienceName
    show_presence: AudienceName
    show_last_seen: AudienceName
    show_receipts: AudienceName
    me_version: int


class MeSchema(msgspec.Struct):
    """The payload of `me.updated`, told to that person's devices."""

    me_version: int
    user: ProfileSchema


class ContactSchema(msgspec.Struct):
    """What somebody is to me. `asked`: by me, without an answer yet; `asks`: they ask me, and I may accept, decline or
    ignore it; `contact`: in my list. `blocked`: by me; it hides whatever else there is between us.
    """

    user: UserSchema
    state: ContactState
    blocked: bool
    since: Moment | None
    me_version: int


class ContactEvent(msgspec.Struct):
    """The payload of `contact.updated`, told to my devices: what somebody is to me from now on.

    `requests`: how many people ask to be in my list.
    """

    me_version: int
    contact: ContactSchema
    requests: int


class SignInSchema(msgspec.Struct):
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


def user_schema(user: User) -> UserSchema:
    return UserSchema(user.pk, user.username, user.shown_name, avatar_url(user))


def profile_schema(user: User) -> ProfileSchema:
    return ProfileSchema(
        id=user.pk,
        username=user.username,
        name=user.shown_name,
        avatar_url=avatar_url(user),
        email=user.email,
        bio=user.bio,
        language=user.language,
        time_zone=user.time_zone,
        theme=user.theme,
        find_me=cast(AudienceName, user.find_me),
        write_to_me=cast(AudienceName, user.write_to_me),
        add_me=cast(AudienceName, user.add_me),
        show_presence=cast(AudienceName, user.show_presence),
        show_last_seen=cast(AudienceName, user.show_last_seen),
        show_receipts=cast(AudienceName, user.show_receipts),
        me_version=user.me_version,
    )


def contact_schema(tie: Tie) -> ContactSchema:
    """For a tie with `person` at hand."""
    return ContactSchema(
        user=user_schema(tie.person),
        state=cast(ContactState, tie.shown_state),
        blocked=tie.blocked_at is not None,
        since=moment(tie.since) if tie.since and tie.shown_state != Tie.State.NONE else None,
        me_version=tie.me_version,
    )


def sign_in_schema(sign_in: SignIn, current_id: UUID | None) -> SignInSchema:
    return SignInSchema(
        id=str(sign_in.pk),
        kind=cast(SignInKind, sign_in.kind),
        user_agent=sign_in.user_agent,
        address=sign_in.address,
        created_at=moment(sign_in.created_at),
        last_used_at=moment(sign_in.last_used_at),
        current=sign_in.pk == current_id,
    )


def avatar_url(user: User) -> str | None:
    """A stable path of this site; its name changes with the picture, so it may be kept for ever."""
    return f"/avatars/{user.pk}/{user.avatar.name.rsplit('/', 1)[-1]}" if user.avatar else None


def moment(value: datetime) -> str:
    """As `chat.schemas.moment`: UTC, milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
