"""Tests that users can download their data and delete their account in a real browser, with and without JavaScript."""

from __future__ import annotations

import asyncio
import io
import zipfile

import pytest
from playwright.async_api import Page, expect

from chat import actions
from tests.servers import PASSWORD

pytestmark = pytest.mark.browser
DRAFT_COUNT = "Object.keys(localStorage).filter((key) => key.includes('draft')).length"


@pytest.fixture(scope="module")
def site_with_worker(make_shared_site):
    return make_shared_site(WORKER="on")


@pytest.fixture
async def home(borrow_site, site_with_worker):
    """Provides a running site with its background worker, where alice owns a group with bob (`site.group`)."""
    site = await borrow_site(site_with_worker)

    def create_data() -> int:
        alice, bob = site.create_users("alice", "bob")
        with site.orm():
            return actions.create_group(alice.pk, "Boat club", [bob.pk]).id

    site.group = await asyncio.to_thread(create_data)
    return site


async def reauthenticate(page: Page) -> None:
    """Enters the password of the user if the page asks for it again."""
    if "/reauthenticate/" in page.url:
        await page.fill("input[name=password]", PASSWORD)
        await page.press("input[name=password]", "Enter")


@pytest.mark.parametrize(
    "scripts",
    [pytest.param(True, id="with scripts"), pytest.param(False, id="without scripts", marks=pytest.mark.long)],
)
async def test_ones_data_comes_as_one_archive(home, browser_for, scripts):
    page = await browser_for(home, "alice", scripts=scripts)
    await page.goto("/settings/data/")
    await page.get_by_role("button", name="Prepare download").click()
    await reauthenticate(page)
    download = page.get_by_role("link", name="Download")
    if scripts:
        await expect(download).to_be_visible(timeout=20_000)  # scripts update the page
    else:
        async with asyncio.timeout(20):
            while not await download.count():
                await page.get_by_role("link", name="Show progress").click()
    async with page.expect_download() as coming:
        await download.click()
    path = await (await coming.value).path()
    with zipfile.ZipFile(io.BytesIO(await asyncio.to_thread(path.read_bytes))) as archive:
        assert archive.testzip() is None
        assert f"conversations/{home.group} Boat club/messages-1.html" in archive.namelist()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_an_account_is_deleted_and_the_others_go_on(home, browser_for, page_errors, scripts):
    page_errors.allow("status of 422")
    bobs = await browser_for(home, "bob")
    await bobs.goto(f"/c/{home.group}/")
    page = await browser_for(home, "alice", scripts=scripts)
    if scripts:
        await page.goto(f"/c/{home.group}/")
        await page.wait_for_selector("live-socket[data-state=open]", state="attached")
        await page.fill("message-composer textarea", "see you at the pier")
        await page.press("message-composer textarea", "Enter")
        await expect(bobs.locator("message-log").get_by_text("see you at the pier")).to_be_visible()
        await page.fill("message-composer textarea", "a draft")
        await page.wait_for_function(f"{DRAFT_COUNT} === 1")
    await page.goto("/settings/data/")
    await page.get_by_role("link", name="Delete my account").click()
    await reauthenticate(page)
    await expect(page.get_by_text("will be transferred to bob")).to_be_visible()
    await page.fill("input[name=username]", "alison")
    await page.get_by_role("button", name="Delete account permanently").click()
    await expect(page.get_by_text("This isn’t your username.")).to_be_visible()
    await page.fill("input[name=username]", "alice")
    await page.get_by_role("radio", name="Delete them all").check()
    await page.get_by_role("button", name="Delete account permanently").click()
    await expect(page.get_by_role("heading", name="Account deleted")).to_be_visible()
    assert (await page.request.get("/api/v1/me/")).status == 401
    assert await page.evaluate(DRAFT_COUNT) == 0
    # The worker deletes the account, and the open page of bob shows it.
    await expect(bobs.locator("message-log .system", has_text="Deleted account").last).to_be_visible(timeout=20_000)
    await expect(bobs.locator("message-log").get_by_text("see you at the pier")).to_have_count(0)
    await bobs.goto(f"/c/{home.group}/settings/")
    await expect(bobs.get_by_role("link", name="Delete group")).to_be_visible()  # he owns the group now
    await page.goto("/accounts/login/")
    await page.fill("input[name=login]", "alice")
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
