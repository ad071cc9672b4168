"""Schemas of users, profiles, contacts and sign-ins, as the API and events send them to clients.

`UserSchema` is what other users may see, so it must never contain an e-mail address, a token or a hash. `ProfileSchema`
is sent only to the user whom it describes.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from accounts.models import Audience, Notice, Relationship, SignIn, Theme, User
from messenger.core.field_types import Timestamp, UUIDText, one_of
from messenger.core.initials import Initials, initials_for
from messenger.core.timestamps import format_timestamp

AudienceName = Annotated[str, one_of(Audience.values)]
CONTACT_STATES = [
    state for state in Relationship.State.values if state != Relationship.State.IGNORED
]  # IGNORED: private
ContactState = Annotated[str, one_of(CONTACT_STATES)]
SignInKind = Annotated[str, one_of(SignIn.Kind.values)]
ThemeName = Annotated[str, one_of(Theme.values)]


class UserSchema(msgspec.Struct):
    """A user as other users see them. `name` is the display name, or the user name if there is no display name.

    If there is no picture (`avatar_url`), show the `initials`.
    """

    id: int
    username: str
    name: str
    avatar_url: str | None
    initials: Initials


class ProfileSchema(msgspec.Struct):
    """Your own profile and settings. If `language` or `time_zone` is empty, the browser's setting is used.

    The privacy settings are: who finds you by name (`find_me`), starts a direct conversation with you (`write_to_me`)
    or adds you to groups (`add_me`); who sees that you are online (`show_presence`), when you were last online
    (`show_last_seen`) and what you have read (`show_receipts`). `created_at` is when you signed up. Until
    `muted_until`, moderators allow you to read but not to write. `notice_count` is the number of unread notices.
    """

    id: int
    username: str
    name: str
    avatar_url: str | None
    email: str
    bio: str
    language: str
    time_zone: str
    theme: ThemeName
    find_me: AudienceName
    write_to_me: AudienceName
    add_me: AudienceName
    show_presence: AudienceName
    show_last_seen: AudienceName
    show_receipts: AudienceName
    muted_until: Timestamp | None
    notice_count: int
    me_version: int
    created_at: Timestamp
    initials: Initials


class MeSchema(msgspec.Struct):
    """Reports that your own profile or settings have changed. `user` contains the new values."""

    me_version: int
    user: ProfileSchema


class ContactSchema(msgspec.Struct):
    """Your relationship with another user.

    `state` is `contact` (the user is in your contact list), `asked` (you sent the user a contact request that is not
    answered), `asks` (the user sent you a request, which you may accept, decline or ignore) or `none`. If `blocked` is
    true, you have blocked the user, and `state` is `none`. `since` is when `state` last changed; it is null for `none`.
    """

    user: UserSchema
    state: ContactState
    blocked: bool
    since: Timestamp | None
    me_version: int


class ContactEvent(msgspec.Struct):
    """Reports that one of your contacts, contact requests or blocks has changed.

    `contact` contains the new values. `requests` is the number of contact requests that you have not answered yet.
    """

    me_version: int
    contact: ContactSchema
    requests: int


class NoticeSchema(msgspec.Struct):
    """What the moderators tell you: a warning, a mute and its end, or what came of a report of yours.

    `text` is the reason that the moderator has given. Show it until the user has confirmed to have read it.
    """

    id: int
    kind: Annotated[str, one_of(Notice.Kind.values)]
    text: str
    until: Timestamp | None
    created_at: Timestamp


class SignInSchema(msgspec.Struct):
    """A browser or API client in which you are signed in.

    `address` is its IP address. `current` is true for the sign-in that this request uses.
    """

    id: UUIDText
    kind: SignInKind
    user_agent: str
    address: str | None
    created_at: Timestamp
    last_used_at: Timestamp
    current: bool


class TokenPairSchema(msgspec.Struct):
    """The tokens of an API client. `access` authenticates requests for `expires_in` seconds.

    `refresh` can be exchanged once for a new pair.
    """

    access: str
    refresh: str
    expires_in: int


class VerifySchema(msgspec.Struct):
    """The response to a sign-up after which the e-mail must be confirmed before signing in. The account was created."""

    verify: bool = True


def user_schema(user: User) -> UserSchema:
    return build_user_schema(user.pk, user.username, user.name, user.avatar.name)


def build_user_schema(user_id: int, username: str, name: str, avatar: str | None = None) -> UserSchema:
    """Converts columns of a user's row. `avatar` is the name of the picture in the storage."""
    name = name or username
    return UserSchema(user_id, username, name, user_avatar_url(user_id, avatar), initials_for(name, user_id))


def profile_schema(user: User) -> ProfileSchema:
    return ProfileSchema(
        id=user.pk,
        username=user.username,
        name=user.display_name,
        avatar_url=user_avatar_url(user.pk, user.avatar.name),
        email=user.email,
        bio=user.bio,
        language=user.language,
        time_zone=user.time_zone,
        theme=str(user.theme),
        find_me=str(user.find_me),
        write_to_me=str(user.write_to_me),
        add_me=str(user.add_me),
        show_presence=str(user.show_presence),
        show_last_seen=str(user.show_last_seen),
        show_receipts=str(user.show_receipts),
        muted_until=format_timestamp(user.muted_until) if user.muted_until else None,
        notice_count=user.notice_count,
        me_version=user.me_version,
        created_at=format_timestamp(user.date_joined),
        initials=initials_for(user.display_name, user.pk),
    )


def contact_schema(relationship: Relationship) -> ContactSchema:
    """Converts a relationship to the schema for clients.

    Load `person` with the relationship (`select_related`): otherwise this function makes a query for it.
    """
    has_state = relationship.visible_state != Relationship.State.NONE
    return ContactSchema(
        user=user_schema(relationship.person),
        state=str(relationship.visible_state),
        blocked=relationship.blocked_at is not None,
        since=format_timestamp(relationship.since) if relationship.since and has_state else None,
        me_version=relationship.me_version,
    )


def notice_schema(notice: Notice) -> NoticeSchema:
    until = format_timestamp(notice.until) if notice.until else None
    return NoticeSchema(notice.pk, str(notice.kind), notice.text, until, format_timestamp(notice.created_at))


def sign_in_schema(sign_in: SignIn, current_id: UUID | None) -> SignInSchema:
    return SignInSchema(
        id=str(sign_in.pk),
        kind=str(sign_in.kind),
        user_agent=sign_in.user_agent,
        address=sign_in.address,
        created_at=format_timestamp(sign_in.created_at),
        last_used_at=format_timestamp(sign_in.last_used_at),
        current=sign_in.pk == current_id,
    )


def user_avatar_url(user_id: int, stored_name: str | None) -> str | None:
    """Returns the path of a user's avatar on this site, or None. `stored_name` is the name in the storage.

    The last part of the path changes with the picture, so browsers may cache it without limit.
    """
    return f"/avatars/{user_id}/{stored_name.rsplit('/', 1)[-1]}" if stored_name else None
