"""Writes the contract (commands, events, schemas …) as Markdown tables: the generated parts of docs/protocol.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import inspect as types

from messenger.core.path_converters import MAX_ID
from messenger.protocol import contract, routes
from messenger.protocol.contract import Struct, docstring, wire_name
from messenger.rest import struct_serializers

_PLAIN = {
    types.BoolType: "true or false",
    types.IntType: "integer",
    types.FloatType: "number",
    types.StrType: "text",
    types.UUIDType: "UUID",
    types.NoneType: "null",
}
_FORMATS = {"date-time": "time", "uuid": "UUID"}


def sections() -> dict[str, str]:
    """Returns the generated parts of docs/protocol.md as Markdown, by the name in their marker comments."""
    close_codes = contract.CLOSE_CODES | contract.CLOSE_CODES_OF_SERVERS
    return {
        "commands": _commands(),
        "events": _events(),
        "schemas": _schemas(),
        "routes": _routes(),
        "errors": _table(
            ["code", "status", "meaning"],
            ([f"`{code}`", str(status), meaning] for code, (status, meaning) in contract.error_codes().items()),
        ),
        "close codes": _table(
            ["code", "meaning"], ([str(code), meaning] for code, meaning in sorted(close_codes.items()))
        ),
        "limits": _table(["limit", "value"], map(list, contract.limits())),
    }


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# ── Frames ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _commands() -> str:
    return _table(
        ["command", "payload", "answer", "description"],
        (
            [f"`{command.name}`", _fields(command.payload), _answer(command), command.description]
            for command in contract.commands()
        ),
    )


def _answer(command: contract.CommandInfo) -> str:
    if not command.answer:
        return "none, or `error`"
    payload = command.answer_payload
    assert payload
    content = _link(payload) if payload in contract.schemas() else _fields(payload)
    return f"`{command.answer}` {content}"


def _events() -> str:
    schemas = contract.schemas()
    return _table(
        ["event", "payload", "sent to", "description"],
        (
            [
                f"`{name}`",
                _link(struct) if struct in schemas else _fields(struct),
                contract.EVENT_RECIPIENTS[name],
                docstring(struct),
            ]
            for name, struct in contract.events().items()
        ),
    )


def _fields(struct: Struct) -> str:
    """Returns the text of one table cell that lists the fields of a struct, one line for each field and its type."""
    fields = [f"`{field.encode_name}` {_type(field.type)}{_default(field)}" for field in contract.fields(struct)]
    return "<br>".join(fields) or "`{}`"


def _schemas() -> str:
    return "\n\n".join(_schema(struct) for struct in contract.schemas())


def _schema(struct: Struct) -> str:
    rows = ([f"`{field.encode_name}`", _field_type(struct, field)] for field in contract.fields(struct))
    description = docstring(struct)
    return "\n\n".join(
        part for part in (f"### {wire_name(struct)}", description, _table(["field", "type"], rows)) if part
    )


def _default(field: types.Field) -> str:
    """Returns the default value of a command's field. The server uses this value if a client leaves the field out."""
    if field.required:
        return ""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f" = `{msgspec.json.encode(value).decode()}`"


def _field_type(struct: Struct, field: types.Field) -> str:
    text = _type(contract.written_type(struct, field))
    return f"{text}, or absent" if struct_serializers.may_be_absent(struct, field) else text


# ── Types ──────────────────────────────────────────────────────────────────────────────────────────────
def _type(kind: types.Type) -> str:
    match kind:
        case types.Metadata(type=inner, extra_json_schema=extra):
            extra = extra or {}
            if "enum" in extra:
                return " or ".join(f"`{value}`" for value in extra["enum"])
            return _FORMATS[extra["format"]] if "format" in extra else _type(inner)
        case types.UnionType(types=parts):
            return " or ".join(sorted((_type(part) for part in parts), key="null".__eq__))  # null is the last one
        case types.StructType(cls=struct):
            return _link(struct)
        case types.ListType(item_type=item):
            return f"list of {_type(item)}"
        case types.DictType(key_type=key, value_type=value, max_length=maximum):
            bound = f", {maximum} at most" if maximum else ""
            return f"object: {_type(key)} → {_type(value)}{bound}"
        case types.IntType(ge=1, le=maximum) if maximum == MAX_ID:
            return "id"
        case types.IntType(ge=0, le=maximum) if maximum == MAX_ID:
            return "integer from 0"
        case types.StrType(min_length=minimum, max_length=maximum) if maximum:
            return f"text, {minimum or 0} to {maximum}"
    return _PLAIN[type(kind)]


def _link(struct: Struct) -> str:
    name = wire_name(struct)
    return f"[{name}](#{name.lower()})"


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _routes() -> str:
    schemas = {wire_name(struct): struct for struct in contract.schemas()}

    def type_link(name: str) -> str:
        if name in schemas:
            return _link(schemas[name])
        if name.endswith("Page") and name.removesuffix("Page") in schemas:
            return f"list of {_link(schemas[name.removesuffix('Page')])}"
        return _OTHER_RESPONSES[name]

    def response(status: str, names: list[str]) -> str:
        return f"{status} {' or '.join(map(type_link, names))}".strip()

    return _table(
        ["route", "parameters", "response", "description"],
        (
            [
                f"`{route.method} {route.path or routes.PREFIX}`",
                " or ".join(" ".join(f"`{name}`" for name in names) for names in route.parameters),
                " · ".join(response(*option) for option in route.responses),
                route.description + (" (no sign-in needed)" if route.is_public else ""),
            ]
            for route in routes.routes()
        ),
    )


_OTHER_RESPONSES = {"Verify": '`{"verify": true}`'}
