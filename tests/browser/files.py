"""Helpers of the browser tests of files: they make files, put them into the composer and control their uploads."""

from __future__ import annotations

import asyncio
import contextlib
import io

from PIL import Image
from playwright.async_api import Page, Route, expect

from tests.attachments.conftest import MB, make_bytes

PART_SIZE = 4 * MB  # the size of the parts that static/js/composer/files/file-upload.js sends
TRAY_ROW = "file-tray .tray-row"
SEND_BUTTON = "message-composer .send"


def make_png(width: int = 640, height: int = 480, colour: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


def png_file(name: str = "a.png", **look) -> dict:
    return {"name": name, "mimeType": "image/png", "buffer": make_png(**look)}


def pdf_file(name: str = "minutes.pdf") -> dict:
    return {"name": name, "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n" + make_bytes(3000)}


async def pick_files(page: Page, *files: dict | str) -> None:
    await page.set_input_files("file-tray input[type=file]", list(files))


async def paste_or_drop(page: Page, way: str, *files: dict) -> None:
    """Simulates a paste or a drop of files by dispatching the event, because a headless browser has no clipboard."""
    await page.evaluate(
        """([way, files]) => {
          const clip = new DataTransfer();
          for (const {name, mimeType, bytes} of files) clip.items.add(new File([new Uint8Array(bytes)], name, {type: mimeType}));
          const options = {bubbles: true, cancelable: true};
          const [target, event] = way === "paste"
            ? [document.querySelector("message-composer textarea"), new ClipboardEvent("paste", {clipboardData: clip, ...options})]
            : [document.querySelector("message-log .log"), new DragEvent("drop", {dataTransfer: clip, ...options})];
          return target.dispatchEvent(event);
        }""",
        [way, [{**file, "bytes": list(file.pop("buffer"))} for file in [dict(file) for file in files]]],
    )


async def wait_for_uploads(page: Page, count: int) -> None:
    """Waits until exactly `count` files are listed above the composer (the input field) and are completely uploaded."""
    await expect(page.locator(f"{TRAY_ROW}[data-state=whole]")).to_have_count(count, timeout=20_000)
    await expect(page.locator(TRAY_ROW)).to_have_count(count)


async def run_with_orm(site, query):
    def run():
        with site.orm():
            return query()

    return await asyncio.to_thread(run)


class UploadTraffic:
    """Records and delays the requests with which a page uploads the parts of files.

    `offsets` has the position of each sent part in its file, in bytes. If `hold_from` is set, a part at this position
    or later is not sent until `release` is called.
    """

    def __init__(self, page: Page):
        self.page = page
        self.offsets: list[int] = []
        self.hold_from: int | None = None
        self.held = asyncio.Event()
        self.released = asyncio.Event()

    async def start(self) -> UploadTraffic:
        await self.page.route("**/api/v1/uploads/**", self._pass)
        return self

    async def _pass(self, route: Route) -> None:
        if route.request.method == "PATCH":
            offset = int(route.request.headers["upload-offset"])
            if self.hold_from is not None and offset >= self.hold_from:
                self.held.set()
                await self.released.wait()
            self.offsets.append(offset)
        with contextlib.suppress(Exception):  # the page has cancelled the request meanwhile
            await route.continue_()

    def release(self) -> None:
        self.hold_from = None
        self.released.set()
