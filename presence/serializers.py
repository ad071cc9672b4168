"""What comes in through the REST API about who is here."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from messenger.rest.fields import Flag, Id, Text

PEOPLE_AT_MOST = 200  # in one question


class PresenceQuery(serializers.Serializer):
    user_ids = Text(max_length=20 * PEOPLE_AT_MOST, help_text=_("Ids of people, with commas; at most 200."))

    def validate_user_ids(self, text: str) -> list[int]:
        parts = text.split(",")
        if len(parts) > PEOPLE_AT_MOST:
            raise serializers.ValidationError(_("At most %(most)d people.") % {"most": PEOPLE_AT_MOST})
        # `int` and so REST framework would take other scripts' digits, spaces and 1.0 as well.
        if not all(part.isascii() and part.isdecimal() for part in parts):
            raise serializers.ValidationError(_("Numbers with commas between them, please."))
        return sorted({Id().run_validation(part) for part in parts})


class BeatSerializer(serializers.Serializer):
    view = Id(default=None, allow_null=True, help_text=_("The conversation that one looks at."))


class TypingSerializer(serializers.Serializer):
    active = Flag()
