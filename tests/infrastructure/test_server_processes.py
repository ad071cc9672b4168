"""Tests that tests can start messenger servers with the production command, on SQLite and on PostgreSQL.

The servers are also killed and started again.
"""

import os
import re
import subprocess
import sys
from contextlib import closing

import httpx
import psutil
import pytest

from tests.databases import ROOT, production_environment
from tests.servers import PASSWORD, Server


def sign_in(url: str, username: str) -> httpx.Client:
    """Signs in on the sign-in page of the server and returns a client that holds the session cookie."""
    client = httpx.Client(base_url=url, timeout=10)
    page = client.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token, page.text
    response = client.post(
        "/accounts/login/",
        data={"login": username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]},
        headers={"Referer": url, "Origin": url},
    )
    assert response.status_code == 302
    return client


def test_the_production_server_serves_pages_and_api(site, each_server):
    server = site.start(server=each_server)
    site.create_users("alice")
    with closing(sign_in(server.url, "alice")) as client:
        assert "sessionid" in client.cookies
        assert client.get("/api/v1/me/").json()["username"] == "alice"


def test_a_killed_server_starts_again_on_the_same_port(site, each_server):
    server = site.start(server=each_server)
    port = server.port
    server.kill()
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url)
    server.start()
    assert server.port == port
    assert server.is_ready()


def test_two_processes_on_postgres_and_redis_behind_one_proxy(make_site):
    site = make_site(database="postgres", redis=True, proxied=True)
    first, second = site.start(), site.start(server="uvicorn")
    (alice,) = site.create_users("alice")
    with closing(sign_in(site.url, "alice")) as client:
        for _ in range(4):
            assert client.get("/api/v1/me/").json()["id"] == alice.pk
        first.kill()
        assert client.get("/api/v1/me/").json()["id"] == alice.pk
    assert second.running
    with site.orm():
        assert alice.sign_ins.filter(ended_at=None).count() == 1


def test_bin_serve_executes_the_server(site, each_server, monkeypatch):
    """Tests that the script bin/serve, which operators of a site run, starts the server.

    The fixtures of all other tests start servers with tests/fork_server.py instead, which is faster.
    """
    monkeypatch.setattr(Server, "use_fork_server", False)
    server = site.start(server=each_server)
    assert psutil.Process(server.process.pid).cmdline()[1:] == ["-m", "messenger.server"]
    assert httpx.get(f"{server.url}/accounts/login/").status_code == 200
    assert f"Messenger is at {server.url}/  ({each_server} on 127.0.0.1:{server.port}" in server.tail()
    server.stop()
    assert not server.running


def test_uvicorn_runs_several_processes(make_site, monkeypatch):
    monkeypatch.setattr(Server, "use_fork_server", False)
    site = make_site(database="postgres", redis=True)
    (alice,) = site.create_users("alice")
    server = site.start(server="uvicorn", WEB_CONCURRENCY="2")
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert sum("spawn_main" in " ".join(child.cmdline()) for child in children) == 2
    with closing(sign_in(server.url, "alice")) as client:
        assert [client.get("/api/v1/me/").json()["id"] for _ in range(10)] == [alice.pk] * 10
    server.stop()
    _gone, left = psutil.wait_procs(children, timeout=10)
    assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]


def test_a_port_in_use_is_a_clear_error(site):
    server = site.start()
    process = subprocess.run(
        [ROOT / "bin" / "serve"],
        env=production_environment(PORT=str(server.port), DATA_DIR=str(site.folder)),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert process.returncode == 1
    assert process.stderr.startswith(f"bin/serve: port {server.port} of 127.0.0.1 cannot be had")
    assert "Traceback" not in process.stderr


def test_an_unknown_server_is_a_clear_error(tmp_path):
    process = subprocess.run(
        [ROOT / "bin" / "serve", "apache"],
        env=production_environment(DATA_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (process.returncode, process.stderr) == (1, "bin/serve: SERVER must be daphne or uvicorn, not 'apache'.\n")


def test_production_requires_a_secret_key(tmp_path):
    environment = {**production_environment(DATA_DIR=str(tmp_path)), "SECRET_KEY": ""}
    process = subprocess.run([ROOT / "bin" / "serve"], env=environment, capture_output=True, text=True, timeout=30)
    assert process.returncode == 1
    assert process.stderr.startswith("bin/serve: SECRET_KEY is not set.")


TEMPLATE_KEY = "django-insecure-k3v9q1x7z5w2m8n4b6c0d"  # as `django-admin startproject` writes them


@pytest.mark.parametrize("key", ["x", "secret", "a" * 80, "change-me-please", "1234567890" * 5, TEMPLATE_KEY])
def test_production_refuses_a_key_that_can_be_guessed(tmp_path, key):
    environment = {**production_environment(DATA_DIR=str(tmp_path)), "SECRET_KEY": key}
    process = subprocess.run([ROOT / "bin" / "serve"], env=environment, capture_output=True, text=True, timeout=30)
    assert process.returncode == 1
    assert process.stderr.startswith("bin/serve: SECRET_KEY can be guessed:")


def test_other_users_of_the_machine_cannot_read_the_data(tmp_path):
    """After an installation, only the operating system user that runs the server may read the data.

    The test checks the permissions of the data folder, of the database in it and of the files that SQLite creates
    beside the database.
    """
    folder = tmp_path / "data"
    environment = production_environment(DATA_DIR=str(folder))
    command = [sys.executable, "manage.py", "migrate", "accounts", "0001", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
    files = [folder, *folder.glob("messenger.sqlite3*")]
    assert len(files) > 1 and [file.name for file in files if file.stat().st_mode & 0o077] == []


def test_nothing_is_written_outside_the_data_folder(site):
    """A server writes files only into its data folder, not into the folder with the source code.

    The test also checks that DATABASE_URL is not set in the environment of the tests.
    """
    before = {entry.name for entry in ROOT.iterdir()}
    site.start()
    assert {entry.name for entry in ROOT.iterdir()} == before
    assert (site.folder / "data" / "messenger.sqlite3").exists()
    assert "DATABASE_URL" not in os.environ
