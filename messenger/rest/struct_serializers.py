"""Generates REST framework serializers from msgspec structs, so that each output field is declared only once.

`serializer_for(MessageSchema)` returns a serializer class with the fields of the struct. It produces the same output as
`msgspec`, and drf-spectacular describes it in the OpenAPI document.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from msgspec import inspect as types
from rest_framework import serializers


# For output only: other serializers validate the input. This text is a comment because a docstring would be
# inherited as the description of every struct that has none.
class StructSerializer(serializers.Serializer):
    struct: type[msgspec.Struct]

    def to_representation(self, instance: msgspec.Struct) -> Any:
        return msgspec.to_builtins(instance)


@extend_schema_field({"type": "string", "format": "date-time"})
class FormattedDateTimeField(serializers.CharField):
    """Serializer field for a date and time that the msgspec struct already contains as formatted text."""


@extend_schema_field({"type": "string", "format": "uuid"})
class FormattedUUIDField(serializers.CharField):
    """Serializer field for a UUID that the msgspec struct already contains as formatted text."""


_FIELD_BY_FORMAT = {"date-time": FormattedDateTimeField, "uuid": FormattedUUIDField}


@cache
def serializer_for(struct: type[msgspec.Struct]) -> type[StructSerializer]:
    """Returns the REST framework serializer class for a msgspec struct.

    The class for `MessageSchema` is called `MessageSerializer`, and `Message` in the OpenAPI document.
    """
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    body: dict[str, Any] = {"struct": struct, "__doc__": _docstring(struct), "__module__": struct.__module__}
    for field in info.fields:
        body[field.encode_name] = _field(field.type, required=not may_be_absent(struct, field))
    name = f"{struct.__name__.removesuffix('Schema')}Serializer"
    return extend_schema_serializer(many=False)(type(name, (StructSerializer,), body))


@cache
def page_serializer_for(struct: type[msgspec.Struct]) -> type[serializers.Serializer]:
    """Returns the serializer class for a page of a list: `{"results": [struct …], "next": url or null}`.

    The class only describes the page in the OpenAPI document. It does not serialize anything.
    """
    name = f"{struct.__name__.removesuffix('Schema')}PageSerializer"
    body = {
        "results": serializer_for(struct)(many=True),
        "next": serializers.URLField(allow_null=True, help_text="The next page, or null at the end of the list."),
        "__module__": struct.__module__,
    }
    return extend_schema_serializer(many=False)(type(name, (serializers.Serializer,), body))


def _docstring(struct: type[msgspec.Struct]) -> str:
    return inspect.cleandoc(struct.__doc__ or "")


def may_be_absent(struct: type[msgspec.Struct], field: types.Field) -> bool:
    """Returns whether this field of a struct may be missing in the output.

    msgspec leaves out a field if its value is UNSET, or if the struct has the option `omit_defaults` and the field has
    its default value.
    """
    if field.required:
        return False
    no_default = field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
    return no_default or struct.__struct_config__.omit_defaults


def _field(kind: types.Type, **options: Any) -> serializers.Field:
    """Returns the serializer field for a msgspec type. Raises TypeError for a type that this function does not know."""
    match kind:
        case types.Metadata(type=inner, extra_json_schema=extra):
            extra = extra or {}
            if "description" in extra:
                options["help_text"] = extra["description"]
            if "enum" in extra:
                return serializers.ChoiceField(choices=extra["enum"], **options)
            if "format" in extra:
                return _FIELD_BY_FORMAT[extra["format"]](**options)
            return _field(inner, **options)
        case types.UnionType(types=parts):
            (inner,) = (part for part in parts if not isinstance(part, types.NoneType))
            return _field(inner, allow_null=True, **options)
        case types.StructType(cls=struct):
            return serializer_for(struct)(**options)
        case types.ListType(item_type=types.StructType(cls=struct)):
            return serializer_for(struct)(many=True, **options)
        case types.ListType(item_type=item):
            return serializers.ListField(child=_field(item), **options)
        case types.DictType(value_type=value):
            return serializers.DictField(child=_field(value), **options)
        case types.BoolType():
            return serializers.BooleanField(**options)
        case types.IntType():
            # The bound tells OpenAPI that the integers have 64 bits. It is not checked, because this is output.
            return serializers.IntegerField(max_value=2**63 - 1, **options)
        case types.FloatType():
            return serializers.FloatField(**options)
        case types.StrType():
            return serializers.CharField(allow_blank=True, **options)
    raise TypeError(f"No serializer field is known for {kind!r}.")
