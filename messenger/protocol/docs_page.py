"""Writes the contract (commands, events, schemas …) as Markdown tables: the generated parts of docs/protocol.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from messenger.core.path_converters import MAX_ID
from messenger.protocol import contract, routes
from messenger.protocol.contract import docstring, object_schema, wire_name, wire_name_of_class
from messenger.rest.struct_schemas import Schema, SchemaWriter, Struct, is_always_present


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
    fields = object_schema(struct)["properties"].items()
    return "<br>".join(f"`{name}` {_WRITER.write(field)}{_default(field)}" for name, field in fields) or "`{}`"


def _schemas() -> str:
    return "\n\n".join(_schema(struct) for struct in contract.schemas())


def _schema(struct: Struct) -> str:
    schema = object_schema(struct)
    rows = ([f"`{name}`", _field_type(schema, name)] for name in schema["properties"])
    description = docstring(struct)
    return "\n\n".join(
        part for part in (f"### {wire_name(struct)}", description, _table(["field", "type"], rows)) if part
    )


def _default(field: Schema) -> str:
    """Returns the default value of a command's field. The server uses this value if a client leaves the field out."""
    return f" = `{msgspec.json.encode(field['default']).decode()}`" if "default" in field else ""


def _field_type(schema: Schema, name: str) -> str:
    text = _WRITER.write(schema["properties"][name])
    return text if is_always_present(schema, name) else f"{text}, or absent"


class MarkdownWriter(SchemaWriter[str]):
    """Writes the types of fields in words."""

    def write_reference(self, name: str, schema: Schema) -> str:
        return _link_to(wire_name_of_class(name))

    def write_nullable(self, schema: Schema) -> str:
        return f"{self.write(schema)} or null"

    def write_enum(self, values: list[str], schema: Schema) -> str:
        return " or ".join(f"`{value}`" for value in values)

    def write_list(self, items: Schema, schema: Schema) -> str:
        return f"list of {self.write(items)}"

    def write_mapping(self, values: Schema, schema: Schema) -> str:
        bound = f", {schema['maxProperties']} at most" if "maxProperties" in schema else ""
        return f"object: {schema.get('x-key', 'text')} → {self.write(values)}{bound}"

    def write_plain(self, schema: Schema) -> str:
        match schema:
            case {"minimum": 1, "maximum": maximum} if maximum == MAX_ID:
                return "id"
            case {"minimum": 0, "maximum": maximum} if maximum == MAX_ID:
                return "integer from 0"
            case {"maxLength": maximum}:
                return f"text, {schema.get('minLength', 0)} to {maximum}"
            case {"format": str(name)}:
                return _FORMATS[name]
        return _PLAIN[schema["type"]]


_PLAIN = {"boolean": "true or false", "integer": "integer", "number": "number", "string": "text"}
_FORMATS = {"date-time": "time", "uuid": "UUID"}
_WRITER = MarkdownWriter()


def _link(struct: Struct) -> str:
    return _link_to(wire_name(struct))


def _link_to(name: str) -> str:
    return f"[{name}](#{name.lower()})"


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _routes() -> str:
    schemas = {wire_name(struct): struct for struct in contract.schemas()}

    def type_link(name: str) -> str:
        if name in schemas:
            return _link(schemas[name])
        if name.endswith("Page") and name.removesuffix("Page") in schemas:
            return f"list of {_link(schemas[name.removesuffix('Page')])}"
        raise KeyError(name)

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
