"""Lists the REST routes from the OpenAPI document. Error responses are left out: most routes have the same ones."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils import translation
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

PREFIX = "/api/v1/"


class Route(NamedTuple):
    method: str
    path: str  # below PREFIX
    # Names of parameters: `?limit` in the query, `title?` an optional field of the body; one list per type of body.
    parameters: list[list[str]]
    responses: list[tuple[str, list[str]]]  # status, and the names of possible schemas; none: an empty response
    description: str
    is_public: bool  # can be called without sign-in


def routes() -> list[Route]:
    with translation.override("en"), GENERATOR_STATS.silence():
        document = SchemaGenerator().get_schema(request=None, public=True)
    components = document["components"]["schemas"]
    return [
        Route(
            method.upper(),
            path.removeprefix(PREFIX),
            [_query(operation) + body for body in _bodies(operation, components)],
            _responses(operation, components),
            operation["summary"],
            _is_public(operation),
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _is_public(operation: dict[str, Any]) -> bool:
    """Returns True if an operation needs no sign-in: no way to sign in is named, or an empty one is among them."""
    ways = operation["security"]
    return not ways or {} in ways


def _query(operation: dict[str, Any]) -> list[str]:
    return [f"?{parameter['name']}" for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]


def _bodies(operation: dict[str, Any], components: dict[str, Any]) -> list[list[str]]:
    content = operation.get("requestBody", {}).get("content", {})
    # In the body of a PATCH all fields are optional, so they get no mark `?`.
    patch = operation["operationId"].endswith("_partial_update")
    return [
        [name if patch or name in schema.get("required", ()) else f"{name}?" for name in schema["properties"]]
        for media in content.values()
        for schema in _alternatives(media["schema"], components)
    ] or [[]]


def _alternatives(schema: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if "oneOf" in schema:
        return [schema for option in schema["oneOf"] for schema in _alternatives(option, components)]
    if "$ref" in schema:
        return _alternatives(components[_name(schema)], components)
    return [schema]


def _responses(operation: dict[str, Any], components: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (status, _schema_names(response.get("content", {}).get("application/json", {}).get("schema", {}), components))
        for status, response in operation["responses"].items()
        if status.startswith("2")
    ]


def _schema_names(schema: dict[str, Any], components: dict[str, Any]) -> list[str]:
    if "$ref" not in schema:
        return []
    target = components[_name(schema)]
    return [_name(option) for option in target["oneOf"]] if "oneOf" in target else [_name(schema)]


def _name(reference: dict[str, Any]) -> str:
    return reference["$ref"].rsplit("/", 1)[1]
