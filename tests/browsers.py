"""Real browsers: `page = await browser_for(site, "alice", phone=True)` is alice, signed in, in a Chromium of her own.

A page that logs an error, throws, or is held back by the Content-Security-Policy fails its test. What a test brings
about itself it allows beforehand: `troubles.allow("WebSocket connection")`.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from tests.servers import PASSWORD, Site

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
QUIET = (  # no calls home: they would go nowhere, many at a time
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
    *("--no-first-run", "--disable-gpu"),
)
_FAILED = pytest.StashKey[bool]()


class Troubles:
    """What went wrong on the pages of one test."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def allow(self, pattern: str) -> None:
        self._allowed.append(re.compile(pattern))

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._note(page, f"threw {error}"))
        page.on("crash", lambda _: self._note(page, "crashed"))
        # CSP and Trusted Types violations are told as errors on the console.
        page.on("console", lambda told: self._note(page, f"logged {told.text}") if told.type == "error" else None)

    def _note(self, page: Page, what: str) -> None:
        self.seen.append(f"{page.url} {what}")

    def left(self) -> list[str]:
        return [trouble for trouble in self.seen if not any(pattern.search(trouble) for pattern in self._allowed)]


@pytest.fixture
def troubles() -> Troubles:
    return Troubles()


@pytest.fixture(scope="session")
async def chromium(chromium_path) -> AsyncIterator[Browser]:
    """One browser for the run; each person has a context of it, which shares nothing with the others."""
    flags = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else list(QUIET)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=flags)
        yield browser
        await browser.close()


@pytest.fixture
async def browser_for(request, chromium: Browser, troubles: Troubles, tmp_path):
    """Makes signed-in pages, not gone anywhere yet: `browser_for(site, "alice", phone=False, scripts=True, **context)`.

    Without a name nobody is signed in. `context` is Playwright's: `locale`, `timezone_id`, `color_scheme` …
    """
    contexts: list[BrowserContext] = []

    async def make(site: Site, username: str = "", phone: bool = False, scripts: bool = True, **options) -> Page:
        context = await chromium.new_context(
            has_touch=phone,
            is_mobile=phone,
            java_script_enabled=scripts,
            **{"base_url": site.url}
            | {"viewport": PHONE if phone else DESKTOP, "locale": "en-GB", "timezone_id": "UTC", **options},
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on("page", troubles.watch)
        if username:
            await sign_in(context, username)
        return await context.new_page()

    yield make

    for context in contexts:
        for number, page in enumerate(context.pages):
            if request.node.stash.get(_FAILED, False):
                picture = tmp_path / f"page{contexts.index(context)}.{number}.png"
                await page.screenshot(path=picture, timeout=5_000)
                print(f"{page.url} as it was: {picture}")
        await context.close()
    assert not troubles.left(), "\n".join(["The pages had troubles:", *troubles.left()])


async def sign_in(context: BrowserContext, username: str) -> None:
    """Through the form of the page, without drawing it."""
    page = await context.request.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', await page.text())
    assert token, f"no form at {page.url}: {page.status}"
    answer = await context.request.post(
        "/accounts/login/",
        form={"login": username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]},
        headers={"Referer": page.url},
        max_redirects=0,
    )
    assert answer.status == 302, f"{username} could not sign in: {answer.status}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
