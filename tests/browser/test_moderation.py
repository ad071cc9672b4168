"""Tests of moderation in real browsers.

The navigation of the site links to unresolved reports, and the lists of the admin are not wider than the window.
"""

from __future__ import annotations

import asyncio
import re

import pytest
from django.contrib.auth.models import Group
from playwright.async_api import expect

from accounts.auth import moderator_group
from accounts.models import User
from chat import actions
from chat.models import Message
from tests.admin.conftest import send_message

pytestmark = pytest.mark.browser


@pytest.fixture
async def moderated_site(get_shared_site):
    """Provides a running site where bob has reported a long message of alice, and bob is a moderator."""
    site = await get_shared_site()
    alice, bob = site.create_users("alice", "bob")

    def prepare() -> None:
        with site.orm():
            group = actions.create_group(alice.pk, "A walk to the lighthouse and back along the shore", [bob.pk])
            User.objects.filter(pk=bob.pk).update(is_staff=True, email="bob.with.a.long.address@mail.example.org")
            bob.groups.add(Group.objects.get(name=moderator_group.GROUP_NAME))
            message_id = send_message(alice, group.id, "Words that somebody finds rude. " * 8)
            actions.report_message(bob.pk, message_id, "A reason that explains at length what is wrong with it. " * 4)

    await asyncio.to_thread(prepare)
    return site


async def test_a_moderator_comes_from_the_app_to_the_open_reports_and_suspends_only_after_a_question(
    moderated_site, browser_for
):
    page = await browser_for(moderated_site, "bob")
    await page.goto("/")
    link = page.locator(".rail a", has_text="Moderation")
    await expect(link.locator(".badge")).to_contain_text("1")
    await link.click()
    await expect(page).to_have_url(re.compile(r"/admin/chat/reportcase/$"))
    await page.click("#result_list th a >> nth=0")
    await page.click("button[value=suspend_and_settle]")
    await expect(page.locator(".confirm")).to_contain_text("signed out everywhere at once")
    await page.click("text=Cancel")
    await expect(page.locator("button[value=suspend_and_settle]")).to_be_visible()
    await page.click("button[value=hide_and_settle]")
    await page.click(".confirm button")
    await expect(page.locator(".messagelist")).to_contain_text("1 report resolved.")
    await page.goto("/")
    await expect(link).to_be_visible()
    await expect(link.locator(".badge")).to_have_count(0)

    def hidden() -> list[bool]:
        with moderated_site.orm():
            return [row.deleted_at is not None for row in Message.objects.filter(kind="text")]

    assert await asyncio.to_thread(hidden) == [True]


async def test_the_columns_of_all_lists_fit_into_a_window_of_1400_px(moderated_site, browser_for):
    page = await browser_for(moderated_site, "bob", viewport={"width": 1400, "height": 900})
    for path in (
        "chat/reportcase",
        "chat/message",
        "chat/conversation",
        "chat/invite",
        "accounts/user",
        "accounts/notice",
    ):
        await page.goto(f"/admin/{path}/?state=all" if path == "chat/reportcase" else f"/admin/{path}/")
        overflow = await page.evaluate(
            "[...document.querySelectorAll('.results, html')].map((e) => e.scrollWidth - e.clientWidth)"
        )
        assert max(overflow) <= 0, f"{path}: the table is {max(overflow)} px too wide"
