"""Takes the two screenshots of the README in the demo workspace.

One shows a desktop in the light theme, the other one a phone in Chinese in the dark theme.

    python -m tests.browser.readme_screenshots                 writes them to docs/pictures

Needs an installed Chromium. Text is drawn with the system font of this machine. The pictures in the repository were
made on a machine where this is the font Inter.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import django
from PIL import Image

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
EXACT, REST = 176, 80  # palette colours: the most frequent are kept exactly, the others are merged
DESK: dict[str, Any] = {
    "viewport": {"width": 1400, "height": 900},
    "locale": "en-GB",
    "color_scheme": "light",
    "device_scale_factor": 1.5,
}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "locale": "zh-CN",
    "color_scheme": "dark",
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def pack(path: Path) -> None:
    """Makes a PNG file smaller with a palette (a limited list of colours).

    The most frequent colours of the picture stay exactly the same.
    """
    picture = Image.open(path).convert("RGB")
    counted = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    exact = [colour for _, colour in counted[:EXACT]]
    others = [colour for _, colour in counted[EXACT:]] or exact
    strip = Image.new("RGB", (len(others), 1))
    strip.putdata(others)
    gathered = (strip.quantize(REST, Image.Quantize.MEDIANCUT).getpalette() or [])[: 3 * REST]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in exact for part in colour] + gathered)
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


async def draw(url: str, folder: Path, walk: int, translators: int) -> None:
    from playwright.async_api import async_playwright

    from tests.browsers import CHROMIUM_FLAGS, sign_in
    from tests.services import find_chromium

    chromium = find_chromium().path
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, "--no-sandbox"])

        async def page_of(name: str, path: str, **look: Any):
            context = await browser.new_context(base_url=url, timezone_id="UTC", **look)
            await sign_in(context, name)
            page = await context.new_page()
            await page.goto(path)
            await page.locator("message-log[data-live]").wait_for()
            return page

        here = [await page_of(name, f"/c/{walk}/") for name in ("erin", "小千", "bob")]
        hers = await page_of("alice", f"/c/{walk}/?panel=members", **DESK)
        await hers.locator("#say").fill("The lighthouse, the seals and two loaves. I am in.")
        await hers.keyboard.press("Enter")
        await hers.locator(".msg.mine [data-part=mark] .num").last.wait_for()  # wait until somebody has read it
        await hers.locator("#say").press_sequentially("Who brings the ")
        await here[2].locator("#say").press_sequentially("And I bring the therm", delay=40)
        await hers.locator(".typing i").wait_for()
        await hers.wait_for_timeout(400)
        await hers.screenshot(path=folder / "conversation.png")

        theirs = await page_of("alice", f"/c/{translators}/", **PHONE)
        await theirs.wait_for_timeout(1200)
        await theirs.screenshot(path=folder / "phone.png")
        await browser.close()
    for name in ("conversation.png", "phone.png"):
        pack(folder / name)


def main() -> None:
    from accounts.models import User
    from chat.models import Conversation
    from tests.browser.pages import fill
    from tests.servers import Site, production_password_hash

    with tempfile.TemporaryDirectory(prefix="messenger-pictures-") as folder:
        site = Site(Path(folder), None, "", False, contextlib.nullcontext, {"LIMITS": "off"})
        try:
            fill(site)
            with site.orm():
                User.objects.update(password=production_password_hash())  # `fill` lets only alice sign in
                ids = dict(Conversation.objects.filter(kind="group").values_list("title", "pk"))
            site.start()
            asyncio.run(draw(site.url, PICTURES, ids["Walk on Sunday"], ids["翻译组"]))
        finally:
            site.end()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    django.setup()
    main()
