"""The OpenAPI document: decorators with which views describe themselves, authentication schemes, error responses."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Annotated, Any

import msgspec
from django.conf import settings
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentIdentity, ResolvedComponent, build_choice_description_list
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.fields import empty

from messenger.core.errors import STATUS_BY_CODE, ErrorSchema
from messenger.core.path_converters import MAX_ID
from messenger.rest.inputs import serializer_for_input, serializer_for_query
from messenger.rest.struct_schemas import Schema, SchemaWriter, Struct, component_schemas, is_always_present

# The table of error codes in docs/protocol.md is generated from these texts too.
ERROR_DESCRIPTIONS = {
    "invalid": "`invalid`: the request is not valid; `fields` has messages by the name of a field.",
    "unauthenticated": "`unauthenticated`: no credentials, or they are invalid or expired.",
    "forbidden": "`forbidden`: the caller may not do this. With a session cookie also: no CSRF token.",
    "not_found": "`not_found`: it does not exist, or the caller may not see it; the response is the same.",
    "too_large": "`too_large`: the request has more bytes than allowed.",
    "unsupported": "`unsupported`: the body must be application/json.",
    "rate_limited": "`rate_limited`: too many requests; `retry_after` is the number of seconds to wait.",
    "unavailable": "`unavailable`: the database cannot be reached or is busy; the same request may be sent again.",
    "internal": "`internal`: an unexpected error, which was logged.",
}


def error_response(description: str) -> OpenApiResponse:
    return OpenApiResponse(ErrorSchema, description)


def error_responses(*codes: str, **descriptions: str) -> dict[int, OpenApiResponse]:
    """Returns the `responses` of `extend_schema` for error codes that cannot be found from the operation itself.

    A keyword gives an own description: `error_responses("invalid", conflict="`conflict`: …")`.
    """
    return {
        _STATUS_BY_CODE[code]: error_response(description)
        for code, description in {**{code: ERROR_DESCRIPTIONS[code] for code in codes}, **descriptions}.items()
    }


_STATUS_BY_CODE = {**STATUS_BY_CODE, "internal": 500}


# ── Decorators of views ───────────────────────────────────────────────────────────────────────────────────────────
def response_schema(
    struct: Struct,
    summary: str,
    *,
    created: str = "",
    already: str = "",
    errors: dict[int, Any] | None = None,
    **options: Any,
):
    """Returns a decorator that describes an API view in the OpenAPI document: its response body is `struct`.

    `created` and `already` are the descriptions of the responses with status 201 and 200. Without `created` the status
    is 200. `errors` are further responses, made with `error_responses`.
    """
    responses: dict[int, Any] = {200: struct} if not created else {201: OpenApiResponse(struct, created)}
    if already:
        responses[200] = OpenApiResponse(struct, already)
    return describe(summary, {**responses, **(errors or {})}, **options)


def list_schema(struct: Struct, summary: str, *, errors: dict[int, Any] | None = None, **options: Any):
    """Returns a decorator that describes an API view in the OpenAPI document: it returns a page of `struct` objects.

    `errors` are further responses, made with `error_responses`.
    """
    return describe(summary, {200: page_schema(struct), **(errors or {})}, **options)


def no_content_schema(summary: str, *, errors: dict[int, Any] | None = None, **options: Any):
    """Returns a decorator that describes an API view in the OpenAPI document: it returns status 204 without a body.

    `errors` are further responses, made with `error_responses`.
    """
    return describe(summary, {204: None, **(errors or {})}, **options)


def describe(summary: str, responses: dict[int, Any], *, request: Any = empty, parameters: Any = (), **options: Any):
    """Returns a decorator that describes an API view: `extend_schema`, whose input may be structs.

    `request` is the struct of the body, None for a request without a body, or such structs by their content type.
    `parameters` are structs of query parameters, or objects of drf-spectacular.
    """
    if isinstance(request, dict):
        request = {content_type: serializer_for_input(body) for content_type, body in request.items()}
    return extend_schema(
        summary=summary,
        request=serializer_for_input(request) if _is_struct(request) else request,
        parameters=[serializer_for_query(each) if _is_struct(each) else each for each in parameters],
        responses=responses,
        **options,
    )


def _is_struct(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, msgspec.Struct)


@cache
def page_schema(struct: Struct) -> Struct:
    """Returns the struct that describes a page of a list: `{"results": [struct …], "next": url or null}`."""
    url = Annotated[
        str | None,
        msgspec.Meta(description="The next page, or null at the end of the list.", extra_json_schema={"format": "uri"}),
    ]
    name = f"{component_name(struct.__name__)}Page"
    return msgspec.defstruct(name, [("results", list[struct]), ("next", url)])  # type: ignore[valid-type]


# ── Components of responses ───────────────────────────────────────────────────────────────────────────────────────
def component_name(name: str) -> str:
    """Returns the name of a struct in the OpenAPI document: `Message` for the class name `MessageSchema`."""
    return name.removesuffix("Schema")


class OpenAPIWriter(SchemaWriter[Schema]):
    """Writes the types of fields of responses for OpenAPI 3.0, in which null is no type."""

    def write_field(self, schema: Schema) -> Schema:
        written = self.write(schema)
        if "description" in schema:
            written["description"] = schema["description"]
        return written

    def write_reference(self, name: str, schema: Schema) -> Schema:
        return {"$ref": f"#/components/schemas/{component_name(name)}"}

    def write_nullable(self, schema: Schema) -> Schema:
        written = self.write(schema)
        if "$ref" in written:  # `nullable` counts only beside `type`, and the reference itself allows no null
            return {"oneOf": [written, {"enum": [None]}]}
        return {**written, "nullable": True}

    def write_enum(self, values: list[str], schema: Schema) -> Schema:
        # drf-spectacular moves the enum and this description to a component of their own.
        description = build_choice_description_list([(value, value) for value in values])
        return {"enum": values, "type": "string", "description": description}

    def write_list(self, items: Schema, schema: Schema) -> Schema:
        return {"type": "array", "items": self.write(items)}

    def write_mapping(self, values: Schema, schema: Schema) -> Schema:
        return {"type": "object", "additionalProperties": self.write(values)}

    def write_plain(self, schema: Schema) -> Schema:
        match schema:
            case {"type": "integer"}:
                return {"type": "integer", "maximum": MAX_ID, "format": "int64"}
            case {"type": "number"}:
                return {"type": "number", "format": "double"}
            case {"format": str(name)}:
                return {"type": "string", "format": name}
        return {"type": schema["type"]}

    def write_object(self, schema: Schema) -> Schema:
        """Returns the component of a struct with this JSON Schema."""
        fields = schema["properties"]
        required = sorted(name for name in fields if is_always_present(schema, name))
        return {
            "type": "object",
            **({"description": inspect.cleandoc(schema["description"])} if "description" in schema else {}),
            "properties": {name: self.write_field(field) for name, field in fields.items()},
            **({"required": required} if required else {}),  # OpenAPI 3.0 does not allow an empty list
        }


class StructExtension(OpenApiSerializerExtension):
    """Lets views describe their responses with msgspec structs: `response_schema(MessageSchema, …)`."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema, direction):
        set_override(self.target, "many", False)  # also if the action of the view set is called `list`
        return component_name(self.target.__name__)

    def get_identity(self, auto_schema, direction):
        return ComponentIdentity(self.target.__name__)

    def map_serializer(self, auto_schema, direction):
        schemas = component_schemas([self.target])
        own = schemas.pop(self.target.__name__)
        for name, schema in schemas.items():
            auto_schema.registry.register_on_missing(
                ResolvedComponent(
                    component_name(name),
                    ResolvedComponent.SCHEMA,
                    OpenAPIWriter().write_object(schema),
                    ComponentIdentity(name),
                )
            )
        return OpenAPIWriter().write_object(own)


# ── What the document says about every operation ──────────────────────────────────────────────────────────────────
class BearerAuthenticationExtension(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "The `access` token from `auth/token/`."}


class SessionAuthenticationExtension(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.SessionAuthentication"
    name = "cookie"

    def get_security_definition(self, auto_schema):
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session cookie of the site. Unsafe requests then need the X-CSRFToken header.",
        }


class ErrorResponsesAutoSchema(AutoSchema):
    """Adds the usual error responses to each operation in the OpenAPI document.

    The method, body, path and authentication of the operation decide which errors these are. A view declares only other
    error responses.
    """

    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        bodies = super()._get_response_bodies(*args, **kwargs)
        for status, response in error_responses(*self._error_codes()).items():
            if str(status) not in bodies:
                bodies[str(status)] = self._get_response_for_code(response, str(status))
        return dict(sorted(bodies.items()))

    def get_description(self) -> str:  # type: ignore[override]
        """Returns the `description` that a view gives to `extend_schema`, or nothing.

        A docstring of a view is written for developers of the server.
        """
        return ""

    def _error_codes(self) -> list[str]:
        has_body = self.method in {"POST", "PUT", "PATCH"} and self.get_request_serializer() is not None
        has_query = bool(self.get_override_parameters())
        codes = ["rate_limited", "internal", "unavailable"]
        if has_body or has_query:
            codes.append("invalid")
        if has_body:
            codes += ["too_large", "unsupported"]
        if any(self.get_auth()):  # also where a sign-in is optional: an invalid token is an error
            codes.append("unauthenticated")
            if self.method != "GET":
                codes.append("forbidden")
        if "{" in self.path:
            codes.append("not_found")
        return codes


def mark_public_operations(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Marks operations that need no sign-in with `security: []` (a hook of SPECTACULAR_SETTINGS).

    drf-spectacular writes `[{}]`, which means the same. But generated clients then ask for a token to sign in with, for
    example those of openapi-python-client.
    """
    for operations in result["paths"].values():
        for operation in operations.values():
            if operation.get("security") == [{}]:
                operation["security"] = []
    return result


def drop_defaults_of_optional_fields(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Removes `default` from the fields of requests that may be left out (a hook of SPECTACULAR_SETTINGS).

    openapi-typescript takes a field with a default for one that is always present. It writes one type for requests and
    responses, so a program could not leave the field out.
    """
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            for field in schema.get("properties", {}).keys() - set(schema.get("required", ())):
                schema["properties"][field].pop("default", None)
    return result
