"""Tests of a database that is restored from a backup while clients wait: they read afresh, and nobody goes deaf."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import pytest

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("announced", [True, False], ids=["renew_epoch", "forgotten"])
async def test_clients_read_afresh_after_a_backup_was_restored(make_site, start_traffic, announced):
    site = make_site(proxied=True, LIMITS="off")
    server = await asyncio.to_thread(site.start)
    traffic = await start_traffic(site, "alice", "bob")
    alice, bob = traffic.clients.values()
    database, backup = site.folder / "data" / "messenger.sqlite3", site.folder / "backup.sqlite3"
    for number in range(5):
        await alice.send(traffic.group, f"kept {number}")
    with contextlib.closing(sqlite3.connect(database)) as source, contextlib.closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    for number in range(10):
        await alice.send(traffic.group, f"lost {number}")
    await bob.wait_for(lambda state: state.bodies(traffic.group)[-1:] == ["lost 9"])

    server.stop()
    for file in site.folder.glob("data/messenger.sqlite3*"):
        file.unlink()
    backup.rename(database)
    if announced:
        assert "The epoch is now" in await asyncio.to_thread(site.manage, "renew_epoch")
    await asyncio.to_thread(server.start)

    for client in (alice, bob):  # until both have read afresh: this client asks for no history
        await client.wait_for(lambda state: traffic.group in state.versions and not state.bodies(traffic.group), 20)
    for number in range(20):  # more than were lost: the versions become higher than those that clients knew
        await alice.send(traffic.group, f"new {number}")
    expected = [f"new {number}" for number in range(20)]
    for client in (alice, bob):
        with contextlib.suppress(TimeoutError):
            await client.wait_for(lambda state: state.bodies(traffic.group) == expected, 10)
        assert client.client_state.bodies(traffic.group) == expected
