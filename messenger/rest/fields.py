"""Defines strict serializer fields for input: they accept only the right JSON type.

The fields of REST framework also accept `1` as a boolean and `12` as a string.
"""

from __future__ import annotations

from typing import Any

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


class IdField(serializers.IntegerField):
    """Accepts a primary key: an integer from 1 to 2⁶³ − 1."""

    def __init__(self, **options):
        super().__init__(**{"min_value": 1, "max_value": MAX_ID, **options})


class SequenceNumberField(IdField):
    """Accepts the number of a message in its conversation (`seq`), or the number of a change in it (`version`).

    Both numbers begin at 1; the value 0 means "before the first".
    """

    def __init__(self, **options):
        super().__init__(min_value=0, **options)


class PageSizeField(serializers.IntegerField):
    """Accepts the number of results on a page.

    A number above `maximum` is not an error, but is reduced to `maximum`.
    """

    def __init__(self, default: int = 50, maximum: int = 100, **options):
        self.maximum = maximum
        help_text = _("At most %(most)d; larger values are reduced to it.") % {"most": maximum}
        super().__init__(**{"min_value": 1, "default": default, "help_text": help_text, **options})

    def to_internal_value(self, data):
        return min(super().to_internal_value(data), self.maximum)


class IdListField(serializers.ListField):
    """Accepts a list of at most 500 user ids."""

    child = IdField()

    def __init__(self, **options):
        super().__init__(**{"max_length": 500, **options})


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
