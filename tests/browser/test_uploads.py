"""Tests of uploads in a real browser: progress, pause, errors, and what happens after a lost connection or a reload."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from chat.models import Upload
from tests.attachments.conftest import MB
from tests.browser.conftest import FIELD
from tests.browser.files import (
    PART_SIZE,
    SEND_BUTTON,
    TRAY_ROW,
    UploadTraffic,
    make_png,
    pdf_file,
    pick_files,
    png_file,
    run_with_orm,
    wait_for_uploads,
)
from tests.proxy import UP

pytestmark = pytest.mark.browser


async def test_progress_pause_going_on_and_a_send_that_waits_for_its_file(open_pages, make_file):
    alice, bob = await open_pages()
    page = alice.page
    traffic = await UploadTraffic(page).start()
    traffic.hold_from = 2 * PART_SIZE
    await pick_files(page, make_file(5 * PART_SIZE))
    await asyncio.wait_for(traffic.held.wait(), 20)
    row = page.locator(TRAY_ROW)
    await expect(row).to_have_attribute("data-state", "going")
    await expect(row.locator(".tray-note")).to_contain_text("%")
    assert 40 <= await row.locator("progress").evaluate("(bar) => bar.value") <= 60
    await row.get_by_role("button", name="Pause big.bin").click()
    await expect(row).to_have_attribute("data-state", "paused")
    traffic.release()
    await page.wait_for_timeout(700)
    assert max(traffic.offsets) <= 2 * PART_SIZE, "a pause sends nothing more"
    await page.fill(FIELD, "when it is there")
    await page.press(FIELD, "Enter")  # the message waits for its file
    await expect(page.locator(TRAY_ROW)).to_have_count(1)
    await row.get_by_role("button", name="Resume big.bin").click()
    await bob.sees("when it is there")
    await expect(bob.line("when it is there").locator(".doc-name")).to_have_text("big.bin")
    await expect(page.locator(TRAY_ROW)).to_have_count(0)
    assert sorted(set(traffic.offsets)) == [number * PART_SIZE for number in range(5)]


async def test_a_cancelled_upload_leaves_nothing_behind(open_pages, make_file):
    alice, _bob = await open_pages()
    traffic = await UploadTraffic(alice.page).start()
    traffic.hold_from = PART_SIZE
    await pick_files(alice.page, make_file(3 * PART_SIZE))
    await asyncio.wait_for(traffic.held.wait(), 20)
    await alice.page.get_by_role("button", name="Remove big.bin").click()
    await expect(alice.page.locator(TRAY_ROW)).to_have_count(0)
    traffic.release()
    for _attempt in range(20):
        if not await run_with_orm(open_pages.site, lambda: Upload.objects.count()):
            break
        await asyncio.sleep(0.2)
    assert await run_with_orm(open_pages.site, lambda: Upload.objects.count()) == 0
    await alice.open()
    await alice.page.wait_for_timeout(500)
    await expect(alice.page.locator(TRAY_ROW)).to_have_count(0)


async def test_what_is_refused_says_why_and_can_be_tried_again(open_pages, page_errors):
    page_errors.allow("403")
    alice, bob = await open_pages()
    refused = {"status": 403, "json": {"code": "forbidden", "detail": "Not now."}}

    async def refuse(route: Route) -> None:
        await (route.fulfill(**refused) if route.request.method == "PATCH" else route.continue_())

    await alice.page.route("**/api/v1/uploads/**", refuse)
    await pick_files(alice.page, pdf_file())
    row = alice.page.locator(TRAY_ROW)
    await expect(row).to_have_attribute("data-state", "failed")
    await expect(row.locator(".tray-note")).to_contain_text("Not now.")
    await alice.page.unroute("**/api/v1/uploads/**")
    await row.get_by_role("button", name="Resume minutes.pdf").click()
    await wait_for_uploads(alice.page, 1)
    await alice.page.click(SEND_BUTTON)
    await expect(bob.page.locator(".doc-name")).to_have_text("minutes.pdf")


@pytest.mark.parametrize("server", ["daphne", pytest.param("uvicorn", marks=pytest.mark.long)])
async def test_cut_at_60_percent_it_goes_on_at_60_percent(open_pages, make_file, page_errors, server):
    page_errors.allow("ERR_|WebSocket|423")  # 423: the server may still be busy with the request that was cut off
    alice, bob = await open_pages(server=server)
    broken: list[str] = []
    alice.page.on("requestfailed", lambda request: broken.append(request.method))
    traffic = await UploadTraffic(alice.page).start()
    traffic.hold_from = 3 * PART_SIZE
    await pick_files(alice.page, make_file(5 * PART_SIZE))
    await asyncio.wait_for(traffic.held.wait(), 20)
    before = len(traffic.offsets)
    proxy = open_pages.site.proxy
    proxy.cut_after(MB, UP)
    proxy.refusing = True  # else the browser would repeat the request by itself
    traffic.release()
    for _attempt in range(100):
        if "PATCH" in broken:
            break
        await asyncio.sleep(0.1)
    assert "PATCH" in broken, "nothing was cut"
    proxy.pass_all()
    await wait_for_uploads(alice.page, 1)
    assert min(traffic.offsets[before:]) == 3 * PART_SIZE
    await alice.page.wait_for_selector("live-socket[data-state=open]", state="attached", timeout=20_000)
    await alice.page.click(SEND_BUTTON)
    await expect(bob.page.locator(".doc-name")).to_have_text("big.bin", timeout=20_000)


async def test_after_a_reload_it_goes_on_by_itself_with_its_description(open_pages, make_file, page_errors):
    page_errors.allow("ERR_")
    alice, bob = await open_pages(WORKER="on")
    traffic = await UploadTraffic(alice.page).start()
    traffic.hold_from = 3 * PART_SIZE
    # A small picture with many bytes appended makes a large upload. The server removes these bytes.
    await pick_files(alice.page, make_file(5 * PART_SIZE, "large.png", before=make_png()))
    await asyncio.wait_for(traffic.held.wait(), 20)
    await alice.page.locator(".tray-alt").fill("a large square")
    await alice.page.keyboard.press("Enter")
    await alice.page.wait_for_timeout(300)
    before = len(traffic.offsets)
    await alice.open()
    traffic.release()
    await wait_for_uploads(alice.page, 1)
    assert min(traffic.offsets[before:]) >= 3 * PART_SIZE
    await expect(alice.page.locator(".tray-alt")).to_have_value("a large square")
    await alice.page.click(SEND_BUTTON)
    await expect(bob.page.locator(".attachment-image [alt='a large square']")).to_have_count(1, timeout=30_000)
    await alice.open()
    await alice.page.wait_for_timeout(500)
    await expect(alice.page.locator(TRAY_ROW)).to_have_count(0)


async def test_a_queued_picture_is_seen_without_a_server_and_the_list_shows_what_is_queued(open_pages, page_errors):
    """A message with a picture is sent while the server cannot be reached. The page shows it as waiting to be sent.

    The picture is shown from the browser's own storage (IndexedDB), so it would still be there after a reload.
    """
    page_errors.allow("ERR_|WebSocket|Failed to load")
    alice, _bob = await open_pages()
    page = alice.page
    await page.fill(FIELD, "look here")
    await pick_files(page, png_file("boat.png"))
    await wait_for_uploads(page, 1)
    await page.wait_for_timeout(1_500)  # the draft is on the server
    await page.route("**/thumbnails/*", lambda route: route.abort())
    open_pages.site.proxy.refusing = True
    open_pages.site.proxy.cut()
    await page.wait_for_selector("live-socket:not([data-state=open])", state="attached")
    await page.click(SEND_BUTTON)
    image = page.locator("message-log .msg.pending .attachment-image img")
    await expect(image).to_have_js_property("naturalWidth", 640)
    row = page.locator(".conversation-row[aria-current]")
    await expect(row.locator(".row-last")).to_have_text(re.compile(r"You:\s*look here"))
    await page.evaluate(  # what a reloaded page does with the stored outbox
        """async () => {
            window.stored = await new Promise((resolve) => {
                const request = indexedDB.open(`messenger.${document.querySelector('live-socket').dataset.userId}`)
                request.onsuccess = () => {
                    const all = request.result.transaction('outbox').objectStore('outbox').getAll()
                    all.onsuccess = () => resolve(all.result)
                }
            })
        }"""
    )
    assert await page.evaluate("stored[0].attachments[0].local instanceof Blob")
    open_pages.site.proxy.pass_all()
    await alice.wait_until_sent()
