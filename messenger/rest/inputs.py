"""Makes serializers that validate requests from msgspec structs: the only definitions of input in this project.

The WebSocket decodes a command to the same struct. A serializer reports all invalid fields, in the language of the
user; msgspec reports only the first one. Conditions on several fields are in `__post_init__` of the struct, which
raises ApplicationError.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from messenger.core.errors import format_lazily
from messenger.rest.fields import (
    CommaSeparatedIdsField,
    IdMappingField,
    PageSizeField,
    StrictBooleanField,
    StrictCharField,
    StrictUUIDField,
)
from messenger.rest.struct_schemas import Schema, SchemaWriter, Struct, component_schemas, object_schema

FieldType = tuple[type[serializers.Field], dict[str, Any]]  # the class of a field and its arguments


@cache
def serializer_for_input(struct: Struct, *path_fields: str) -> type[serializers.Serializer]:
    """Returns the serializer class that validates the body of a request for a struct.

    `path_fields` are the fields of the struct that are not in the body, because the path of the URL contains them. A
    field with a default may be left out. The class for `SendPayload` is called `Send` in the OpenAPI document.
    """
    fields = {name: field for name, field in object_schema(struct)["properties"].items() if name not in path_fields}
    return _make_serializer(struct, fields)


@cache
def serializer_for_query(struct: Struct) -> type[serializers.Serializer]:
    """Returns the serializer class that validates the query parameters of a URL for a struct.

    A field that is null in the struct is left out in the URL.
    """
    fields = object_schema(struct)["properties"]
    return _make_serializer(struct, fields, allow_null=False)


def _make_serializer(struct: Struct, fields: dict[str, Schema], **options: Any) -> type[serializers.Serializer]:
    components = component_schemas([struct])
    return _make_class(struct.__name__, struct.__module__, components, fields, **options)


def _make_class(
    name: str, module: str, components: dict[str, Schema], fields: dict[str, Schema], **options: Any
) -> type[serializers.Serializer]:
    """Returns the serializer class for the struct `name`. `components` describe it and the structs inside it."""
    schema, writer = components[name], FieldWriter(components, module)
    body: dict[str, Any] = {
        "__doc__": inspect.cleandoc(schema.get("description", "")),
        "__module__": module,
        **{key: writer.make(field, is_required=key in schema["required"], **options) for key, field in fields.items()},
    }
    name = name.removesuffix("Payload")
    return extend_schema_serializer(component_name=name)(type(f"{name}Serializer", (serializers.Serializer,), body))


class FieldWriter(SchemaWriter[FieldType]):
    """Writes the types of fields of requests as serializer fields."""

    def __init__(self, components: dict[str, Schema], module: str):
        self.components, self.module = components, module

    def make(self, schema: Schema, *, is_required: bool, **more_options: Any) -> serializers.Field:
        field_class, options = self.write(schema)
        options |= more_options
        if "default" in schema:
            default = schema["default"]
            options["default"] = type(default) if isinstance(default, list | dict) else default
        else:
            options["required"] = is_required
        if "description" in schema:
            options["help_text"] = format_lazily(_(schema["description"]), schema.get("x-values", {}))
        return field_class(**options)

    def write_reference(self, name: str, schema: Schema) -> FieldType:
        return _make_class(name, self.module, self.components, self.components[name]["properties"]), {}

    def write_nullable(self, schema: Schema) -> FieldType:
        field_class, options = self.write(schema)
        return field_class, {**options, "allow_null": True}

    def write_enum(self, values: list[str], schema: Schema) -> FieldType:
        labels = schema.get("x-labels", {})
        choices = [(value, labels.get(value, value)) for value in values if value]
        return serializers.ChoiceField, {"choices": choices, "allow_blank": "" in values}

    def write_list(self, items: Schema, schema: Schema) -> FieldType:
        child = self.make(items, is_required=True)
        if "x-separator" in schema:
            return CommaSeparatedIdsField, {"child": child, "most": schema["maxItems"]}
        return serializers.ListField, {
            "child": child,
            "min_length": schema.get("minItems"),
            "max_length": schema.get("maxItems"),
        }

    def write_mapping(self, values: Schema, schema: Schema) -> FieldType:
        if schema.get("x-key") != "id":
            raise TypeError("The keys of an object in a request are ids.")
        child = self.make(values, is_required=True)
        return IdMappingField, {"child": child, "max_length": schema.get("maxProperties")}

    def write_plain(self, schema: Schema) -> FieldType:
        match schema:
            case {"type": "boolean"}:
                return StrictBooleanField, {}
            case {"type": "integer", "x-maximum": maximum}:
                return PageSizeField, {"min_value": schema.get("minimum"), "maximum": maximum}
            case {"type": "integer"}:
                return serializers.IntegerField, {
                    "min_value": schema.get("minimum"),
                    "max_value": schema.get("maximum"),
                }
            case {"type": "string", "format": "uuid"}:
                return StrictUUIDField, {}
            case {"type": "string", "format": "date-time"}:
                return serializers.DateTimeField, {}
            case {"type": "string", "format": "binary"}:
                return serializers.FileField, {}
            case {"type": "string"}:
                return StrictCharField, {
                    "max_length": schema.get("maxLength"),
                    "allow_blank": not schema.get("minLength"),
                }
        raise TypeError(f"The fields of requests cannot have the type {schema!r}.")
