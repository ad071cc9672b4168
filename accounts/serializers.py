"""Serializers that validate the data of API requests. Responses use the structs of accounts.schemas instead."""

from __future__ import annotations

from django.conf import settings
from rest_framework import serializers

from accounts.models import Audience, Theme
from accounts.usernames.rules import MAX_LOGIN_LENGTH
from messenger.rest.fields import StrictCharField

MAX_PASSWORD_LENGTH = 4096  # limits the work of hashing


class SignUpSerializer(serializers.Serializer):
    """The data of a new account. `email` may be empty on a site that sends no e-mail. `invite` is the token of a
    sign-up link, if the site requires one."""

    username = StrictCharField(max_length=200)
    email = StrictCharField(max_length=254, required=False, allow_blank=True, default="")
    password = StrictCharField(max_length=MAX_PASSWORD_LENGTH)
    invite = StrictCharField(max_length=500, required=False, allow_blank=True, default="")


class LoginSerializer(serializers.Serializer):
    """`login` is the user name or the e-mail. It may also be sent as `username`, which is the name of the field in
    clients of simplejwt. `code` is required for an account with a second factor: from its authenticator app, or a
    recovery code."""

    login = StrictCharField(max_length=MAX_LOGIN_LENGTH, required=False)
    username = StrictCharField(max_length=MAX_LOGIN_LENGTH, required=False)
    password = StrictCharField(max_length=MAX_PASSWORD_LENGTH)
    code = StrictCharField(max_length=20, required=False, allow_blank=True, default="")

    def validate(self, attrs: dict) -> dict:
        login = attrs.get("login", attrs.get("username"))
        if login is None:
            raise serializers.ValidationError({"login": [self.fields["login"].error_messages["required"]]})
        return {**attrs, "login": login}


class RefreshSerializer(serializers.Serializer):
    refresh = StrictCharField(max_length=4000)


class TokenSerializer(serializers.Serializer):
    """`token` is an access or a refresh token."""

    token = StrictCharField(max_length=4000)


class AudienceField(serializers.ChoiceField):
    def __init__(self, **options):
        super().__init__(**{"required": False, "choices": Audience.values, **options})


class ProfileChangesSerializer(serializers.Serializer):
    """Changes of your profile and settings. All fields are optional. If `name` is empty, the user name is shown
    instead. If `language` or `time_zone` is empty, the browser's setting is used."""

    username = StrictCharField(required=False, max_length=200)
    name = StrictCharField(required=False, allow_blank=True, max_length=500)
    bio = StrictCharField(required=False, allow_blank=True, max_length=1000)
    language = serializers.ChoiceField(required=False, allow_blank=True, choices=settings.LANGUAGES)
    time_zone = StrictCharField(required=False, allow_blank=True, max_length=64)
    theme = serializers.ChoiceField(required=False, choices=Theme.values)
    find_me = AudienceField()
    write_to_me = AudienceField()
    add_me = AudienceField()
    show_presence = AudienceField()
    show_last_seen = AudienceField()
    show_receipts = AudienceField()


class AvatarSerializer(serializers.Serializer):
    """A picture of at most 5 MB: JPEG (at most 40 megapixels), PNG or GIF (at most 16 megapixels) or WebP (at most 5
    megapixels). It is cropped to a square and encoded again."""

    avatar = serializers.FileField()
