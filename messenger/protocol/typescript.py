"""Writes the contract (commands, events, schemas …) as TypeScript types: the generated part of protocol.d.ts.

The file is in static/js/realtime/. Only the type checker reads it; browsers do not load it.
"""

from __future__ import annotations

import textwrap

from msgspec import inspect as types

from messenger.protocol import contract
from messenger.protocol.contract import Struct, docstring, wire_name
from messenger.rest import struct_serializers

WIDTH = 120
_PLAIN = {
    types.AnyType: "any",
    types.BoolType: "boolean",
    types.IntType: "number",
    types.FloatType: "number",
    types.StrType: "string",
    types.UUIDType: "string",
    types.NoneType: "null",
}


def text() -> str:
    interfaces = [_interface(struct) for struct in _all_structs()]
    return "\n\n".join([*interfaces, _commands(), _events()])


def _all_structs() -> list[Struct]:
    """Returns every struct of the contract once: schemas, payloads of events and payloads of commands.

    A struct comes after the structs that it contains.
    """
    answers = [command.answer_payload for command in contract.commands() if command.answer_payload]
    payloads = [command.payload for command in contract.commands()]
    structs: dict[Struct, None] = {}
    roots: list[Struct] = [*contract.schemas(), *contract.events().values(), *answers, *payloads]
    for root in roots:
        _collect(root, structs)
    names = [wire_name(struct) for struct in structs]
    assert len(names) == len(set(names)), "two structs have the same name"
    return list(structs)


def _collect(struct: Struct, structs: dict[Struct, None]) -> None:
    for field in contract.fields(struct):
        for inner in _structs_in(field.type):
            _collect(inner, structs)
    structs.setdefault(struct)


def _structs_in(kind: types.Type) -> list[Struct]:
    match kind:
        case types.StructType(cls=struct):
            return [struct]
        case types.Metadata(type=inner) | types.ListType(item_type=inner) | types.DictType(value_type=inner):
            return _structs_in(inner)
        case types.UnionType(types=parts):
            return [struct for part in parts for struct in _structs_in(part)]
    return []


def _interface(struct: Struct) -> str:
    comment, name, fields = _comment(docstring(struct)), wire_name(struct), contract.fields(struct)
    if not fields:
        return "\n".join([*comment, f"export type {name} = Record<string, never>;"])
    return "\n".join(
        [*comment, f"export interface {name} {{", *(f"  {_member(struct, field)};" for field in fields), "}"]
    )


def _member(struct: Struct, field: types.Field) -> str:
    """Returns the TypeScript declaration of a struct field.

    A field of an event or a response is optional if it may be absent. A field of a command is optional if it has a
    default.
    """
    is_input = any(command.payload is struct for command in contract.commands())
    optional = not field.required if is_input else struct_serializers.may_be_absent(struct, field)
    return f"{field.encode_name}{'?' if optional else ''}: {_type(contract.written_type(struct, field))}"


def _comment(text: str) -> list[str]:
    if len(text) <= WIDTH - len("/**  */"):
        return [f"/** {text} */"] if text else []
    return ["/**", *(f" * {line}" for line in textwrap.wrap(text, WIDTH - 3)), " */"]


def _type(kind: types.Type) -> str:
    match kind:
        case types.Metadata(type=inner, extra_json_schema=extra):
            values = (extra or {}).get("enum")
            return " | ".join(f'"{value}"' for value in values) if values else _type(inner)
        case types.UnionType(types=parts):
            return " | ".join(sorted((_type(part) for part in parts), key="null".__eq__))
        case types.StructType(cls=struct):
            return wire_name(struct)
        case types.ListType(item_type=item):
            item_type = _type(item)
            return f"({item_type})[]" if " " in item_type else f"{item_type}[]"
        case types.DictType(value_type=value):
            return f"Record<string, {_type(value)}>"  # keys of JSON objects are strings, also ids
    return _PLAIN[type(kind)]


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
