"""Serializers that validate the input of the REST views of presence."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from messenger.rest.fields import IdField, StrictCharField

MAX_USERS = 200  # in one request


class PresenceQuerySerializer(serializers.Serializer):
    user_ids = StrictCharField(max_length=20 * MAX_USERS, help_text=_("User IDs, separated by commas; at most 200."))

    def validate_user_ids(self, text: str) -> list[int]:
        parts = text.split(",")
        if len(parts) > MAX_USERS:
            raise serializers.ValidationError(_("At most %(most)d people.") % {"most": MAX_USERS})
        # `int`, and therefore REST framework, also accept digits of other scripts, spaces and "1.0".
        if not all(part.isascii() and part.isdecimal() for part in parts):
            raise serializers.ValidationError(_("Separate the numbers with commas."))
        return sorted({IdField().run_validation(part) for part in parts})


@extend_schema_serializer(component_name="Beat")  # its public name in the OpenAPI document
class HeartbeatSerializer(serializers.Serializer):
    view = IdField(default=None, allow_null=True, help_text=_("The conversation being viewed."))
