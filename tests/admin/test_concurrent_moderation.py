"""Tests that users with an open WebSocket receive at once what a moderator does on the admin pages.

The tests use a real server.
"""

from __future__ import annotations

import asyncio
import re

import httpx

from accounts.auth import moderator_group
from tests.client import Client
from tests.servers import PASSWORD


def _create_report(site) -> tuple[int, int]:
    """Creates the moderator molly, a group of alice and bob, and a message of alice that bob has reported.

    Returns the ids of the group and of the report.
    """
    from django.contrib.auth.models import Group

    from chat import actions
    from chat.models import ReportCase
    from tests.admin.conftest import send_message

    alice, bob, molly = site.create_users("alice", "bob", "molly")
    with site.orm():
        molly.is_staff = True
        molly.save()
        molly.groups.add(Group.objects.get(name=moderator_group.GROUP_NAME))
        group = actions.create_group(alice.pk, "Room", [bob.pk]).id
        actions.report_message(bob.pk, send_message(alice, group, "something rude"), "rude")
        return group, ReportCase.objects.get().pk


async def _signed_in(url: str, username: str) -> httpx.AsyncClient:
    browser = httpx.AsyncClient(base_url=url, follow_redirects=True, timeout=20)
    await browser.get("/accounts/login/")
    form = {"login": username, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    response = await browser.post("/accounts/login/", data=form)
    assert response.status_code == 200 and "/login/" not in str(response.url)
    return browser


async def _press(browser: httpx.AsyncClient, path: str, act: str) -> None:
    page = await browser.get(f"/admin/{path}/change/")
    assert f'value="{act}"' in page.text
    response = await browser.post(
        f"/admin/{path}/act/",
        data={"act": act, "confirmed": "yes", "csrfmiddlewaretoken": browser.cookies["csrftoken"]},
    )
    assert response.status_code == 200, response.text[:500]


async def test_open_sockets_receive_hide_restore_and_suspend(make_site):
    site = make_site(SWEEP_SECONDS="600")  # only published events arrive earlier than after ten minutes
    await asyncio.to_thread(site.start)
    group, report = await asyncio.to_thread(_create_report, site)
    alice_token, bob_token = [site.create_token(name) for name in ("alice", "bob")]
    admin_session = await _signed_in(site.url, "molly")

    async with Client(site.ws_url, alice_token) as alice, Client(site.ws_url, bob_token) as bob:
        sent = await alice.send(group, "and another")
        await bob.wait_for(lambda client_state: "and another" in client_state.bodies(group))

        await _press(admin_session, f"chat/message/{sent['id']}", "hide")
        for reader in (alice, bob):
            await reader.wait_for(lambda client_state: "and another" not in client_state.bodies(group), within=20)

        await _press(admin_session, f"chat/message/{sent['id']}", "restore")
        for reader in (alice, bob):
            await reader.wait_for(lambda client_state: "and another" in client_state.bodies(group), within=20)

        await _press(admin_session, f"chat/reportcase/{report}", "suspend_and_settle")
        async with asyncio.timeout(20):
            while 4403 not in alice.closed_with:
                await asyncio.sleep(0.01)
        assert bob.closed_with == []

    queue = await admin_session.get("/admin/chat/reportcase/?state=open")
    assert re.search(r"0 reports|0 \S+", queue.text) and "something rude" not in queue.text
    await admin_session.aclose()
