"""Tests of files in a conversation, from choosing a file in the composer to viewing it as a reader.

Users pick, paste or drop files, describe them and remove them. If the connection is lost, the files are sent later.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re

import pytest
from PIL import Image
from playwright.async_api import Page, Route, expect

from chat.models import Attachment, Upload
from tests.attachments.conftest import MB, make_bytes
from tests.browser.conftest import FIELD
from tests.proxy import UP

pytestmark = pytest.mark.browser

PART = 4 * MB  # the size of the parts that static/js/composer/files/file-upload.js sends
ROW = "file-tray .tray-row"
SEND = "message-composer .send"


def picture(width: int = 640, height: int = 480, colour: str = "teal") -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(drawn, "PNG")
    return drawn.getvalue()


def png(name: str = "a.png", **look) -> dict:
    return {"name": name, "mimeType": "image/png", "buffer": picture(**look)}


def pdf(name: str = "minutes.pdf") -> dict:
    return {"name": name, "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n" + make_bytes(3000)}


async def pick(page: Page, *files: dict | str) -> None:
    await page.set_input_files("file-tray input[type=file]", list(files))


@pytest.fixture
def make_file(tmp_path):
    """Returns a function that writes a test file of a given size in bytes and returns its path.

    Example: `make_file(5 * PART)` writes a file `big.bin` that is uploaded in five parts.
    """

    def make(size: int, name: str = "big.bin", before: bytes = b"") -> str:
        path = tmp_path / name
        path.write_bytes(before + make_bytes(size))
        return str(path)

    return make


async def bring(page: Page, way: str, *files: dict) -> None:
    """Simulates a paste or a drop of files by dispatching the event, because a headless browser has no clipboard."""
    await page.evaluate(
        """([way, files]) => {
          const clip = new DataTransfer();
          for (const {name, mimeType, bytes} of files) clip.items.add(new File([new Uint8Array(bytes)], name, {type: mimeType}));
          const options = {bubbles: true, cancelable: true};
          const [place, told] = way === "paste"
            ? [document.querySelector("message-composer textarea"), new ClipboardEvent("paste", {clipboardData: clip, ...options})]
            : [document.querySelector("message-log .log"), new DragEvent("drop", {dataTransfer: clip, ...options})];
          return place.dispatchEvent(told);
        }""",
        [way, [{**each, "bytes": list(each.pop("buffer"))} for each in [dict(file) for file in files]]],
    )


async def there(page: Page, count: int) -> None:
    """Waits until exactly `count` files are listed above the composer (the input field) and are completely uploaded."""
    await expect(page.locator(f"{ROW}[data-state=whole]")).to_have_count(count, timeout=20_000)
    await expect(page.locator(ROW)).to_have_count(count)


async def in_thread(site, ask):
    def run():
        with site.orm():
            return ask()

    return await asyncio.to_thread(run)


class Line:
    """Records and delays the requests with which a page uploads the parts of files.

    `offsets` has the position of each sent part in its file, in bytes. If `hold_from` is set, a part at this position
    or later is not sent until `release` is called.
    """

    def __init__(self, page: Page):
        self.page = page
        self.offsets: list[int] = []
        self.hold_from: int | None = None
        self.held = asyncio.Event()
        self.free = asyncio.Event()

    async def start(self) -> Line:
        await self.page.route("**/api/v1/uploads/**", self._pass)
        return self

    async def _pass(self, route: Route) -> None:
        if route.request.method == "PATCH":
            offset = int(route.request.headers["upload-offset"])
            if self.hold_from is not None and offset >= self.hold_from:
                self.held.set()
                await self.free.wait()
            self.offsets.append(offset)
        with contextlib.suppress(Exception):  # the page has cancelled the request meanwhile
            await route.continue_()

    def release(self) -> None:
        self.hold_from = None
        self.free.set()


# ── Adding files ───────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_picture_and_a_document_come_by_picker_paste_and_drop_and_both_see_them(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page
    async with page.expect_file_chooser() as asked:
        await page.click("message-composer [data-act=attach]")
    chooser = await asked.value
    assert chooser.is_multiple()
    await chooser.set_files([png("picked.png"), pdf("picked.pdf")])
    await there(page, 2)
    await page.click(SEND)  # without any text
    await expect(page.locator(ROW)).to_have_count(0)

    await bring(page, "paste", png("pasted.png", colour="gold"))
    await there(page, 1)
    await page.fill(FIELD, "with words")
    await page.press(FIELD, "Enter")

    await bring(page, "drop", png("dropped.png", colour="plum"), png("other.png"), pdf("dropped.pdf"))
    await there(page, 3)
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
    await expect(alice.page.locator(ROW)).to_have_count(0)


async def test_a_picture_is_previewed_described_and_can_be_taken_back(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page
    await pick(page, png("kept.png"), png("dropped.png"), pdf())
    await there(page, 3)
    rows = page.locator(ROW)
    assert (await rows.nth(0).locator("img").get_attribute("src")).startswith("blob:")
    assert await rows.nth(0).locator("img").evaluate("(image) => image.naturalWidth") == 640
    await expect(rows.nth(2).locator("img, .tray-alt")).to_have_count(0)
    await rows.nth(0).locator(".tray-alt").fill("a teal square")
    await page.keyboard.press("Enter")  # saves the description and does not send the message
    await expect(page.locator(FIELD)).to_be_focused()
    await rows.nth(1).get_by_role("button", name="Remove dropped.png").click()
    await expect(rows).to_have_count(2)
    await page.click(SEND)
    await expect(bob.page.locator("message-log .attachment-image [alt='a teal square']")).to_have_count(
        1, timeout=20_000
    )
    assert await in_thread(open_pages.site, lambda: Attachment.objects.filter(message=None).count()) == 0
    assert await in_thread(open_pages.site, lambda: Attachment.objects.count()) == 2
    await alice.assert_reload_changes_nothing()
    await expect(page.locator(ROW)).to_have_count(0)


async def test_a_message_waits_for_the_description_that_was_just_written(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page

    async def slow(route: Route) -> None:
        if route.request.method == "PUT":
            await asyncio.sleep(1.5)
        await route.continue_()

    await page.route("**/api/v1/uploads/**", slow)
    await pick(page, png())
    await there(page, 1)
    await page.locator(f"{ROW} .tray-alt").fill("a teal square")
    await page.click(SEND)
    await expect(page.locator(ROW)).to_have_count(0)
    await expect(bob.page.locator("message-log .attachment-image [alt='a teal square']")).to_have_count(
        1, timeout=20_000
    )


async def test_what_is_too_large_or_too_many_is_said_before_a_byte_is_sent(open_pages, make_file):
    alice, _bob = await open_pages(FILE_LIMIT_MB="1")
    sent: list[str] = []
    alice.page.on("request", lambda request: sent.append(request.method) if "/uploads/" in request.url else None)
    await pick(alice.page, make_file(MB + 1))
    await expect(alice.page.locator(".toast")).to_contain_text("1 MB")
    await expect(alice.page.locator(ROW)).to_have_count(0)
    assert not sent
    await pick(alice.page, *[pdf(f"{number}.pdf") for number in range(11)])
    await expect(alice.page.locator(".toast").last).to_contain_text("10 files")
    await there(alice.page, 10)


# ── Uploading ──────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_progress_pause_going_on_and_a_send_that_waits_for_its_file(open_pages, make_file):
    alice, bob = await open_pages()
    page = alice.page
    line = await Line(page).start()
    line.hold_from = 2 * PART
    await pick(page, make_file(5 * PART))
    await asyncio.wait_for(line.held.wait(), 20)
    row = page.locator(ROW)
    await expect(row).to_have_attribute("data-state", "going")
    await expect(row.locator(".tray-note")).to_contain_text("%")
    assert 40 <= await row.locator("progress").evaluate("(bar) => bar.value") <= 60
    await row.get_by_role("button", name="Pause big.bin").click()
    await expect(row).to_have_attribute("data-state", "paused")
    line.release()
    await page.wait_for_timeout(700)
    assert max(line.offsets) <= 2 * PART, "a pause sends nothing more"
    await page.fill(FIELD, "when it is there")
    await page.press(FIELD, "Enter")  # the message waits for its file
    await expect(page.locator(ROW)).to_have_count(1)
    await row.get_by_role("button", name="Resume big.bin").click()
    await bob.sees("when it is there")
    await expect(bob.line("when it is there").locator(".doc-name")).to_have_text("big.bin")
    await expect(page.locator(ROW)).to_have_count(0)
    assert sorted(set(line.offsets)) == [number * PART for number in range(5)]


async def test_a_cancelled_upload_leaves_nothing_behind(open_pages, make_file):
    alice, _bob = await open_pages()
    line = await Line(alice.page).start()
    line.hold_from = PART
    await pick(alice.page, make_file(3 * PART))
    await asyncio.wait_for(line.held.wait(), 20)
    await alice.page.get_by_role("button", name="Remove big.bin").click()
    await expect(alice.page.locator(ROW)).to_have_count(0)
    line.release()
    for _attempt in range(20):
        if not await in_thread(open_pages.site, lambda: Upload.objects.count()):
            break
        await asyncio.sleep(0.2)
    assert await in_thread(open_pages.site, lambda: Upload.objects.count()) == 0
    await alice.open()
    await alice.page.wait_for_timeout(500)
    await expect(alice.page.locator(ROW)).to_have_count(0)


async def test_what_is_refused_says_why_and_can_be_tried_again(open_pages, page_errors):
    page_errors.allow("403")
    alice, bob = await open_pages()
    refused = {"status": 403, "json": {"code": "forbidden", "detail": "Not now."}}

    async def refuse(route: Route) -> None:
        await (route.fulfill(**refused) if route.request.method == "PATCH" else route.continue_())

    await alice.page.route("**/api/v1/uploads/**", refuse)
    await pick(alice.page, pdf())
    row = alice.page.locator(ROW)
    await expect(row).to_have_attribute("data-state", "failed")
    await expect(row.locator(".tray-note")).to_contain_text("Not now.")
    await alice.page.unroute("**/api/v1/uploads/**")
    await row.get_by_role("button", name="Resume minutes.pdf").click()
    await there(alice.page, 1)
    await alice.page.click(SEND)
    await expect(bob.page.locator(".doc-name")).to_have_text("minutes.pdf")


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
async def test_cut_at_60_percent_it_goes_on_at_60_percent(open_pages, make_file, page_errors, server):
    page_errors.allow("ERR_|WebSocket|423")  # 423: the server may still be busy with the request that was cut off
    alice, bob = await open_pages(server=server)
    broken: list[str] = []
    alice.page.on("requestfailed", lambda request: broken.append(request.method))
    line = await Line(alice.page).start()
    line.hold_from = 3 * PART
    await pick(alice.page, make_file(5 * PART))
    await asyncio.wait_for(line.held.wait(), 20)
    before = len(line.offsets)
    proxy = open_pages.site.proxy
    proxy.cut_after(MB, UP)
    proxy.refusing = True  # else the browser would repeat the request by itself
    line.release()
    for _attempt in range(100):
        if "PATCH" in broken:
            break
        await asyncio.sleep(0.1)
    assert "PATCH" in broken, "nothing was cut"
    proxy.pass_all()
    await there(alice.page, 1)
    assert min(line.offsets[before:]) == 3 * PART
    await alice.page.wait_for_selector("live-socket[data-state=open]", state="attached", timeout=20_000)
    await alice.page.click(SEND)
    await expect(bob.page.locator(".doc-name")).to_have_text("big.bin", timeout=20_000)


async def test_after_a_reload_it_goes_on_by_itself_with_its_description(open_pages, make_file, page_errors):
    page_errors.allow("ERR_")
    alice, bob = await open_pages(WORKER="on")
    line = await Line(alice.page).start()
    line.hold_from = 3 * PART
    # A small picture with many bytes appended makes a large upload. The server removes these bytes.
    await pick(alice.page, make_file(5 * PART, "large.png", before=picture()))
    await asyncio.wait_for(line.held.wait(), 20)
    await alice.page.locator(".tray-alt").fill("a large square")
    await alice.page.keyboard.press("Enter")
    await alice.page.wait_for_timeout(300)
    before = len(line.offsets)
    await alice.open()
    line.release()
    await there(alice.page, 1)
    assert min(line.offsets[before:]) >= 3 * PART
    await expect(alice.page.locator(".tray-alt")).to_have_value("a large square")
    await alice.page.click(SEND)
    await expect(bob.page.locator(".attachment-image [alt='a large square']")).to_have_count(1, timeout=30_000)
    await alice.open()
    await alice.page.wait_for_timeout(500)
    await expect(alice.page.locator(ROW)).to_have_count(0)


async def test_a_queued_picture_is_seen_without_a_server_and_the_list_shows_what_is_queued(open_pages, page_errors):
    """A message with a picture is sent while the server cannot be reached. The page shows it as waiting to be sent.

    The picture is shown from the browser's own storage (IndexedDB), so it would still be there after a reload.
    """
    page_errors.allow("ERR_|WebSocket|Failed to load")
    alice, _bob = await open_pages()
    page = alice.page
    await page.fill(FIELD, "look here")
    await pick(page, png("boat.png"))
    await there(page, 1)
    await page.wait_for_timeout(1_500)  # the draft is on the server
    await page.route("**/thumbnails/*", lambda route: route.abort())
    open_pages.site.proxy.refusing = True
    open_pages.site.proxy.cut()
    await page.wait_for_selector("live-socket:not([data-state=open])", state="attached")
    await page.click(SEND)
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


# ── Looking at pictures ────────────────────────────────────────────────────────────────────────────────────────────
async def test_pictures_are_looked_at_one_by_one_by_keys_swipe_and_wheel(open_pages):
    alice, bob = await open_pages(WORKER="on")
    for name, colour in (("one.png", "teal"), ("two.png", "gold"), ("three.png", "plum")):
        await pick(alice.page, png(name, colour=colour))
        await there(alice.page, 1)
        if name == "two.png":
            await alice.page.locator(".tray-alt").fill("a golden field")
        await alice.page.fill(FIELD, f"here is {name}")
        await alice.page.press(FIELD, "Enter")
        await expect(alice.page.locator(ROW)).to_have_count(0)
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


async def test_an_odd_number_of_pictures_leaves_no_hole_and_long_ones_say_so(open_pages):
    alice, bob = await open_pages(WORKER="on")
    page = alice.page
    names = [png(f"{number}.png") for number in range(5)]
    long = [png("high.png", width=300, height=2_400), png("wide.png", width=3_000, height=200)]
    for files in (names, [names[0], pdf(), names[1], names[2]], long[:1], long[1:], [long[0], names[0]], names[:1]):
        await pick(page, *files)
        await there(page, len(files))
        await page.click(SEND)
        await expect(page.locator(ROW)).to_have_count(0)
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


# ── Layout ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_nothing_scrolls_sideways_on_a_narrow_screen(open_pages):
    alice, _bob = await open_pages(WORKER="on")
    page = alice.page
    await page.set_viewport_size({"width": 360, "height": 640})
    sideways = "document.scrollingElement.scrollWidth > innerWidth || (log => log.scrollWidth > log.clientWidth)(document.querySelector('.log'))"
    long = "quarterly_figures_and_everything_else_that_nobody_ever_reads_final_final_2.pdf"
    await pick(page, png("wide.png", width=3000, height=200), pdf(long), png("tall.png", width=100, height=2000))
    await there(page, 3)
    assert not await page.evaluate(sideways)
    await page.click(SEND)
    await pick(page, png("wide.png", width=3000, height=200))
    await there(page, 1)
    await page.click(SEND)
    await expect(page.locator("message-log .attachment-image img")).to_have_count(3, timeout=20_000)
    assert not await page.evaluate(sideways)
    for box in [await each.bounding_box() for each in await page.locator(".attachment-image, .doc").all()]:
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360


async def test_without_scripts_files_go_by_the_form(open_pages, browser_for):
    alice, bob = await open_pages()
    plain = await browser_for(open_pages.site, "alice", scripts=False)
    await plain.goto(alice.url)
    await plain.set_input_files("input[name=files]", [png(), pdf()])
    await plain.fill(FIELD, "by the form")
    await plain.click(SEND)
    await bob.sees("by the form")
    await expect(bob.line("by the form").locator(".attachment-image")).to_have_count(1)
    await expect(plain.locator(".doc-name")).to_have_text("minutes.pdf")
