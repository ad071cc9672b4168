"""Tests of pictures in the message log and in the picture viewer."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import FIELD
from tests.browser.files import SEND_BUTTON, TRAY_ROW, pdf_file, pick_files, png_file, wait_for_uploads

pytestmark = pytest.mark.browser


async def test_pictures_are_looked_at_one_by_one_by_keys_swipe_and_wheel(open_pages):
    alice, bob = await open_pages(WORKER="on")
    for name, colour in (("one.png", "teal"), ("two.png", "gold"), ("three.png", "plum")):
        await pick_files(alice.page, png_file(name, colour=colour))
        await wait_for_uploads(alice.page, 1)
        if name == "two.png":
            await alice.page.locator(".tray-alt").fill("a golden field")
        await alice.page.fill(FIELD, f"here is {name}")
        await alice.page.press(FIELD, "Enter")
        await expect(alice.page.locator(TRAY_ROW)).to_have_count(0)
    shots = alice.page.locator("message-log .attachment-image")
    await expect(alice.page.locator("message-log .attachment-image img")).to_have_count(3, timeout=30_000)
    viewer = alice.page.locator("dialog.viewer")
    await shots.nth(1).click()
    await expect(viewer).to_be_visible()
    await expect(viewer.locator(".viewer-count")).to_have_text("2 / 3")
    await expect(viewer.locator(".viewer-alt")).to_have_text("a golden field")
    await expect(viewer.locator(".viewer-who b")).to_have_text("You")
    await expect(viewer.locator(".viewer-stage img")).to_have_attribute("alt", "a golden field")
    await expect(viewer.locator("[data-act=download]")).to_have_attribute("href", re.compile(r"two\.png\?download$"))
    await alice.page.keyboard.press("ArrowRight")
    await expect(viewer.locator(".viewer-count")).to_have_text("3 / 3")
    await expect(viewer.locator("[data-act=next]")).to_be_disabled()
    await alice.page.keyboard.press("Home")
    await expect(viewer.locator(".viewer-count")).to_have_text("1 / 3")

    image = viewer.locator(".viewer-stage img")
    await image.hover()
    await alice.page.mouse.wheel(0, -500)
    await expect(viewer).to_have_class(re.compile("zoomed"))
    await alice.page.keyboard.press("0")
    await expect(viewer).not_to_have_class(re.compile("zoomed"))
    await alice.page.keyboard.press("Escape")
    await expect(viewer).to_have_count(0)
    await expect(shots.nth(1)).to_be_focused()

    await shots.nth(2).click()
    await viewer.locator("[data-act=jump]").click()
    await expect(viewer).to_have_count(0)
    await expect(alice.line("here is three.png")).to_be_focused()

    # The same by touch. A picture that is deleted while the viewer is open disappears from it.
    await expect(bob.page.locator("message-log .attachment-image img")).to_have_count(3, timeout=20_000)
    await bob.page.locator("message-log .attachment-image").nth(2).tap()
    theirs = bob.page.locator("dialog.viewer")
    await expect(theirs.locator(".viewer-count")).to_have_text("3 / 3")
    await expect(theirs.locator(".viewer-who b")).to_have_text("alice")
    await swipe(bob.page, 80, 300)
    await expect(theirs.locator(".viewer-count")).to_have_text("2 / 3")
    assert not await bob.page.evaluate("document.scrollingElement.scrollWidth > innerWidth")
    await alice.line("here is two.png").focus()
    await alice.page.keyboard.press("Delete")
    await alice.page.locator("#delete-dialog [value=yes]").click()
    await expect(theirs.locator(".viewer-count")).to_have_text("1 / 2")
    await theirs.locator("[data-act=close]").tap()
    await expect(theirs).to_have_count(0)


async def swipe(page: Page, start: int, end: int) -> None:
    """Moves a finger sideways over the page, slowly and with a stop before the end.

    After a fast movement the browser would still scroll, and the next tap would only stop this scrolling.
    """
    touch = await page.context.new_cdp_session(page)
    steps = [start + (end - start) * step // 8 for step in range(1, 9)]
    for kind, x in (("touchStart", start), *(("touchMove", x) for x in (*steps, end, end)), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": 400}]
        await touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        await page.wait_for_timeout(60)


@pytest.mark.long
async def test_an_odd_number_of_pictures_leaves_no_hole_and_long_ones_say_so(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page
    names = [png_file(f"{number}.png") for number in range(5)]
    long = [png_file("high.png", width=300, height=2_400), png_file("wide.png", width=3_000, height=200)]
    for files in (
        names,
        [names[0], pdf_file(), names[1], names[2]],
        long[:1],
        long[1:],
        [long[0], names[0]],
        names[:1],
    ):
        await pick_files(page, *files)
        await wait_for_uploads(page, len(files))
        await page.click(SEND_BUTTON)
        await expect(page.locator(TRAY_ROW)).to_have_count(0)
    for shown in (alice, bob):
        messages = shown.page.locator("message-log .msg[data-seq]:has(.attachments)")
        await expect(messages).to_have_count(6)
        await expect(shown.page.locator("message-log .attachment-image img")).to_have_count(13, timeout=30_000)
        await expect(shown.page.locator("message-log .long-sign")).to_have_count(3)
        for number in range(2):  # the pictures of one message cover a rectangle, and documents are below
            boxes = (
                await messages.nth(number)
                .locator(".attachment-image")
                .evaluate_all(
                    "all => all.map((each) => each.getBoundingClientRect()).map(({x, y, width, height}) => [x, y, width, height])"
                )
            )
            left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
            right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
            covered = sum((box[2] + 4) * (box[3] + 4) for box in boxes)
            assert covered == pytest.approx((right - left + 4) * (bottom - top + 4), rel=0.02), boxes
        high = await messages.nth(2).locator("img").bounding_box()
        assert high and high["height"] == 320 and high["width"] == 180
    # The mark of a picture is on it, not alone in a line below.
    last = page.locator("message-log .msg.last:has(.attachments)").last
    mark, drawn = last.locator(".tail"), last.locator(".attachment-image")
    await expect(mark).to_be_visible()
    tail, box = await mark.bounding_box(), await drawn.bounding_box()
    assert tail and box
    assert tail["y"] + tail["height"] <= box["y"] + box["height"] and tail["y"] > box["y"]
    await expect(page.locator("dialog.viewer")).to_have_count(0)
    await mark.click(position={"x": 2, "y": 2})
    await page.wait_for_timeout(1_000)  # what the mark opens must be there before Escape closes it
    # In the viewer the app does not show through, and a long picture begins at its top in its own width.
    await page.keyboard.press("Escape")
    await page.locator("message-log .long-picture").first.click()
    viewer = page.locator("dialog.viewer")
    await expect(viewer).to_have_class(re.compile("zoomed"))
    assert re.fullmatch(r"rgb\(.*\)", await viewer.evaluate("each => getComputedStyle(each).backgroundColor"))
    stage = await viewer.locator(".viewer-stage").bounding_box()
    image = await viewer.locator(".viewer-stage img").bounding_box()
    assert stage and image
    assert image["y"] == pytest.approx(stage["y"], abs=2) and image["width"] == pytest.approx(300, abs=2)
