"""The contract as TypeScript: the generated part of static/js/realtime/protocol.d.ts. Types only, no browser ever loads it."""

from __future__ import annotations

import textwrap

from msgspec import inspect as types

from messenger.protocol import contract
from messenger.protocol.contract import Struct, docstring, wire_name

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
    written = [_interface(struct) for struct in _all()]
    return "\n\n".join([*written, _commands(), _events()])


def _all() -> list[Struct]:
    """Every shape and every payload, once, those first that others are made of."""
    answers = [command.answer_payload for command in contract.commands() if command.answer_payload]
    payloads = [command.payload for command in contract.commands()]
    found: dict[Struct, None] = {}
    roots: list[Struct] = [*contract.shapes(), *contract.events().values(), *answers, *payloads]
    for root in roots:
        _gather(root, found)
    names = [wire_name(struct) for struct in found]
    assert len(names) == len(set(names)), "two shapes of one name"
    return list(found)


def _gather(struct: Struct, found: dict[Struct, None]) -> None:
    for field in contract.fields(struct):
        for inner in _structs_in(field.type):
            _gather(inner, found)
    found.setdefault(struct)


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
    """Of what the server reads all that has a default may be left out."""
    read = any(command.payload is struct for command in contract.commands())
    optional = not field.required if read else contract.may_be_absent(struct, field)
    return f"{field.encode_name}{'?' if optional else ''}: {_type(contract.written_type(struct, field))}"


def _comment(words: str) -> list[str]:
    if len(words) <= WIDTH - len("/**  */"):
        return [f"/** {words} */"] if words else []
    return ["/**", *(f" * {line}" for line in textwrap.wrap(words, WIDTH - 3)), " */"]


def _type(kind: types.Type) -> str:
    match kind:
        case types.Metadata(type=inner):
            return _type(inner)
        case types.UnionType(types=parts):
            return " | ".join(sorted((_type(part) for part in parts), key="null".__eq__))
        case types.StructType(cls=struct):
            return wire_name(struct)
        case types.ListType(item_type=item):
            words = _type(item)
            return f"({words})[]" if " " in words else f"{words}[]"
        case types.DictType(value_type=value):
            return f"Record<string, {_type(value)}>"  # names of members are texts in JSON, ids too
        case types.LiteralType(values=values):
            return " | ".join(f'"{value}"' for value in values)
    return _PLAIN[type(kind)]


def _commands() -> str:
    lines = ["/** By type: what a command carries, and what comes with its answer. */", "export interface Commands {"]
    for each in contract.commands():
        answer = wire_name(each.answer_payload) if each.answer_payload else "null"
        lines.append(f'  "{each.name}": {{ payload: {wire_name(each.payload)}; answer: {answer} }};')
    return "\n".join([*lines, "}"])


def _events() -> str:
    lines = ["/** By type: what an event carries. */", "export interface Events {"]
    lines += [f'  "{name}": {wire_name(struct)};' for name, struct in contract.events().items()]
    return "\n".join([*lines, "}"])
