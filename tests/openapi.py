"""Checks responses of the REST API against the OpenAPI document: their status, and the body of that status.

The test clients of the API call `check_response` for each response. So every status and every body that a test causes
must be described in the document.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import jsonschema
from django.urls import Resolver404, resolve
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from tests.databases import create_once

_build_lock = Lock()  # drf-spectacular loads its extensions at the first use, which is not safe in several threads


def document() -> dict[str, Any]:
    with _build_lock:
        return _build_document()


@cache
def _build_document() -> dict[str, Any]:
    """Returns the document, which one process of the test run builds for all."""

    def write(path: Path) -> None:
        document = SchemaGenerator().get_schema(request=None, public=True)
        path.write_bytes(OpenApiJsonRenderer().render(document))

    return json.loads(create_once("openapi.json", write).read_bytes())


def check_response(method: str, path: str, status: int, body: bytes) -> None:
    """Asserts that the OpenAPI document describes a response of the operation with this method and path.

    Ignores unknown paths and methods that are not allowed. In tests of Django alone, the PATCH requests of tus are not
    allowed, because they do not reach Django.
    """
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", _find_route(path))
    operation = document()["paths"].get(path, {}).get(method.lower())
    if operation is None or status == 405:
        return
    response = operation["responses"].get(str(status))
    assert response, f"{method} {path} returned {status}, which is not described: {body!r}"
    if "content" in response:
        _validator(path, method.lower(), str(status)).validate(json.loads(body))
    else:
        assert not body, f"{method} {path} returned {status} with a body, which is not described: {body!r}"


def _find_route(path: str) -> str:
    try:
        return resolve(path).route
    except Resolver404:
        return ""


@cache
def _validator(path: str, method: str, status: str) -> jsonschema.Draft202012Validator:
    content = document()["paths"][path][method]["responses"][status]["content"]
    return jsonschema.Draft202012Validator(
        {**to_json_schema(content["application/json"]["schema"]), "components": _components()},
        format_checker=_format_checker(),
    )


@cache
def _format_checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(["uuid"])
    checker.checks("date-time", raises=ValueError)(lambda text: text is None or datetime.fromisoformat(text))
    return checker


@cache
def _components() -> dict[str, Any]:
    return to_json_schema(document()["components"])


def to_json_schema(node: Any) -> Any:
    """Converts a part of an OpenAPI 3.0 document to JSON Schema.

    `nullable` becomes a type of its own, and objects allow no properties that the document does not list.
    """
    if isinstance(node, list):
        return [to_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: to_json_schema(value) for key, value in node.items() if key != "nullable"}
    if converted.get("type") == "object" and "properties" in converted:
        converted.setdefault("additionalProperties", False)
    return {"anyOf": [converted, {"type": "null"}]} if node.get("nullable") is True else converted
