"""Tests that times are in the time zone of the browser if the user has chosen none in the profile.

This holds for the first page, for live updates and after a reload.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from chat import actions

pytestmark = pytest.mark.browser

ZONES = ("Asia/Shanghai", "America/New_York")


@pytest.fixture
async def group_url(site):
    """Starts the site and returns the address of a group of alice and bob."""

    def create() -> str:
        site.start()
        alice, bob = site.create_users("alice", "bob")
        with site.orm():
            return f"/c/{actions.create_group(alice.pk, 'Room', [bob.pk]).id}/"

    return await asyncio.to_thread(create)


@pytest.mark.parametrize("zone", ZONES)
async def test_times_are_local_on_the_first_page_live_and_after_a_reload(site, group_url, browser_for, zone):
    page = await browser_for(site, "alice", timezone_id=zone)
    await page.goto(group_url)
    await page.wait_for_selector(f"html[data-time-zone='{zone}']", state="attached")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await page.fill("message-composer textarea", "what time is it")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("message-log li.msg:not(.pending)")
    for _ in ("live", "reloaded"):
        clock = page.locator("message-log li.msg time").last
        moment = datetime.fromisoformat(await clock.get_attribute("datetime") or "").astimezone(ZoneInfo(zone))
        assert (await clock.text_content() or "").strip() == moment.strftime("%H:%M")
        await page.reload()


async def test_a_zone_in_the_profile_wins_over_the_browser(site, group_url, browser_for):
    def choose() -> None:
        with site.orm():
            User.objects.filter(username="alice").update(time_zone="Europe/Berlin")

    await asyncio.to_thread(choose)
    page = await browser_for(site, "alice", timezone_id="Asia/Shanghai")
    await page.goto(group_url)
    await page.reload()
    await page.wait_for_selector("html[data-time-zone='Europe/Berlin']", state="attached")
