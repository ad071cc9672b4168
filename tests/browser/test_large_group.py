"""Tests of a group with 1,000 members in a browser.

They cover its page, the side panel, completion of names after `@`, who has read a message, and settings on a phone.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import expect

from accounts.models import User
from chat import actions
from chat.actions.read_markers import MarkerMove, move_markers
from chat.schemas import MineSchema

pytestmark = pytest.mark.browser

SLOW = 3.0  # seconds; far more than needed, since the machine may be busy
SIGNS = "陈李王张刘杨黄赵吴周"


@pytest.fixture
async def large_group(open_pages):
    """Returns `(alice, bob, group id)`: open pages of two users in a group with 998 more members.

    The only message in the group was sent by alice; the 998 other members have read it.
    """
    alice, bob = await open_pages()
    group = int(alice.url.split("/")[2])

    def come() -> None:
        with open_pages.site.orm():
            me = User.objects.get(username="alice").pk
            ids = [
                User.objects.create(username=f"guest{number:03}", name=f"{SIGNS[number % 10]}小{number:03}").pk
                for number in range(998)
            ]
            for at in (0, 500):
                actions.add_members(me, group, ids[at : at + 500])

    def read() -> None:
        with open_pages.site.orm():
            ids = User.objects.filter(username__startswith="guest").values_list("pk", flat=True)
            assert all(
                isinstance(each, MineSchema)
                for each in move_markers([MarkerMove(pk, group, read_seq=99) for pk in ids])
            )

    await asyncio.to_thread(come)
    await alice.open()
    await alice.say("who reads this?")
    await expect(alice.line("who reads this?")).to_have_attribute("data-id", re.compile("^[1-9]"))  # stored
    await asyncio.to_thread(read)
    return alice, bob, group


async def timed(what: str, doing) -> None:
    """Awaits the coroutine `doing` and prints how long it took (`pytest -s` shows this).

    Fails if it took 3 s (SLOW) or more.
    """
    began = time.perf_counter()
    await doing
    took = time.perf_counter() - began
    print(f"{what}: {took * 1000:.0f} ms")
    assert took < SLOW, what


@pytest.mark.long
async def test_a_thousand_members(large_group):
    alice, _bob, _room = large_group
    page = alice.page
    await timed("the page, live", alice.open())
    await page.click(".tools [data-act=panel][data-view=members]")
    await timed("the panel", expect(page.locator("#panel [data-part=member-count]")).to_have_text("1000"))
    assert await page.locator("#panel .member").count() <= 101  # only a page of the members is loaded
    await page.fill(".panel-find input", "zx")  # pinyin initials of 赵小…
    await timed("a member found by initials", expect(page.locator("[data-part=found] .member").first).to_be_visible())
    await page.fill(".panel-find input", "")
    await page.locator("message-composer textarea").press_sequentially("@yangxiao")
    option = page.locator("#complete [role=option]")
    await timed("@ by pinyin, of somebody far down", expect(option.first).to_contain_text("杨小"))
    await page.keyboard.press("Escape")
    await page.fill("message-composer textarea", "")
    tick = alice.line("who reads this?").locator(".tail [data-part=mark], .tail .tick").first
    await timed("how many have read", expect(tick).to_contain_text("998", timeout=10_000))
    message = await alice.line("who reads this?").get_attribute("data-id")
    await timed("who they are", page.goto(f"/m/{message}/details/"))
    seen = page.locator("#seen")
    await expect(seen.locator("h2 .num")).to_have_text("998")
    await expect(seen.locator("li")).to_have_count(50)  # the readers come in pages
    await seen.locator("[data-part=more]").click()
    await expect(seen.locator("li")).to_have_count(100)
    await alice.open()
    # The same in the dialog over the conversation.
    await tick.click()
    dialog = page.locator("dialog.page-dialog")
    await expect(dialog.locator("#seen li")).to_have_count(50)
    await dialog.locator("#seen [data-part=more]").click()
    await expect(dialog.locator("#seen li")).to_have_count(100)
    await expect(dialog.locator("#seen [data-part=more]")).to_be_focused()
    await page.keyboard.press("Escape")
    sizes = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert sizes[0] <= sizes[1]


async def test_settings_of_a_group_on_a_phone(open_pages, browser_for):
    """Changes the role of a member and transfers the ownership of a group by touch.

    No page may scroll sideways on a phone.

    If the environment variable PICTURES names a folder, the pages are also checked in Chinese and screenshots are saved
    there.
    """
    alice, _bob = await open_pages()
    page = await browser_for(open_pages.site, "alice", phone=True, viewport={"width": 360, "height": 640})
    path = f"{alice.url}settings/"
    pictures = os.environ.get("PICTURES")

    async def assert_fits(name: str) -> None:
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, name
        if pictures:
            await page.screenshot(path=Path(pictures) / f"{name}.png", full_page=True)

    await page.goto(path)
    await assert_fits("settings")
    bob = page.locator("#members li", has_text="bob")
    dialog = page.locator("dialog.over")
    await bob.get_by_role("link").evaluate("link => { link.click(); link.click(); }")
    await dialog.get_by_role("button", name="Make admin").wait_for()
    await page.wait_for_timeout(300)
    await expect(dialog).to_have_count(1)
    await assert_fits("card")
    await dialog.get_by_role("button", name="Make admin").tap()
    await expect(bob.locator(".role")).to_have_text("admin")
    await assert_fits("roles")
    await bob.get_by_role("link").tap()
    await dialog.get_by_role("link", name="Transfer ownership…").tap()
    await expect(dialog.locator("h2")).to_contain_text("Transfer ownership to bob?")
    await assert_fits("give")
    await dialog.get_by_role("button", name="Transfer").tap()
    await expect(bob.locator(".role")).to_have_text("owner")
    await expect(page.locator("#h-delete")).to_have_count(0)  # she is not the owner any more
    await page.goto(alice.url)
    await assert_fits("after")
    if pictures:
        page = await browser_for(
            open_pages.site, "bob", phone=True, viewport={"width": 360, "height": 640}, locale="zh-CN"
        )
        for path, name in ((f"{alice.url}settings/", "zh-settings"), (alice.url, "zh-talk"), ("/people/", "zh-people"),
                           (f"{alice.url}pins/", "zh-pins"), (f"{alice.url}?panel=members", "zh-members")):  # fmt: skip
            await page.goto(path)
            await assert_fits(name)
