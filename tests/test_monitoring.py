"""Tests of health checks, metrics, structured logs and error reports, with real server processes."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from messenger.log_filters import RepetitionFilter
from messenger.log_formats import JSONFormatter
from tests.client import Client, CommandError
from tests.databases import ROOT

DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"


def read_metrics(text: str) -> dict[str, float]:
    """Returns the sum of all samples by name, over all processes and labels."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + sample.value
    return sums


async def make_group(site, names=("alice", "bob")) -> tuple[int, dict[str, str]]:
    users = await asyncio.to_thread(site.create_users, *names)
    tokens = {name: site.create_token(name) for name in names}
    headers = {"Authorization": f"Bearer {tokens[names[0]]}"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=30) as http:
        payload = {"kind": "group", "title": "Room", "user_ids": [user.pk for user in users[1:]]}
        return (await http.post("/api/v1/conversations/", json=payload)).raise_for_status().json()["id"], tokens


async def test_probes_are_answered_without_host_and_https(make_site, each_server):
    site = make_site(SITE_URL="https://chat.example.org", TRUSTED_PROXIES="10.0.0.1")
    server = await asyncio.to_thread(site.start, each_server)
    async with httpx.AsyncClient(base_url=server.url) as http:
        alive, ready = await http.get("/healthz"), await http.get("/readyz")
        assert (await http.get("/accounts/login/")).status_code == 400, "any other path checks the host"
    assert (alive.status_code, alive.text) == (200, "ok\n")
    assert ready.status_code == 200
    assert ready.json() == {"ready": True, "checks": {"database": "ok", "migrations": "ok", "storage": "ok"}}


async def test_a_process_is_not_ready_without_its_database_and_says_what_is_missing(
    make_site, postgres_server, redis_server
):
    site = make_site("postgres", redis=True)
    server = await asyncio.to_thread(site.start)
    async with httpx.AsyncClient(base_url=server.url, timeout=10) as http:
        assert (await http.get("/readyz")).json()["checks"]["redis"] == "ok"
        redis_server.kill()
        ready = await wait_for_answer(http, lambda checks: checks["redis"].startswith("unavailable"))
        assert ready.status_code == 200, "the site works without Redis"
        postgres_server.kill()
        ready = await wait_for_answer(http, lambda checks: checks["database"] != "ok")
        assert ready.status_code == 503 and ready.json()["ready"] is False
        assert (await http.get("/healthz")).status_code == 200
        postgres_server.start()
        redis_server.start()
        ready = await wait_for_answer(http, lambda checks: set(checks.values()) == {"ok"})
        assert ready.status_code == 200


async def wait_for_answer(http: httpx.AsyncClient, condition: Callable[[dict[str, str]], bool]) -> httpx.Response:
    """Returns the first answer of /readyz whose checks meet the condition. Fails after 20 s."""
    end = time.monotonic() + 20
    while not condition((ready := await http.get("/readyz")).json()["checks"]):
        assert time.monotonic() < end, ready.text
        await asyncio.sleep(0.2)
    return ready


async def test_who_may_read_the_metrics(make_site):
    site = make_site()
    with_token = await asyncio.to_thread(site.start, METRICS_TOKEN="a-secret")
    without = await asyncio.to_thread(site.start)
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{without.url}/metrics")).status_code == 200
        proxied = {"X-Forwarded-For": "203.0.113.9"}
        assert (await http.get(f"{without.url}/metrics", headers=proxied)).status_code == 404
        assert "checks" not in (await http.get(f"{without.url}/readyz", headers=proxied)).json()
        assert (await http.get(f"{with_token.url}/metrics")).status_code == 404
        for token, status in {"a-secret": 200, "another": 404}.items():
            headers = {"Authorization": f"Bearer {token}", **proxied}
            assert (await http.get(f"{with_token.url}/metrics", headers=headers)).status_code == status


async def test_the_metrics_count_what_happened(make_site, each_server):
    site = make_site()
    server = await asyncio.to_thread(site.start, each_server)
    group, tokens = await make_group(site)
    async with Client(site.ws_url, tokens["alice"]) as alice, Client(site.ws_url, tokens["bob"]) as bob:
        for number in range(7):
            await alice.send(group, f"hello {number}")
        await bob.wait_for(lambda state: len(state.bodies(group)) == 7)
        with pytest.raises(CommandError):
            await alice.send(group + 1000, "nowhere")
        async with httpx.AsyncClient(base_url=server.url) as http:
            text = (await http.get("/metrics")).text
    values = read_metrics(text)
    assert values["messenger_connections"] == values["messenger_connected_users"] == 2
    assert values["messenger_deliveries_total"] >= 14
    assert values["messenger_answer_seconds_count"] >= 8
    assert values["messenger_process_resident_memory_bytes"] > 10_000_000
    assert 'messenger_commands_total{command="message.send"' in text.replace(
        f'process="{server.port}:{server.process.pid}",', ""
    )
    assert re.search(r'messenger_refusals_total\{[^}]*code="not_found"[^}]*\} 1\.0', text)
    assert values["messenger_queue_waiting"] == 0
    assert values["messenger_http_requests_total"] > 0


async def test_metrics_of_several_processes_on_one_port_are_complete_in_each_answer(make_site):
    """Either process answers, with the figures that the other has written. Each writes its own every few seconds."""
    site = make_site("postgres", redis=True)
    server = await asyncio.to_thread(site.start, "uvicorn", WEB_CONCURRENCY="2")
    group, tokens = await make_group(site)

    async def is_complete() -> bool:
        async with httpx.AsyncClient(base_url=server.url, timeout=10) as http:  # a new connection: any process
            text = (await http.get("/metrics")).text
        values = read_metrics(text)
        counts = values["messenger_connections"], len(set(re.findall(r'process="([^"]+)"', text)))
        return counts == (2, 2) and values["messenger_deliveries_total"] >= 10

    async with Client(site.ws_url, tokens["alice"]) as alice, Client(site.ws_url, tokens["bob"]):
        for number in range(5):
            await alice.send(group, f"hello {number}")
        async with asyncio.timeout(60):
            while not all([await is_complete() for _ in range(8)]):
                await asyncio.sleep(0.5)


async def test_every_metric_of_the_dashboard_exists(make_site):
    site = make_site()
    server = await asyncio.to_thread(site.start)
    group, tokens = await make_group(site)
    async with Client(site.ws_url, tokens["alice"]) as alice:
        await alice.send(group, "hello")
        async with httpx.AsyncClient(base_url=server.url) as http:
            known = set(read_metrics((await http.get("/metrics")).text))
            families = set(re.findall(r"# TYPE (\w+) ", (await http.get("/metrics")).text))
    expressions = [
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel.get("targets", ())
    ]
    named = {name for expression in expressions for name in re.findall(r"\bmessenger_\w+", expression)}
    assert len(named) > 12
    assert {name for name in named if name not in known and name not in families} == set()


async def test_json_logs_have_ids_and_no_texts(make_site):
    site = make_site(LOG_FORMAT="json", LOG_LEVEL="INFO", LIMITS="off")
    server = await asyncio.to_thread(site.start)
    group, tokens = await make_group(site)
    secret = f"secret {uuid.uuid4()}"
    async with Client(site.ws_url, tokens["alice"]) as alice:
        message = await alice.send(group, secret)
        with sqlite3.connect(site.folder / "data" / "messenger.sqlite3", timeout=10) as database:
            database.execute("ALTER TABLE chat_revision RENAME TO chat_revision_away")
        with pytest.raises(CommandError) as refused:
            await alice.command("message.edit", message_id=message["id"], body=f"edited {secret}")
        assert refused.value.code == "internal", "a schema error is not temporary"
    lines = [line for line in server.log.read_text().splitlines() if line.startswith("{")]
    entries = [json.loads(line) for line in lines]
    failed = [entry for entry in entries if "does not fit this version" in entry["message"]]
    assert failed and failed[0]["level"] == "ERROR"
    assert failed[0]["conversation"] == str(group) and failed[0]["user"] and failed[0]["connection"]
    assert secret not in server.log.read_text()
    assert tokens["alice"] not in server.log.read_text()


def test_the_request_id_is_in_the_response_and_in_the_log(site):
    server = site.start()
    response = httpx.get(f"{server.url}/accounts/login/")
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


def test_a_json_record_is_one_line():
    record = logging.LogRecord("a", logging.ERROR, __file__, 1, "two\nlines %s", ("and more",), None)
    text = JSONFormatter().format(record)
    assert "\n" not in text and json.loads(text)["message"] == "two\nlines and more"


def test_repeated_warnings_are_counted_and_not_repeated(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("messenger.log_filters.time.monotonic", lambda: now)
    passed, repetitions = [], RepetitionFilter()

    def log(line: int, text: str = "Redis is down", level: int = logging.WARNING) -> None:
        record = logging.LogRecord("messenger", level, __file__, line, text, (), None)
        if repetitions.filter(record):
            passed.append(record.getMessage())

    for _ in range(100):
        log(1)
    log(2, "another")
    log(1, level=logging.INFO)
    assert passed == ["Redis is down", "another", "Redis is down"]
    now += 31
    log(1)
    assert passed[-1] == "Redis is down (99 more like this in the last 31 s)"


def test_reports_to_sentry_contain_no_texts(settings):
    sentry_sdk = pytest.importorskip("sentry_sdk")
    from messenger.monitoring.sentry import start_sentry

    events: list[dict] = []

    class Recorder(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            events.append(envelope.get_event())

    start_sentry("http://key@127.0.0.1:9/1", "test", transport=Recorder, auto_enabling_integrations=False)
    try:
        body = " ".join(["words", "of", "alice"])  # not as one text, because a report quotes lines of code
        try:
            raise ValueError(f"cannot parse {body!r}")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
        sentry_sdk.flush()
    finally:
        sentry_sdk.init()  # no DSN: off
    assert len(events) == 1 and events[0]["exception"]["values"][0]["type"] == "ValueError"
    assert body not in json.dumps(events[0], default=str)
