"""Serializers made from the structs that the wire uses, so that no field is named twice.

`serializer_for(MessageSchema)` is a REST framework serializer class whose fields are those of the struct. It writes what
`msgspec` writes, and the OpenAPI document describes exactly that.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from msgspec import inspect as types
from rest_framework import serializers


# Writes a struct. It does not read: what comes in has serializers of its own, with real validation. (A comment, since a
# docstring would be inherited as the description of every struct that has none.)
class StructSerializer(serializers.Serializer):
    struct: type[msgspec.Struct]

    def to_representation(self, instance: msgspec.Struct) -> Any:
        return msgspec.to_builtins(instance)


@extend_schema_field({"type": "string", "format": "date-time"})
class Moment(serializers.CharField):
    """A time, already worded by the struct: `Annotated[str, Meta(extra_json_schema={"format": "date-time"})]`."""


@cache
def serializer_for(struct: type[msgspec.Struct]) -> type[StructSerializer]:
    """The serializer class of a struct: `MessageSchema` gives `MessageSerializer`, in the document `Message`."""
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    body: dict[str, Any] = {"struct": struct, "__doc__": _docstring(struct), "__module__": struct.__module__}
    for field in info.fields:
        body[field.encode_name] = _field(field.type, required=not _may_be_absent(struct, field))
    name = f"{struct.__name__.removesuffix('Schema')}Serializer"
    return extend_schema_serializer(many=False)(type(name, (StructSerializer,), body))


@cache
def page_of(struct: type[msgspec.Struct]) -> type[serializers.Serializer]:
    """`{"results": [struct …], "next": url or null}`, for the document."""
    name = f"{struct.__name__.removesuffix('Schema')}PageSerializer"
    body = {
        "results": serializer_for(struct)(many=True),
        "next": serializers.URLField(allow_null=True, help_text="The next page, or null at the end of the list."),
        "__module__": struct.__module__,
    }
    return extend_schema_serializer(many=False)(type(name, (serializers.Serializer,), body))


def _docstring(struct: type[msgspec.Struct]) -> str:
    return inspect.cleandoc(struct.__doc__ or "")


def _may_be_absent(struct: type[msgspec.Struct], field: types.Field) -> bool:
    """An optional field is written all the same, unless its default is UNSET or the struct leaves defaults out."""
    if field.required:
        return False
    no_default = field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
    return no_default or struct.__struct_config__.omit_defaults


def _field(kind: types.Type, **options: Any) -> serializers.Field:
    """The REST framework field for one msgspec type."""
    match kind:
        case types.Metadata(type=inner, extra_json_schema=extra):
            extra = extra or {}
            if "description" in extra:
                options["help_text"] = extra["description"]
            return Moment(**options) if extra.get("format") == "date-time" else _field(inner, **options)
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
        case types.LiteralType(values=values):
            return serializers.ChoiceField(choices=list(values), **options)
        case types.BoolType():
            return serializers.BooleanField(**options)
        case types.IntType():
            # 64 bits, and the document says so; the bounds are not checked, since nothing is read.
            return serializers.IntegerField(max_value=2**63 - 1, **options)
        case types.FloatType():
            return serializers.FloatField(**options)
        case types.StrType():
            return serializers.CharField(allow_blank=True, **options)
    raise TypeError(f"No serializer field is known for {kind!r}.")
