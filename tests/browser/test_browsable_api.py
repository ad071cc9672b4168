"""Tests that a developer can use the REST API in a browser, on a server whose DEBUG is on."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect


async def test_alice_reads_and_changes_her_profile_in_the_browsable_api(make_site, browser_for):
    """The policy of the pages blocks nothing that they need: `browser_for` fails for errors on the console."""
    site = make_site(LIMITS="off", DEBUG="on")
    await asyncio.to_thread(site.start)
    await asyncio.to_thread(site.create_users, "alice")
    page = await browser_for(site, "alice")
    await page.goto("/api/v1/")
    await page.get_by_role("link", name=f"{site.url}/api/v1/me/", exact=True).click()
    await expect(page.locator(".response-info")).to_contain_text('"username": "alice"')
    await page.wait_for_load_state()  # until the scripts have run, a PATCH is sent as GET
    await page.locator("textarea[name=_content]").fill('{"bio": "Likes tea."}')
    await page.get_by_role("button", name="PATCH").click()
    await expect(page.locator(".response-info")).to_contain_text('"bio": "Likes tea."')
