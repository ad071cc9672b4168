"""What comes in by the API, and how it is described. What goes out are the structs of accounts.schemas."""

from __future__ import annotations

from django.conf import settings
from rest_framework import serializers

from accounts.models import Audience, Theme
from messenger.rest.fields import Text

PASSWORD_LIMIT = 4096  # hashing more would be work for nothing


class SignUpSerializer(serializers.Serializer):
    """`email` may be left out where this site sends no mail. `invite`: the token of an invitation, where one is due."""

    username = Text(max_length=200)
    email = Text(max_length=254, required=False, allow_blank=True, default="")
    password = Text(max_length=PASSWORD_LIMIT)
    invite = Text(max_length=500, required=False, allow_blank=True, default="")


class LoginSerializer(serializers.Serializer):
    """`login` is the user name or the e-mail. `code`: for an account with a second factor, that of its authenticator
    app, or a recovery code."""

    login = Text(max_length=254)
    password = Text(max_length=PASSWORD_LIMIT)
    code = Text(max_length=20, required=False, allow_blank=True, default="")


class RefreshSerializer(serializers.Serializer):
    refresh = Text(max_length=4000)


class VerifySerializer(serializers.Serializer):
    """The e-mail must be confirmed before anybody can sign in."""

    verify = serializers.BooleanField()


class _Audience(serializers.ChoiceField):
    def __init__(self, **options):
        super().__init__(**{"required": False, "choices": sorted(Audience.values), **options})


class ProfileChangesSerializer(serializers.Serializer):
    """Any of these. An empty name stands for the user name, an empty language or zone for the browser's."""

    username = Text(required=False, max_length=200)
    name = Text(required=False, allow_blank=True, max_length=500)
    bio = Text(required=False, allow_blank=True, max_length=1000)
    language = serializers.ChoiceField(required=False, allow_blank=True, choices=settings.LANGUAGES)
    time_zone = Text(required=False, allow_blank=True, max_length=64)
    theme = serializers.ChoiceField(required=False, choices=Theme.choices)
    find_me = _Audience()
    write_to_me = _Audience()
    add_me = _Audience()
    show_presence = _Audience()
    show_last_seen = _Audience()
    show_receipts = _Audience()


class AvatarSerializer(serializers.Serializer):
    """JPEG (40 megapixels at most), PNG, GIF (16) or WebP (5), at most 5 MB. It is cut square and written anew."""

    avatar = serializers.FileField()
