"""Tests of restarts behind a real nginx with the shipped configuration: nobody waits longer than promised."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time

import httpx
import pytest

from tests.conftest import require_nginx
from tests.databases import collected_static
from tests.processes import free_port

pytestmark = pytest.mark.faults
USERNAMES = ("alice", "bob", "carol", "dave")
# Longest pauses of the page (backoffSeconds in connection.js): after a socket was closed, and while nothing answers.
FIRST_PAUSE, LONGEST_PAUSE = 1.2, 3.6


@pytest.fixture
def make_nginx_site(make_site, tmp_path):
    """Provides a function that starts two server processes behind nginx, and returns the site and both processes."""
    started = []

    async def make(server: str, **environment: str):
        ports = free_port(), free_port()
        nginx = require_nginx(tmp_path, ports, tmp_path / "site0" / "data")
        site = make_site("postgres", redis=True, SITE_URL=nginx.url, TRUSTED_PROXIES="127.0.0.1", **environment)
        first = await asyncio.to_thread(site.start, server, ports[0])
        second = await asyncio.to_thread(site.start, server, ports[1])
        nginx.start()
        started.append(nginx)
        site.front_url = nginx.url
        return site, first, second

    yield make
    for nginx in started:
        nginx.kill()
        print(nginx.tail())


@pytest.mark.long
async def test_a_rolling_restart_delays_no_send_for_more_than_three_seconds(
    make_nginx_site, each_server, start_traffic
):
    site, first, second = await make_nginx_site(each_server)
    traffic = await start_traffic(site, *USERNAMES)
    for client in traffic.clients.values():
        client.reconnect_delay = FIRST_PAUSE
    traffic.start(pause=0.05)
    for server in (first, second, first, second):
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.restart)  # returns when the process answers
    await asyncio.sleep(2)
    await traffic.stop()
    await traffic.assert_consistent()
    assert max(traffic.ack_seconds) < 3
    refused = [pending for client in traffic.clients.values() for pending in client._pending.values()]
    assert not [pending for pending in refused if "refused" in pending]


@pytest.mark.long
async def test_everybody_is_whole_within_five_seconds_after_both_processes_are_back(make_nginx_site, start_traffic):
    site, first, second = await make_nginx_site("daphne")
    traffic = await start_traffic(site, *USERNAMES)
    for client in traffic.clients.values():
        client.reconnect_delay = LONGEST_PAUSE
    traffic.start(pause=0.05)
    await asyncio.sleep(1)
    connects = {name: client.connects for name, client in traffic.clients.items()}
    first.kill()
    second.kill()
    await asyncio.sleep(4)
    await asyncio.gather(asyncio.to_thread(first.start), asyncio.to_thread(second.start))
    back, count = time.monotonic(), len(traffic.ack_seconds)
    async with asyncio.timeout(5):
        while any(client.connects == connects[name] for name, client in traffic.clients.items()):
            await asyncio.sleep(0.02)
        while len(traffic.ack_seconds) < count + len(USERNAMES):
            await asyncio.sleep(0.02)
    print(f"whole after {time.monotonic() - back:.1f} s")
    await traffic.stop()
    await traffic.assert_consistent(within=5)


@pytest.mark.long
async def test_pages_find_all_their_files_during_a_rolling_upgrade(make_nginx_site):
    """Old and new processes answer in turn, and both serve the files of both versions, with nginx and without."""
    site, first, second = await make_nginx_site("daphne")
    shared = site.folder / "data" / "static"
    shared.unlink()  # a link to files that other tests use
    await asyncio.to_thread(shutil.copytree, collected_static(), shared)
    visited: set[str] = set()
    failed: list[str] = []
    stop = asyncio.Event()

    async def visit() -> None:
        async with httpx.AsyncClient(base_url=site.url, timeout=20) as http:
            while not stop.is_set():
                page = await http.get("/accounts/login/")
                urls = [
                    url for url in re.findall(r'"(/static/[^"]+)"', page.text) if re.search(r"\.[0-9a-f]{12}\.", url)
                ]
                if page.status_code != 200 or not urls:
                    failed.append(f"the page: {page.status_code}")
                for url in {*urls} - visited:
                    visited.add(url)
                    if (status := (await http.get(url)).status_code) != 200:
                        failed.append(f"{url}: {status}")
                await asyncio.sleep(0.1)

    visitor = asyncio.create_task(visit())
    await asyncio.sleep(1)
    before = set(visited)
    new_urls = release_new_version(shared)
    for server in (first, second):
        for running in (first, second):  # each process has all files of both versions, whichever it runs itself
            for url in sorted(before)[:5] + new_urls:
                status = (await asyncio.to_thread(httpx.get, running.url + url)).status_code
                assert status == 200, url
        await asyncio.to_thread(server.restart)
        await asyncio.sleep(1)
    stop.set()
    await visitor
    assert failed == []
    assert [url for url in visited if ".0123456789ab." in url], "pages of the new version were seen"


def release_new_version(folder) -> list[str]:
    """Gives each file of the folder that pages load a new hash, as `collectstatic` of the next release would."""
    manifest = json.loads((folder / "staticfiles.json").read_text())
    urls = []
    for name, hashed in manifest["paths"].items():
        if name.startswith(("css/", "js/")) and name.endswith((".css", ".js")):
            renamed = re.sub(r"\.[0-9a-f]{12}\.", ".0123456789ab.", hashed)
            shutil.copyfile(folder / hashed, folder / renamed)
            manifest["paths"][name] = renamed
            urls.append(f"/static/{renamed}")
    (folder / "staticfiles.json").write_text(json.dumps(manifest))
    return urls[:20]
