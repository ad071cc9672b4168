"""Fields for what comes in: stricter than REST framework's own, which read `1` as true and `12` as a text."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from messenger.core.path_converters import MAX_ID


class Text(serializers.CharField):
    """A JSON string, kept as it is. NUL and lone surrogates are refused by CharField itself."""

    def __init__(self, **options):
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """`true` or `false`, nothing like them."""

    def to_internal_value(self, data):
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Uuid(serializers.UUIDField):
    """A UUID as JSON has it: a string. REST framework's own takes numbers too, and `true` for one."""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class Id(serializers.IntegerField):
    def __init__(self, **options):
        super().__init__(**{"min_value": 1, "max_value": MAX_ID, **options})


class Number(Id):
    """A `seq` or a `version`: they begin at 1, and 0 stands for before the first."""

    def __init__(self, **options):
        super().__init__(min_value=0, **options)


class Limit(serializers.IntegerField):
    """How many rows at most. More than the maximum is cut to it, not refused."""

    def __init__(self, default: int = 50, most: int = 100, **options):
        self.most = most
        words = _("At most %(most)d; more is cut to that.") % {"most": most}
        super().__init__(**{"min_value": 1, "default": default, "help_text": words, **options})

    def to_internal_value(self, data):
        return min(super().to_internal_value(data), self.most)


class Ids(serializers.ListField):
    """Ids of people, at most 500 in one request."""

    child = Id()

    def __init__(self, **options):
        super().__init__(**{"max_length": 500, **options})
