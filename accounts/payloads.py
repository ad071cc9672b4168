"""The input of the REST API of accounts (msgspec structs). Responses are the structs of accounts.schemas.

messenger/rest/inputs.py makes the validation of requests from them. They check only types and formats.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _
from msgspec import UNSET, UnsetType

from accounts.models import Audience, Theme
from accounts.usernames.rules import MAX_LOGIN_LENGTH
from messenger.core.errors import invalid
from messenger.core.field_types import File, one_of

Login = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LOGIN_LENGTH)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]  # the limit bounds the work of hashing
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
AudienceChange = Annotated[str, one_of(Audience.values)] | UnsetType


class SignUpPayload(msgspec.Struct, kw_only=True):
    """The data of a new account. `email` may be empty on a site that sends no e-mail. `invite` is the token of a
    sign-up link, if the site requires one."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    email: Annotated[str, msgspec.Meta(max_length=254)] = ""
    password: Password
    invite: Annotated[str, msgspec.Meta(max_length=500)] = ""


class LoginPayload(msgspec.Struct, kw_only=True):
    """`login` is the user name or the e-mail. It may also be sent as `username`, which is the name of the field in
    clients of simplejwt. `code` is required for an account with a second factor: from its authenticator app, or a
    recovery code."""

    login: Login | UnsetType = UNSET
    username: Login | UnsetType = UNSET
    password: Password
    code: Annotated[str, msgspec.Meta(max_length=20)] = ""

    def __post_init__(self) -> None:
        if self.login is UNSET and self.username is UNSET:
            raise invalid(login=_("This field is required."))

    @property
    def name(self) -> str:
        name = self.username if self.login is UNSET else self.login
        assert name is not UNSET
        return name


class RefreshPayload(msgspec.Struct):
    refresh: Token


class TokenPayload(msgspec.Struct):
    """`token` is an access or a refresh token."""

    token: Token


class ProfileChangesPayload(msgspec.Struct):
    """Changes of your profile and settings. All fields are optional. If `name` is empty, the user name is shown
    instead. If `language` or `time_zone` is empty, the browser's setting is used."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    name: Annotated[str, msgspec.Meta(max_length=500)] | UnsetType = UNSET
    bio: Annotated[str, msgspec.Meta(max_length=1000)] | UnsetType = UNSET
    language: Annotated[str, one_of({"": "", **dict(settings.LANGUAGES)})] | UnsetType = UNSET
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] | UnsetType = UNSET
    theme: Annotated[str, one_of(Theme.values)] | UnsetType = UNSET
    find_me: AudienceChange = UNSET
    write_to_me: AudienceChange = UNSET
    add_me: AudienceChange = UNSET
    show_presence: AudienceChange = UNSET
    show_last_seen: AudienceChange = UNSET
    show_receipts: AudienceChange = UNSET


class AvatarPayload(msgspec.Struct):
    """A picture of at most 5 MB: JPEG (at most 40 megapixels), PNG or GIF (at most 16 megapixels) or WebP (at most 5
    megapixels). It is cropped to a square and encoded again."""

    avatar: File
