"""The REST routes, as the OpenAPI document has them. What each may refuse is left out: it is much the same."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils import translation
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

PREFIX = "/api/v1/"


class Route(NamedTuple):
    method: str
    path: str  # below PREFIX
    # Names: `?limit` in the query, `title?` in the body where it may be left out; one list for each form of the body.
    takes: list[list[str]]
    answers: list[tuple[str, list[str]]]  # status, and what comes with it: one of these shapes, or nothing
    about: str
    open: bool  # also to those who are not signed in


def routes() -> list[Route]:
    with translation.override("en"), GENERATOR_STATS.silence():
        document = SchemaGenerator().get_schema(request=None, public=True)
    components = document["components"]["schemas"]
    return [
        Route(
            method.upper(),
            path.removeprefix(PREFIX),
            [_query(operation) + body for body in _bodies(operation, components)],
            _answers(operation, components),
            operation["summary"],
            {} in operation.get("security", [{}]),
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _query(operation: dict[str, Any]) -> list[str]:
    return [f"?{each['name']}" for each in operation.get("parameters", ()) if each["in"] == "query"]


def _bodies(operation: dict[str, Any], components: dict[str, Any]) -> list[list[str]]:
    content = operation.get("requestBody", {}).get("content", {})
    # Of what is changed by PATCH the document calls everything optional.
    patch = operation["operationId"].endswith("_partial_update")
    return [
        [name if patch or name in schema.get("required", ()) else f"{name}?" for name in schema["properties"]]
        for media in content.values()
        for schema in _alternatives(media["schema"], components)
    ] or [[]]


def _alternatives(schema: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if "oneOf" in schema:
        return [each for one in schema["oneOf"] for each in _alternatives(one, components)]
    if "$ref" in schema:
        return _alternatives(components[_name(schema)], components)
    return [schema]


def _answers(operation: dict[str, Any], components: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (status, _shapes(answer.get("content", {}).get("application/json", {}).get("schema", {}), components))
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    ]


def _shapes(schema: dict[str, Any], components: dict[str, Any]) -> list[str]:
    if "$ref" not in schema:
        return []
    target = components[_name(schema)]
    return [_name(each) for each in target["oneOf"]] if "oneOf" in target else [_name(schema)]


def _name(reference: dict[str, Any]) -> str:
    return reference["$ref"].rsplit("/", 1)[1]
