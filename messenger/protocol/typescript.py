"""Writes the contract (commands, events, schemas …) as TypeScript types: the generated part of protocol.d.ts.

The file is in static/js/realtime/. Only the type checker reads it; browsers do not load it.
"""

from __future__ import annotations

import textwrap

from messenger.protocol import contract
from messenger.protocol.contract import wire_name, wire_name_of_class
from messenger.rest.struct_schemas import Schema, SchemaWriter, is_always_present, references

WIDTH = 120


def text() -> str:
    inputs = {command.payload.__name__ for command in contract.commands()}
    interfaces = [_interface(name, schema, is_input=name in inputs) for name, schema in _ordered_schemas().items()]
    return "\n\n".join([*interfaces, _commands(), _events()])


def _ordered_schemas() -> dict[str, Schema]:
    """Returns the JSON Schema of every struct of the contract. A struct comes after the structs that it contains."""
    schemas = contract.component_schemas()
    ordered: dict[str, Schema] = {}

    def add(name: str) -> None:
        for inner in references(schemas[name]):
            add(inner)
        ordered.setdefault(name, schemas[name])

    for root in contract.root_structs():
        add(root.__name__)
    names = [wire_name_of_class(name) for name in ordered]
    assert len(names) == len(set(names)), "two structs have the same name"
    return ordered


def _interface(name: str, schema: Schema, *, is_input: bool) -> str:
    """Returns the TypeScript declaration of a struct.

    A field of an event or a response is optional if it may be absent. A field of a command is optional if it has a
    default.
    """
    comment, fields = _comment(" ".join(schema.get("description", "").split())), schema["properties"]
    if not fields:
        return "\n".join([*comment, f"export type {wire_name_of_class(name)} = Record<string, never>;"])
    lines = []
    for field, kind in fields.items():
        is_required = field in schema["required"] if is_input else is_always_present(schema, field)
        lines.append(f"  {field}{'' if is_required else '?'}: {_WRITER.write(kind)};")
    return "\n".join([*comment, f"export interface {wire_name_of_class(name)} {{", *lines, "}"])


def _comment(text: str) -> list[str]:
    if len(text) <= WIDTH - len("/**  */"):
        return [f"/** {text} */"] if text else []
    return ["/**", *(f" * {line}" for line in textwrap.wrap(text, WIDTH - 3)), " */"]


class TypeScriptWriter(SchemaWriter[str]):
    def write_reference(self, name: str, schema: Schema) -> str:
        return wire_name_of_class(name)

    def write_nullable(self, schema: Schema) -> str:
        return f"{self.write(schema)} | null"

    def write_enum(self, values: list[str], schema: Schema) -> str:
        return " | ".join(f'"{value}"' for value in values)

    def write_list(self, items: Schema, schema: Schema) -> str:
        item = self.write(items)
        return f"({item})[]" if " " in item else f"{item}[]"

    def write_mapping(self, values: Schema, schema: Schema) -> str:
        return f"Record<string, {self.write(values)}>"  # keys of JSON objects are strings, also ids

    def write_plain(self, schema: Schema) -> str:
        return "number" if schema["type"] == "integer" else schema["type"]


_WRITER = TypeScriptWriter()


def _commands() -> str:
    lines = ["/** The payload and the answer of each command type. */", "export interface Commands {"]
    for command in contract.commands():
        answer = wire_name(command.answer_payload) if command.answer_payload else "null"
        lines.append(f'  "{command.name}": {{ payload: {wire_name(command.payload)}; answer: {answer} }};')
    return "\n".join([*lines, "}"])


def _events() -> str:
    lines = ["/** The payload of each event type. */", "export interface Events {"]
    lines += [f'  "{name}": {wire_name(struct)};' for name, struct in contract.events().items()]
    return "\n".join([*lines, "}"])
