"""Tests of what a server checks at its start, and of static files during a rolling upgrade."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sqlite3
import subprocess
import time

import httpx
import psutil
import pytest

from tests.client import Client
from tests.databases import ROOT, collected_static, copy_sqlite_template, production_environment, run_manage
from tests.processes import free_port


def start_and_wait(data_dir) -> subprocess.CompletedProcess:
    environment = production_environment(DATA_DIR=str(data_dir), PORT=str(free_port()))
    return subprocess.run(
        [ROOT / "bin" / "serve"], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_a_server_refuses_to_start_without_migrations_and_static_files_and_says_the_commands(tmp_path):
    ended = start_and_wait(tmp_path)
    assert ended.returncode == 1
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 2, ended.stderr
    assert "migrations" in lines[0] and lines[0].endswith("Run: manage.py migrate")
    assert "static files" in lines[1] and lines[1].endswith("Run: manage.py collectstatic --no-input")
    assert "Messenger is at" not in ended.stdout


def test_a_worker_refuses_to_start_without_migrations(tmp_path):
    with pytest.raises(RuntimeError, match=r"migrations .*Run: manage.py migrate"):
        run_manage("worker", "--once", DATA_DIR=str(tmp_path))


def test_a_server_refuses_to_start_if_one_migration_is_missing(tmp_path):
    copy_sqlite_template(tmp_path)
    (tmp_path / "static").symlink_to(collected_static())
    with sqlite3.connect(tmp_path / "messenger.sqlite3") as database:
        (name,) = database.execute("SELECT max(name) FROM django_migrations WHERE app = 'chat'").fetchone()
        database.execute("DELETE FROM django_migrations WHERE app = 'chat' AND name = ?", [name])
    ended = start_and_wait(tmp_path)
    assert ended.returncode == 1
    assert f"1 migration is missing in the database (chat.{name})" in ended.stderr


def test_a_server_refuses_to_start_with_the_static_files_of_another_version(tmp_path):
    copy_sqlite_template(tmp_path)
    shutil.copytree(collected_static(), tmp_path / "static")
    manifest = tmp_path / "static" / "staticfiles.json"
    collected = json.loads(manifest.read_text())
    collected["paths"].pop("js/app.js")
    manifest.write_text(json.dumps(collected))
    ended = start_and_wait(tmp_path)
    assert ended.returncode == 1 and "another version" in ended.stderr


def test_a_process_of_the_old_version_serves_the_new_files_and_one_of_the_new_version_the_old_files(site):
    shared = site.folder / "data" / "static"
    shared.unlink()  # a link to files that other tests use
    shutil.copytree(collected_static(), shared)
    manifest = json.loads((shared / "staticfiles.json").read_text())["paths"]
    old = site.start()
    new_name = manifest["js/app.js"].replace(".js", "x.js")[:-16] + "0123456789ab.js"
    (shared / new_name).write_text("new()\n")
    assert httpx.get(f"{old.url}/static/{new_name}").text == "new()\n"
    assert httpx.get(f"{old.url}/static/js/app.ffffffffffff.js").status_code == 404
    new = site.start()
    for name in (manifest["js/app.js"], new_name):
        assert httpx.get(f"{new.url}/static/{name}").status_code == 200


def test_collectstatic_keeps_the_files_of_one_release_before(tmp_path, settings):
    from django.core.management import call_command

    source, target = tmp_path / "source", tmp_path / "static"
    source.mkdir()
    settings.DEBUG = False
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [ROOT / "static", source], target
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "messenger.assets.storage.BundlingStaticFilesStorage"},
    }

    def collect(text: str) -> str:
        (source / "notes.txt").write_text(text)
        settings.INSTALLED_APPS = ["django.contrib.staticfiles"]  # the files of other apps take long
        call_command("collectstatic", interactive=False, verbosity=0)
        return json.loads((target / "staticfiles.json").read_text())["paths"]["notes.txt"]

    first, second = collect("one"), collect("two")
    assert collect("two") == second  # repeated: still the same release
    assert (target / first).exists() and (target / second).exists()
    third = collect("three")
    assert [(target / name).exists() for name in (first, second, third)] == [False, True, True]


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
async def test_people_go_on_while_newcomers_use_up_the_descriptors(make_site, server):
    site = make_site()
    process = (await asyncio.to_thread(site.start, server)).process
    users = await asyncio.to_thread(site.create_users, "alice", "bob")
    token = site.create_token("alice")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=30) as http:
        payload = {"kind": "group", "title": "Room", "user_ids": [users[1].pk]}
        group = (await http.post("/api/v1/conversations/", json=payload)).json()["id"]
        async with Client(site.ws_url, token) as alice:
            await alice.send(group, "before")
            limit = psutil.Process(process.pid).num_fds() + 240
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, limit))
            bob_token = site.create_token("bob")
            newcomers = [Client(site.ws_url, bob_token, reconnect_delay=60) for _ in range(250)]
            tasks = []
            for newcomer in newcomers:  # not all at once: connections that are not accepted yet need descriptors, too
                tasks.append(asyncio.create_task(newcomer._run()))
                await asyncio.sleep(0.01)
            started = time.monotonic()
            for number in range(30):
                await alice.send(group, f"meanwhile {number}", within=5)
                await asyncio.sleep(0.1)
            assert alice.connects == 1
            assert time.monotonic() - started < 20
            refused = [newcomer for newcomer in newcomers if newcomer.closed_with[-1:] == [1013]]
            connected = [newcomer for newcomer in newcomers if newcomer._open.is_set()]
            assert len(refused) > 20 and len(connected) > 20
            assert (await http.get("/api/v1/me/")).status_code == 200
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def test_limits_are_environment_variables(tmp_path):
    code = "from django.conf import settings as s; print(s.RATES['send'], s.CONNECTIONS_PER_ADDRESS)"
    limits = {"RATES": "send=20/4.5, search=40/4", "CONNECTIONS_PER_ADDRESS": "7", "DATA_DIR": str(tmp_path)}
    assert run_manage("shell", "-v", "0", "-c", code, **limits).strip() == "(20, 4.5) 7"
    for wrong in ("send=20", "nothing=1/1"):
        with pytest.raises(RuntimeError, match="RATES contains"):
            run_manage("check", RATES=wrong, DATA_DIR=str(tmp_path))
