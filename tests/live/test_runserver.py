"""Tests of Django's development server, `manage.py runserver`, which daphne extends by WebSockets."""

from __future__ import annotations

import os
import sys

import httpx
import pytest
import websockets

from messenger import command_line
from tests.databases import ROOT, run_manage
from tests.servers import PASSWORD, Server


class RunServer(Server):
    name = "runserver"
    use_fork_server = False

    def command(self):
        return [sys.executable, ROOT / "manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"]

    def environment(self):
        variables = {**super().environment(), "DEBUG": "on"}
        return {name: value for name, value in variables.items() if name not in ("SITE_URL", "PORT")}


class DevServer(RunServer):
    name = "dev"

    def command(self):
        return [sys.executable, ROOT / "manage.py", "dev"]

    def environment(self):
        return {**super().environment(), "PORT": str(self.port), "HOST": "127.0.0.1"}


async def test_the_development_server_sets_up_its_database_in_one_process(make_site):
    """`manage.py dev`, which bin/dev runs, migrates, creates the demo data and serves. alice can sign in."""
    site = make_site()
    (site.folder / "data" / "messenger.sqlite3").unlink()
    server = DevServer(site, None, {})
    site.servers.append(server)
    server.start()
    assert "Sign in as any of: alice, bob" in server.tail()
    credentials = {"login": "alice", "password": PASSWORD}
    assert httpx.post(f"{server.url}/api/v1/auth/token/", json=credentials).status_code == 200


def test_the_development_server_refuses_production_settings():
    with pytest.raises(RuntimeError, match="DEBUG is off"):
        run_manage("dev")


async def test_pages_of_runserver_may_open_sockets_on_any_port(make_site):
    site = make_site()
    site.create_users("alice")
    server = RunServer(site, None, {})
    site.servers.append(server)
    server.start()
    headers = {"Authorization": f"Bearer {site.create_token('alice')}"}
    async with websockets.connect(server.ws_url, additional_headers=headers, origin=server.url) as socket:
        assert '"welcome"' in await socket.recv()
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(server.ws_url, additional_headers=headers, origin="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        ("runserver", None),
        ("runserver 8001", "8001"),
        ("runserver localhost:8001", "8001"),
        ("runserver [::1]:8001 --noreload -v 2", "8001"),
        ("runserver --noreload 0:8001", "8001"),
        ("migrate 8001", None),
        ("", None),
    ],
)
def test_the_port_of_runserver_becomes_that_of_the_site(arguments, port, monkeypatch):
    monkeypatch.delenv("PORT", raising=False)
    command_line.set_port_of_runserver(arguments.split())
    assert os.environ.pop("PORT", None) == port
