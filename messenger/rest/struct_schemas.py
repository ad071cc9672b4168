"""Describes msgspec structs as JSON Schema, and walks these descriptions to write them in another form.

The OpenAPI document (messenger/rest/openapi.py), docs/protocol.md and the types of scripts (messenger/protocol) are
made from the structs in this way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

Struct = type[msgspec.Struct]
Schema = dict[str, Any]
T = TypeVar("T")


def component_schemas(structs: Iterable[Struct]) -> dict[str, Schema]:
    """Returns the JSON Schema of these structs and of all structs inside them, by the name of the class.

    A reference to another struct is `{"$ref": "MessageSchema"}`.
    """
    return msgspec.json.schema_components(structs, ref_template="{name}")[1]


@cache
def object_schema(struct: Struct) -> Schema:
    """Returns the JSON Schema of one struct. Structs inside it are references."""
    return component_schemas([struct])[struct.__name__]


def is_always_present(schema: Schema, name: str) -> bool:
    """Returns whether the server always sends the field `name` of a struct with this JSON Schema.

    msgspec leaves out only fields with the value UNSET. They are not required, and UNSET is not a default in the
    schema.
    """
    return name in schema["required"] or "default" in schema["properties"][name]


def references(schema: Any) -> Iterator[str]:
    """Returns the names of the structs to which a JSON Schema refers, in order."""
    match schema:
        case {"$ref": str(name)}:
            yield name
        case dict():
            for part in schema.values():
                yield from references(part)
        case list():
            for part in schema:
                yield from references(part)


class SchemaWriter(ABC, Generic[T]):
    """Walks the JSON Schema of a field and writes it in another form. The methods write one kind of type each."""

    def write(self, schema: Schema) -> T:
        """Returns the written form of a field. Raises TypeError for a type that no struct of this project needs."""
        match schema:
            case {"$ref": str(name)}:
                return self.write_reference(name, schema)
            case {"anyOf": [dict(inner), {"type": "null"}]}:
                outer = {key: value for key, value in schema.items() if key != "anyOf"}
                return self.write_nullable({**inner, **outer})
            case {"enum": list(values)}:
                return self.write_enum(values, schema)
            case {"type": "array", "items": dict(items)}:
                return self.write_list(items, schema)
            case {"type": "object", "additionalProperties": dict(values)}:
                return self.write_mapping(values, schema)
            case {"type": "boolean" | "integer" | "number" | "string"} if "contentEncoding" not in schema:
                return self.write_plain(schema)
        raise TypeError(f"The fields of structs cannot have the type {schema!r}.")

    @abstractmethod
    def write_reference(self, name: str, schema: Schema) -> T:
        """Writes the type of a field that contains a struct. `name` is the name of its class."""

    @abstractmethod
    def write_nullable(self, schema: Schema) -> T:
        """Writes the type of a field that may be null. `schema` describes its other values."""

    @abstractmethod
    def write_enum(self, values: list[str], schema: Schema) -> T:
        """Writes the type of a text field that has one of these values."""

    @abstractmethod
    def write_list(self, items: Schema, schema: Schema) -> T: ...

    @abstractmethod
    def write_mapping(self, values: Schema, schema: Schema) -> T:
        """Writes the type of an object with any keys, whose values have the schema `values`."""

    @abstractmethod
    def write_plain(self, schema: Schema) -> T:
        """Writes a boolean, a number or a text."""
