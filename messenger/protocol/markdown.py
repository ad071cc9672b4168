"""The contract as tables in Markdown: the generated parts of docs/protocol.md, by the name of their mark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from django.db.models import TextChoices
from msgspec import inspect as types

from messenger.core.path_converters import MAX_ID
from messenger.protocol import contract, routes
from messenger.protocol.contract import Struct, docstring, wire_name

_PLAIN = {
    types.BoolType: "true or false",
    types.IntType: "integer",
    types.FloatType: "number",
    types.StrType: "text",
    types.UUIDType: "UUID",
    types.NoneType: "null",
}


def sections() -> dict[str, str]:
    return {
        "commands": _commands(),
        "events": _events(),
        "shapes": _shapes(),
        "words": _table(["field", "values"], ([name, _values(kind)] for name, kind in contract.CHOICES.items())),
        "routes": _routes(),
        "refusals": _table(
            ["code", "status", "meaning"],
            ([f"`{code}`", str(status), meaning] for code, (status, meaning) in contract.refusals().items()),
        ),
        "close codes": _table(
            ["code", "meaning"], ([str(code), words] for code, words in sorted(contract.CLOSE_CODES.items()))
        ),
        "numbers": _table(["what", "how much"], map(list, contract.numbers())),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# ── Frames ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _commands() -> str:
    return _table(
        ["command", "payload", "answer", "about"],
        ([f"`{each.name}`", _fields(each.payload), _answer(each), each.about] for each in contract.commands()),
    )


def _answer(command: contract.Command) -> str:
    if not command.answer:
        return "none, unless refused"
    payload = command.answer_payload
    assert payload
    inside = _link(payload) if payload in contract.shapes() else _fields(payload)
    return f"`{command.answer}` {inside}"


def _events() -> str:
    shapes = contract.shapes()
    return _table(
        ["event", "payload", "told to", "about"],
        (
            [
                f"`{name}`",
                _link(struct) if struct in shapes else _fields(struct),
                contract.TOLD_TO[name],
                docstring(struct),
            ]
            for name, struct in contract.events().items()
        ),
    )


def _fields(struct: Struct) -> str:
    """In one cell: each field with its type, one below the other."""
    fields = [f"`{field.encode_name}` {_type(field.type)}{_default(field)}" for field in contract.fields(struct)]
    return "<br>".join(fields) or "`{}`"


def _shapes() -> str:
    return "\n\n".join(_shape(struct) for struct in contract.shapes())


def _shape(struct: Struct) -> str:
    rows = ([f"`{field.encode_name}`", _field_type(struct, field)] for field in contract.fields(struct))
    about = docstring(struct)
    return "\n\n".join(part for part in (f"### {wire_name(struct)}", about, _table(["field", "type"], rows)) if part)


def _default(field: types.Field) -> str:
    """What a command means that leaves this out."""
    if field.required:
        return ""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f" = `{msgspec.json.encode(value).decode()}`"


def _field_type(struct: Struct, field: types.Field) -> str:
    words = _type(contract.written_type(struct, field))
    return f"{words}, or absent" if contract.may_be_absent(struct, field) else words


# ── Types, in words ──────────────────────────────────────────────────────────────────────────────────────────────
def _type(kind: types.Type) -> str:
    match kind:
        case types.Metadata(type=inner, extra_json_schema=extra):
            return "time" if (extra or {}).get("format") == "date-time" else _type(inner)
        case types.UnionType(types=parts):
            return " or ".join(sorted((_type(part) for part in parts), key="null".__eq__))  # null comes last
        case types.StructType(cls=struct):
            return _link(struct)
        case types.ListType(item_type=item):
            return f"list of {_type(item)}"
        case types.DictType(key_type=key, value_type=value, max_length=most):
            bound = f", {most} at most" if most else ""
            return f"object: {_type(key)} → {_type(value)}{bound}"
        case types.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case types.IntType(ge=1, le=most) if most == MAX_ID:
            return "id"
        case types.IntType(ge=0, le=most) if most == MAX_ID:
            return "integer from 0"
        case types.StrType(min_length=least, max_length=most) if most:
            return f"text, {least or 0} to {most}"
    return _PLAIN[type(kind)]


def _link(struct: Struct) -> str:
    name = wire_name(struct)
    return f"[{name}](#{name.lower()})"


def _values(kind: type[TextChoices]) -> str:
    return " ".join(f"`{value}`" for value in kind.values)


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _routes() -> str:
    known = {wire_name(struct): struct for struct in contract.shapes()}

    def named(name: str) -> str:
        if name in known:
            return _link(known[name])
        if name.endswith("Page") and name.removesuffix("Page") in known:
            return f"list of {_link(known[name.removesuffix('Page')])}"
        return _OTHER_ANSWERS[name]

    def answer(status: str, names: list[str]) -> str:
        return f"{status} {' or '.join(map(named, names))}".strip()

    return _table(
        ["route", "takes", "answers", "does"],
        (
            [
                f"`{route.method} {route.path}`",
                " or ".join(" ".join(f"`{name}`" for name in names) for names in route.takes),
                " · ".join(answer(*each) for each in route.answers),
                route.about + (" (signed in or not)" if route.open else ""),
            ]
            for route in routes.routes()
        ),
    )


_OTHER_ANSWERS = {"Verify": '`{"verify": true}`'}
