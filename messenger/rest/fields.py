"""Defines strict serializer fields for input: they accept only the right JSON type.

The fields of REST framework also accept `1` as a boolean and `12` as a string.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from messenger.core.numbers import is_id
from messenger.core.path_converters import MAX_ID


class StrictCharField(serializers.CharField):
    """Accepts a JSON string and does not trim it.

    Like REST framework's CharField, it rejects NUL and lone surrogates.
    """

    def __init__(self, **options):
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """Accepts only `true` and `false`."""

    def to_internal_value(self, data):
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictUUIDField(serializers.UUIDField):
    """Accepts a UUID as a JSON string. REST framework's own field also accepts numbers, and even `true`."""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class PageSizeField(serializers.IntegerField):
    """Accepts the number of results on a page. A number above `maximum` is not an error, but is reduced to it."""

    def __init__(self, maximum: int, **options):
        self.maximum = maximum
        super().__init__(**options)

    def to_internal_value(self, data):
        return min(super().to_internal_value(data), self.maximum)


class CommaSeparatedIdsField(StrictCharField):
    """Accepts at most `most` ids with commas between them, such as `3,9,12`. `child` is the field of one id."""

    default_error_messages: ClassVar = {
        "blank": _("User IDs, separated by commas."),
        "format": _("Separate the numbers with commas."),
        "most": _("At most %(most)d people."),
    }

    def __init__(self, child: serializers.Field, most: int, **options):
        self.child, self.most = child, most
        super().__init__(max_length=most * (len(str(MAX_ID)) + 1), **options)  # described in the OpenAPI document

    def to_internal_value(self, data):
        parts = super().to_internal_value(data).split(",")
        # `int`, and therefore REST framework, also accept digits of other scripts, spaces and "1.0".
        if not all(part.isascii() and part.isdecimal() for part in parts):
            self.fail("format")
        if len(parts) > self.most:
            raise serializers.ValidationError(self.error_messages["most"] % {"most": self.most})
        return [self.child.run_validation(part) for part in parts]


class IdMappingField(serializers.DictField):
    """Accepts an object whose keys are conversation ids, with at most `max_length` of them."""

    def __init__(self, max_length: int | None = None, **options):
        self.max_length = max_length
        super().__init__(**options)

    def to_internal_value(self, data) -> dict[int, Any]:
        values = super().to_internal_value(data)
        if (self.max_length and len(values) > self.max_length) or not all(
            is_id(key) and not key.startswith("0") for key in values
        ):
            raise serializers.ValidationError(_("Conversation IDs, at most %(most)d.") % {"most": self.max_length})
        return {int(key): value for key, value in values.items()}
