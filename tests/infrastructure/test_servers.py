"""Server processes as tests run them: the shipped command, killed and started again, on both databases."""

import os
import re
import subprocess
from contextlib import closing

import httpx
import psutil
import pytest

from tests.databases import ROOT, shipped_environment
from tests.servers import PASSWORD, Server


def sign_in(url: str, username: str) -> httpx.Client:
    """A browser's session, through the page."""
    client = httpx.Client(base_url=url, timeout=10)
    page = client.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token, page.text
    answer = client.post(
        "/accounts/login/",
        data={"login": username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]},
        headers={"Referer": url, "Origin": url},
    )
    assert answer.status_code == 302
    return client


def test_the_shipped_server_serves(site, each_server):
    server = site.start(server=each_server)
    site.people("alice")
    with closing(sign_in(server.url, "alice")) as client:
        assert "sessionid" in client.cookies
        assert client.get("/api/v1/me/").json()["username"] == "alice"


def test_killed_and_started_again_on_the_same_port(site, each_server):
    server = site.start(server=each_server)
    port = server.port
    server.kill()
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url)
    server.start()
    assert server.port == port
    assert server.answers()


def test_two_processes_on_postgres_and_redis_behind_one_proxy(make_site):
    site = make_site(database="postgres", redis=True, proxied=True)
    first, second = site.start(), site.start(server="uvicorn")
    (alice,) = site.people("alice")
    with closing(sign_in(site.url, "alice")) as client:
        for _ in range(4):
            assert client.get("/api/v1/me/").json()["id"] == alice.pk
        first.kill()
        assert client.get("/api/v1/me/").json()["id"] == alice.pk
    assert second.running
    with site.orm():
        assert alice.sign_ins.filter(ended_at=None).count() == 1


def test_bin_serve_becomes_the_server(site, each_server, monkeypatch):
    """Elsewhere servers come out of the nursery; here is the script that people run."""
    monkeypatch.setattr(Server, "from_the_nursery", False)
    server = site.start(server=each_server)
    assert psutil.Process(server.process.pid).cmdline()[1:] == ["-m", "messenger.server"]
    assert httpx.get(f"{server.url}/accounts/login/").status_code == 200
    assert f"Messenger is at {server.url}/  ({each_server} on 127.0.0.1:{server.port}" in server.tail()
    server.stop()
    assert not server.running


def test_uvicorn_with_several_processes(make_site, monkeypatch):
    monkeypatch.setattr(Server, "from_the_nursery", False)
    site = make_site(database="postgres", redis=True)
    (alice,) = site.people("alice")
    server = site.start(server="uvicorn", WEB_CONCURRENCY="2")
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert sum("spawn_main" in " ".join(each.cmdline()) for each in family) == 2
    with closing(sign_in(server.url, "alice")) as client:
        assert [client.get("/api/v1/me/").json()["id"] for _ in range(10)] == [alice.pk] * 10
    server.stop()
    assert not [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_a_taken_port_is_said_clearly(site):
    server = site.start()
    taken = subprocess.run(
        [ROOT / "bin" / "serve"],
        env=shipped_environment(PORT=str(server.port), DATA_DIR=str(site.folder)),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert taken.returncode == 1
    assert taken.stderr.startswith(f"bin/serve: port {server.port} of 127.0.0.1 cannot be had")
    assert "Traceback" not in taken.stderr


def test_an_unknown_server_is_said_clearly(tmp_path):
    wrong = subprocess.run(
        [ROOT / "bin" / "serve", "apache"],
        env=shipped_environment(PORT="0", DATA_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (wrong.returncode, wrong.stderr) == (1, "bin/serve: SERVER is daphne or uvicorn, not 'apache'.\n")


def test_production_wants_its_key(tmp_path):
    environment = {**shipped_environment(DATA_DIR=str(tmp_path)), "SECRET_KEY": ""}
    wrong = subprocess.run([ROOT / "bin" / "serve"], env=environment, capture_output=True, text=True, timeout=30)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("bin/serve: SECRET_KEY is not set.")


def test_nothing_is_written_outside_the_data_folder(site):
    """The tests' own environment, and what the site writes."""
    before = {entry.name for entry in ROOT.iterdir()}
    site.start()
    assert {entry.name for entry in ROOT.iterdir()} == before
    assert (site.folder / "data" / "messenger.sqlite3").exists()
    assert "DATABASE_URL" not in os.environ
