"""Tests of adding files to a message in a real browser.

Users pick, paste or drop files, describe them and remove them.
"""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from chat.models import Attachment
from tests.attachments.conftest import MB
from tests.browser.conftest import FIELD
from tests.browser.files import (
    SEND_BUTTON,
    TRAY_ROW,
    paste_or_drop,
    pdf_file,
    pick_files,
    png_file,
    run_with_orm,
    wait_for_uploads,
)

pytestmark = pytest.mark.browser


async def test_a_picture_and_a_document_come_by_picker_paste_and_drop_and_both_see_them(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page
    async with page.expect_file_chooser() as asked:
        await page.click("message-composer [data-act=attach]")
    chooser = await asked.value
    assert chooser.is_multiple()
    await chooser.set_files([png_file("picked.png"), pdf_file("picked.pdf")])
    await wait_for_uploads(page, 2)
    await page.click(SEND_BUTTON)  # without any text
    await expect(page.locator(TRAY_ROW)).to_have_count(0)

    await paste_or_drop(page, "paste", png_file("pasted.png", colour="gold"))
    await wait_for_uploads(page, 1)
    await page.fill(FIELD, "with words")
    await page.press(FIELD, "Enter")

    await paste_or_drop(
        page, "drop", png_file("dropped.png", colour="plum"), png_file("other.png"), pdf_file("dropped.pdf")
    )
    await wait_for_uploads(page, 3)
    await page.fill(FIELD, "several at once")
    await page.press(FIELD, "Enter")
    for conversation_page in (alice, bob):
        await conversation_page.sees("several at once")
        await expect(conversation_page.page.locator("message-log .attachment-image")).to_have_count(4)
        await expect(conversation_page.page.locator("message-log .doc .doc-name")).to_have_text(
            ["picked.pdf", "dropped.pdf"]
        )
        # The worker makes the thumbnails, and they appear later without moving anything.
        await expect(conversation_page.page.locator("message-log .attachment-image img")).to_have_count(
            4, timeout=20_000
        )
        await expect(
            conversation_page.line("several at once").locator(".attachments.several .attachment-image")
        ).to_have_count(2)
        await conversation_page.page.wait_for_function(
            "() => [...document.querySelectorAll('message-log .attachment-image img')].every((each) => each.complete && each.naturalWidth)"
        )
    await alice.assert_reload_changes_nothing()
    await bob.assert_reload_changes_nothing()
    async with bob.page.expect_download() as got:
        await bob.page.locator(".doc", has_text="picked.pdf").tap()
    assert (await got.value).suggested_filename == "picked.pdf"


async def test_words_copied_from_a_text_processor_stay_words(open_pages):
    alice, _bob = await open_pages()
    await alice.page.evaluate(
        """() => {
          const clip = new DataTransfer();
          clip.items.add(new File(["x"], "words.png", {type: "image/png"}));
          clip.setData("text/plain", "words");
          document.querySelector("message-composer textarea")
            .dispatchEvent(new ClipboardEvent("paste", {clipboardData: clip, bubbles: true, cancelable: true}));
        }"""
    )
    await alice.page.wait_for_timeout(200)
    await expect(alice.page.locator(TRAY_ROW)).to_have_count(0)


async def test_a_picture_is_previewed_described_and_can_be_taken_back(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page
    await pick_files(page, png_file("kept.png"), png_file("dropped.png"), pdf_file())
    await wait_for_uploads(page, 3)
    rows = page.locator(TRAY_ROW)
    assert (await rows.nth(0).locator("img").get_attribute("src")).startswith("blob:")
    assert await rows.nth(0).locator("img").evaluate("(image) => image.naturalWidth") == 640
    await expect(rows.nth(2).locator("img, .tray-alt")).to_have_count(0)
    await rows.nth(0).locator(".tray-alt").fill("a teal square")
    await page.keyboard.press("Enter")  # saves the description and does not send the message
    await expect(page.locator(FIELD)).to_be_focused()
    await rows.nth(1).get_by_role("button", name="Remove dropped.png").click()
    await expect(rows).to_have_count(2)
    await page.click(SEND_BUTTON)
    await expect(bob.page.locator("message-log .attachment-image [alt='a teal square']")).to_have_count(
        1, timeout=20_000
    )
    assert await run_with_orm(open_pages.site, lambda: Attachment.objects.filter(message=None).count()) == 0
    assert await run_with_orm(open_pages.site, lambda: Attachment.objects.count()) == 2
    await alice.assert_reload_changes_nothing()
    await expect(page.locator(TRAY_ROW)).to_have_count(0)


async def test_a_message_waits_for_the_description_that_was_just_written(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page

    async def slow(route: Route) -> None:
        if route.request.method == "PUT":
            await asyncio.sleep(1.5)
        await route.continue_()

    await page.route("**/api/v1/uploads/**", slow)
    await pick_files(page, png_file())
    await wait_for_uploads(page, 1)
    await page.locator(f"{TRAY_ROW} .tray-alt").fill("a teal square")
    await page.click(SEND_BUTTON)
    await expect(page.locator(TRAY_ROW)).to_have_count(0)
    await expect(bob.page.locator("message-log .attachment-image [alt='a teal square']")).to_have_count(
        1, timeout=20_000
    )


async def test_what_is_too_large_or_too_many_is_said_before_a_byte_is_sent(open_pages, make_file):
    alice, _bob = await open_pages(FILE_LIMIT_MB="1")
    sent: list[str] = []
    alice.page.on("request", lambda request: sent.append(request.method) if "/uploads/" in request.url else None)
    await pick_files(alice.page, make_file(MB + 1))
    await expect(alice.page.locator(".toast")).to_contain_text("1 MB")
    await expect(alice.page.locator(TRAY_ROW)).to_have_count(0)
    assert not sent
    await pick_files(alice.page, *[pdf_file(f"{number}.pdf") for number in range(11)])
    await expect(alice.page.locator(".toast").last).to_contain_text("10 files")
    await wait_for_uploads(alice.page, 10)


async def test_nothing_scrolls_sideways_on_a_narrow_screen(open_pages):
    alice, _bob = await open_pages(WORKER="on")
    page = alice.page
    await page.set_viewport_size({"width": 360, "height": 640})
    sideways = "document.scrollingElement.scrollWidth > innerWidth || (log => log.scrollWidth > log.clientWidth)(document.querySelector('.log'))"
    long = "quarterly_figures_and_everything_else_that_nobody_ever_reads_final_final_2.pdf"
    await pick_files(
        page, png_file("wide.png", width=3000, height=200), pdf_file(long), png_file("tall.png", width=100, height=2000)
    )
    await wait_for_uploads(page, 3)
    assert not await page.evaluate(sideways)
    await page.click(SEND_BUTTON)
    await pick_files(page, png_file("wide.png", width=3000, height=200))
    await wait_for_uploads(page, 1)
    await page.click(SEND_BUTTON)
    await expect(page.locator("message-log .attachment-image img")).to_have_count(3, timeout=60_000)
    assert not await page.evaluate(sideways)
    for box in [await each.bounding_box() for each in await page.locator(".attachment-image, .doc").all()]:
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360


async def test_without_scripts_files_go_by_the_form(open_pages, browser_for):
    alice, bob = await open_pages()
    plain = await browser_for(open_pages.site, "alice", scripts=False)
    await plain.goto(alice.url)
    await plain.set_input_files("input[name=files]", [png_file(), pdf_file()])
    await plain.fill(FIELD, "by the form")
    await plain.click(SEND_BUTTON)
    await bob.sees("by the form")
    await expect(bob.line("by the form").locator(".attachment-image")).to_have_count(1)
    await expect(plain.locator(".doc-name")).to_have_text("minutes.pdf")
