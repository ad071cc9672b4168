"""Browser fixtures: `page = await browser_for(site, "alice", phone=True)` is a Chromium page signed in as alice.

A test fails if one of its pages logs an error, throws an exception or violates the Content-Security-Policy. A test that
causes such errors on purpose allows them first: `page_errors.allow("WebSocket connection")` (a regular expression).
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from tests.servers import PASSWORD, Site

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
CHROMIUM_FLAGS = (  # The browser makes no requests of its own, for example for updates.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
    *("--no-first-run", "--disable-gpu"),
    "--renderer-process-limit=1",  # starting further processes took a twentieth of the processor time
)
_ALWAYS_ALLOWED = (
    # A page is left, or its server ends, while Chromium looks for a newer service worker.
    "An unknown error occurred when fetching the script",
)
_FAILED = pytest.StashKey[bool]()


class PageErrors:
    """Records the errors on the browser pages of one test. With `allow`, a test names the errors that it expects."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._allowed: list[re.Pattern[str]] = [re.compile(text) for text in _ALWAYS_ALLOWED]

    def allow(self, pattern: str) -> None:
        self._allowed.append(re.compile(pattern))

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._note(page, f"threw {error}"))
        page.on("crash", lambda _: self._note(page, "crashed"))
        # The browser also logs violations of Content-Security-Policy and Trusted Types as errors.
        page.on(
            "console", lambda message: self._note(page, f"logged {message.text}") if message.type == "error" else None
        )

    def _note(self, page: Page, text: str) -> None:
        self.seen.append(f"{page.url} {text}")

    def unexpected(self) -> list[str]:
        return [error for error in self.seen if not any(pattern.search(error) for pattern in self._allowed)]


@pytest.fixture
def page_errors() -> PageErrors:
    return PageErrors()


@pytest.fixture(scope="session")
async def chromium(chromium_path) -> AsyncIterator[Browser]:
    """Provides one browser process for the whole test run. `browser_for` opens pages in it."""
    flags = [*CHROMIUM_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(CHROMIUM_FLAGS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=flags)
        yield browser
        await browser.close()


class ContextPool:
    """The browser contexts of earlier tests, for tests that need one with the same options.

    A page takes a third of the processor time if its scripts are in the HTTP cache, which belongs to the context.
    Everything else that a page can keep is deleted first, so that a test finds each context as if it were new.
    """

    SIZE = 4

    def __init__(self, browser: Browser):
        self._browser = browser
        self._free: list[tuple[dict[str, Any], BrowserContext]] = []

    async def take(self, **options: Any) -> BrowserContext:
        for entry in self._free:
            if entry[0] == options:
                self._free.remove(entry)
                return entry[1]
        return await self._browser.new_context(**options)

    async def give_back(self, context: BrowserContext, **options: Any) -> None:
        """Deletes what the pages of the context have stored, closes them, and keeps the context."""
        await context.set_offline(False)
        await context.clear_cookies()
        await context.clear_permissions()
        if options.get("permissions"):
            await context.grant_permissions(options["permissions"])
        *others, page = context.pages or [await context.new_page()]
        for other in others:
            await other.close()
        await page.goto("about:blank", timeout=60_000)  # so that nothing is stored any more
        session = await context.new_cdp_session(page)
        storages = "cookies,file_systems,indexeddb,local_storage,service_workers,cache_storage"
        origin = {"origin": options["base_url"], "storageTypes": storages}
        await session.send("Storage.clearDataForOrigin", origin)
        await page.close()
        self._free.append((options, context))
        while len(self._free) > self.SIZE:
            await self._free.pop(0)[1].close()


_pools: WeakKeyDictionary[Browser, ContextPool] = WeakKeyDictionary()  # some modules have a browser of their own


@pytest.fixture
async def browser_for(request, chromium: Browser, page_errors: PageErrors, tmp_path):
    """Creates pages: `page = await browser_for(site, "alice", phone=False, scripts=True, **options)`.

    The page is blank, but its browser is signed in as this user (without a user name: not signed in). Each page has its
    own cookies and storage. `options` are passed to the Playwright context, for example `locale` and `color_scheme`.
    """
    context_pool = _pools.setdefault(chromium, ContextPool(chromium))
    contexts: list[tuple[BrowserContext, dict[str, Any]]] = []

    async def make(site: Site, username: str = "", phone: bool = False, scripts: bool = True, **options) -> Page:
        options = {
            **{"base_url": site.url, "has_touch": phone, "is_mobile": phone, "java_script_enabled": scripts},
            **{"viewport": PHONE if phone else DESKTOP, "locale": "en-GB", "timezone_id": "UTC", **options},
        }
        context = await context_pool.take(**options)
        contexts.append((context, options))
        context.set_default_timeout(10_000)
        context.on("page", page_errors.watch)
        if username:
            await context.add_cookies([site.sign_in(username)])
        return await context.new_page()

    yield make

    errors = page_errors.unexpected()
    for index, (context, options) in enumerate(contexts):
        if failed(request.node):
            for number, page in enumerate(context.pages):
                picture = tmp_path / f"page{index}.{number}.png"
                await page.screenshot(path=picture, timeout=5_000)
                print(f"screenshot of {page.url}: {picture}")
            await context.close()
        else:
            context.remove_listener("page", page_errors.watch)
            await context_pool.give_back(context, **options)
    assert not errors, "\n".join(["Errors on the pages:", *errors])


async def sign_in(context: BrowserContext, username: str) -> None:
    """Signs a user in by sending the sign-in form directly, without opening a page. That is faster."""
    page = await context.request.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', await page.text())
    assert token, f"no form at {page.url}: {page.status}"
    response = await context.request.post(
        "/accounts/login/",
        form={"login": username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]},
        headers={"Referer": page.url},
        max_redirects=0,
    )
    assert response.status == 302, f"{username} could not sign in: {response.status}"


def failed(test: pytest.Item) -> bool:
    return test.stash.get(_FAILED, False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
