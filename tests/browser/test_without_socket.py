"""Tests of pages behind a proxy that blocks WebSockets.

The pages then ask the server for changes by repeated HTTP requests, and a banner tells users that changes arrive later.
"""

from __future__ import annotations

import asyncio

import httpx
import pytest
from playwright.async_api import expect

from tests.servers import PASSWORD

pytestmark = pytest.mark.browser


async def test_where_no_socket_opens_they_talk_by_asking(open_pages, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|net::ERR")
    alice, bob = await open_pages()
    open_pages.site.proxy.no_upgrades = True
    await asyncio.to_thread(open_pages.site.proxy.cut)
    banner = alice.page.locator("connection-banner .banner[data-state=polling]")
    await expect(banner).to_be_visible(timeout=60_000)
    await expect(bob.page.locator("connection-banner .banner[data-state=polling]")).to_be_visible(timeout=60_000)

    await alice.say("over HTTP")
    await alice.wait_until_sent()
    await bob.page.locator("message-log li.msg .msg-text", has_text="over HTTP").wait_for(timeout=20_000)
    await bob.say("so do I")
    await alice.page.locator("message-log li.msg .msg-text", has_text="so do I").wait_for(timeout=20_000)
    # commands that usually use the socket work too, such as an edit
    await alice.page.press("message-composer textarea", "ArrowUp")
    await alice.page.fill("message-composer textarea", "over plain HTTP")
    await alice.page.press("message-composer textarea", "Enter")
    await bob.page.locator("message-log li.msg .msg-text", has_text="over plain HTTP").wait_for(timeout=20_000)
    assert (await alice.texts()) == (await bob.texts())

    # a page that is loaded without a socket works too
    await alice.page.reload()
    await alice.page.wait_for_selector("live-socket[data-state=polling]", state="attached", timeout=60_000)
    await bob.say("still here")
    await alice.page.locator("message-log li.msg .msg-text", has_text="still here").wait_for(timeout=20_000)

    # when sockets are let through again, the page uses one
    open_pages.site.proxy.pass_all()
    await alice.page.wait_for_selector("live-socket[data-state=open]", state="attached", timeout=60_000)
    await expect(banner).to_be_hidden()
    await bob.say("live again")
    await alice.sees("live again")
    assert (await alice.texts()).count("over plain HTTP") == 1


async def test_a_sign_in_that_ends_is_noticed_where_no_socket_opens(open_pages, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|net::ERR")
    alice, bob = await open_pages()
    open_pages.site.proxy.no_upgrades = True
    await asyncio.to_thread(open_pages.site.proxy.cut)
    for person in (alice, bob):
        await person.page.wait_for_selector("live-socket[data-state=polling]", state="attached", timeout=60_000)

    def sign_out_everywhere_else() -> None:
        device = httpx.Client(base_url=open_pages.site.url)
        token = device.post("/api/v1/auth/token/", json={"login": "alice", "password": PASSWORD}).json()["access"]
        ended = device.delete("/api/v1/sessions/", headers={"Authorization": f"Bearer {token}"})
        assert ended.status_code == 204

    await asyncio.to_thread(sign_out_everywhere_else)
    await alice.page.wait_for_url("**/accounts/login/**", timeout=15_000)
