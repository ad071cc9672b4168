"""Tests that the generated files docs/protocol.md and static/js/realtime/protocol.d.ts match the code."""

from __future__ import annotations

import importlib
import inspect
import re

import msgspec
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from websockets.frames import CloseCode

from messenger.consumers import MessengerConsumer
from messenger.core.errors import STATUS_BY_CODE
from messenger.protocol import contract, docs_page, routes, typescript, writer
from messenger.rest.openapi import OpenAPIWriter
from messenger.rest.struct_schemas import object_schema

APPS = ("accounts", "audit", "calls", "chat", "notifications", "presence", "scheduling", "messenger")


def sources():
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            yield path, path.read_text(encoding="utf-8")


def test_both_files_are_up_to_date():
    differing = [path.name for path in writer.outdated_files()]
    assert not differing, f"{differing}: run `manage.py protocol`"


def test_the_command_checks_and_writes(tmp_path, monkeypatch, capsys):
    copies = tmp_path / "protocol.md", tmp_path / "protocol.d.ts"
    for copy, original in zip(copies, writer.paths(), strict=True):
        copy.write_text(original.read_text(encoding="utf-8").replace("seq", "place"), encoding="utf-8")
    monkeypatch.setattr(writer, "paths", lambda: copies)
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    with pytest.raises(CommandError, match=r"protocol\.md, protocol\.d\.ts"):
        call_command("protocol", "--check")
    call_command("protocol")
    call_command("protocol", "--check")
    assert "`place` numbers the messages" in copies[0].read_text(), "text outside the markers is kept"
    assert "| `seq` | integer |" in copies[0].read_text()
    copies[0].write_text("no markers")
    with pytest.raises(ValueError, match="needs the markers"):
        call_command("protocol")


def test_every_event_frame_in_the_code_is_documented():
    frame_names = {
        name
        for _path, text in sources()
        for name in re.findall(r'\b(?:encode_frame|_conversation_event)\(\s*"([a-z.]+)"', text)
    }
    assert {"message.created", "welcome", "typing"} <= frame_names, (
        "the regular expression of this test no longer matches"
    )
    assert frame_names - {"ack"} == set(contract.events())
    assert set(contract.EVENT_RECIPIENTS) == set(contract.events())


def test_every_command_has_a_description():
    commands = {command.name: command for command in contract.commands()}
    assert set(commands) == {*MessengerConsumer.commands, "ping"}
    assert [name for name, command in commands.items() if not command.description] == []


def test_every_schema_has_a_docstring_and_a_unique_name():
    assert [struct.__name__ for struct in contract.schemas() if not contract.docstring(struct)] == []
    names = [contract.wire_name(struct).lower() for struct in contract.schemas()]
    assert len(names) == len(set(names))


def test_links_point_to_headings():
    text = writer.paths()[0].read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", line).strip().lower().replace(" ", "-") for line in re.findall("^#+ (.*)", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_error_codes_and_close_codes_are_complete():
    assert set(contract.error_codes()) == set(STATUS_BY_CODE)
    constants = re.compile(r"^[A-Z_]+ = (1\d{3}|4\d{3})$", re.MULTILINE)
    live = [text for path, text in sources() if path.parent.name == "live"]
    closing = {int(code) for text in live for code in constants.findall(text)}
    assert closing == set(contract.CLOSE_CODES)


def test_close_codes_that_the_servers_send_themselves_are_documented():
    """These are the codes that uvicorn and daphne send, and their libraries websockets and autobahn."""
    uvicorn, daphne = _source("uvicorn.protocols.websockets.websockets_sansio_impl"), _source("daphne.ws_protocol")
    sent = {int(code) for code in re.findall(r"(?:send_close|fail|sendCloseFrame)\((?:code=)?(\d+)", uvicorn + daphne)}
    named = re.findall(r"\.fail\(CloseCode\.(\w+)", _source("websockets.protocol"))
    sent |= {CloseCode[name].value for name in named}
    autobahn = _source("autobahn.websocket.protocol")
    values = dict(re.findall(r"(CLOSE_STATUS_CODE_\w+) = (\d+)", autobahn))
    failing = re.findall(r"_fail_connection\(\s*WebSocketProtocol\.(CLOSE_STATUS_CODE_\w+)", autobahn)
    sent |= {int(values[name]) for name in failing}
    assert {1002, 1007, 1009, 1011, 1012} <= sent, "the patterns above find what the libraries send"
    never_sent = {CloseCode.ABNORMAL_CLOSURE}  # means that no close frame is sent
    assert sent - never_sent <= {*contract.CLOSE_CODES, *contract.CLOSE_CODES_OF_SERVERS}
    assert set(contract.CLOSE_CODES_OF_SERVERS) <= sent


def _source(module: str) -> str:
    return inspect.getsource(importlib.import_module(module))


def test_every_route_of_the_api_is_documented():
    from django.urls import get_resolver

    found = {route.path for route in routes.routes()}
    served = set()
    for pattern in get_resolver().url_patterns:
        if str(pattern.pattern) == "api/v1/":
            served |= {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(each.pattern)) for each in pattern.url_patterns}
    assert found == served


def test_types_of_optional_fields():
    text = typescript.text()
    assert "fields?: Record<string, string[]>;" in text, "omitted if empty"
    assert "mine?: Mine | null;" in text
    assert "reply_to_id?: number | null;" in text, "a command may leave out what has a default"
    assert "  reply_to: Reply | null;" in text, "fields of output schemas are always present"
    assert "any" not in re.findall(r"[:|] (\w+)", text)


def test_a_schema_with_an_unknown_field_type_is_an_error():
    class Odd(msgspec.Struct):
        field: bytes

    field = object_schema(Odd)["properties"]["field"]
    for writer_class in (OpenAPIWriter, docs_page.MarkdownWriter, typescript.TypeScriptWriter):
        with pytest.raises(TypeError, match="cannot have the type"):
            writer_class().write(field)
