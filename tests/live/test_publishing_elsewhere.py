"""Tests that a change made outside of the server process reaches open sockets, as docs/development.md says."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from tests.client import Client
from tests.databases import ROOT


@pytest.mark.parametrize("redis", [False, True], ids=["without Redis", "with Redis"])
async def test_an_action_in_a_management_command_reaches_open_sockets(make_site, redis):
    """The command is the one of the page. Without Redis, reconciliation finds the change; with Redis, nothing is left
    for it to find, so it is off here.
    """
    page = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
    code = re.search(r"manage\.py shell -c '(import uuid; from chat import actions; .*)'", page)[1]
    site = make_site(redis=redis, SWEEP_SECONDS="3600" if redis else "0.5")
    (alice,) = site.create_users("alice")
    site.start()
    token = site.create_token("alice")
    async with httpx.AsyncClient(base_url=site.url, headers={"Authorization": f"Bearer {token}"}) as http:
        group = (await http.post("/api/v1/conversations/", json={"kind": "group", "title": "Room"})).json()
    assert (alice.pk, group["id"]) == (1, 1)  # the ids in the command
    async with Client(site.ws_url, token) as client:
        await asyncio.to_thread(site.manage, "shell", "-c", code)
        await client.wait_for(lambda state: state.bodies(1) == ["Hello"])
