"""Takes screenshots of all pages for people to check: every size, light and dark, in both languages.

    python -m tests.browser.screenshots FOLDER                        all pages of the demo workspace
    python -m tests.browser.screenshots FOLDER --only "conversation|people" --sizes 360 --url http://localhost:8000

With `--url` it uses a running site that has the demo workspace (`bin/dev`); without, it starts a site of its own.
Needs an installed Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import tempfile
from pathlib import Path

import django

SIZES = {"360": (360, 740), "800": (800, 900), "1400": (1400, 900)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.browser.screenshots", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="names of pages, a regular expression")
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--themes", default="light,dark")
    parser.add_argument("--locales", default="en-GB,zh-CN")
    parser.add_argument("--url", default="")
    parser.add_argument(
        "--ids", default="group=2,pair=1,message=5,person=1,other=2,invite=none", help="with --url: what addresses need"
    )
    return parser.parse_args()


async def draw(options: argparse.Namespace, url: str, ids: dict[str, int | str]) -> None:
    from playwright.async_api import async_playwright

    from tests.browser.pages import SIGNED_IN, SIGNED_OUT, reauthenticate
    from tests.browsers import CHROMIUM_FLAGS, sign_in
    from tests.services import find_chromium

    options.folder.mkdir(parents=True, exist_ok=True)
    pages = [
        (name, path, who) for table, who in ((SIGNED_OUT, ""), (SIGNED_IN, "alice")) for name, path in table.items()
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium().path,
            args=[*CHROMIUM_FLAGS, "--no-sandbox"],
        )
        for size in options.sizes.split(","):
            for theme in options.themes.split(","):
                for locale in options.locales.split(","):
                    look = {"viewport": dict(zip(("width", "height"), SIZES[size], strict=True)), "locale": locale}
                    for who in ("", "alice"):
                        context = await browser.new_context(base_url=url, color_scheme=theme, **look)
                        if who:
                            await sign_in(context, who)
                            await reauthenticate(context)
                        page = await context.new_page()
                        for name, path, whose in pages:
                            if whose == who and re.search(options.only, name):
                                await page.goto(path.format(**ids))
                                await page.wait_for_timeout(700)
                                kind = f"{name.replace(' ', '-')}.{size}.{theme}.{locale[:2]}.png"
                                await page.screenshot(path=options.folder / kind)
                        await context.close()
        await browser.close()


def main() -> None:
    options = arguments()
    if options.url:
        ids: dict[str, int | str] = dict(
            direct_conversation.split("=") for direct_conversation in options.ids.split(",")
        )
        asyncio.run(draw(options, options.url, ids))
        return
    from tests.browser.pages import fill
    from tests.servers import Site

    with tempfile.TemporaryDirectory(prefix="messenger-pictures-") as folder:
        site = Site(Path(folder), None, "", False, contextlib.nullcontext, {"LIMITS": "off"})
        try:
            ids = fill(site)
            site.start()
            asyncio.run(draw(options, site.url, ids))
        finally:
            site.end()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    django.setup()
    main()
