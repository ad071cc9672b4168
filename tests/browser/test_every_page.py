"""Tests that every page of the site is accessible and works without errors in a real browser.

The accessibility checker axe finds no violation of WCAG 2.2 AA, and no page scrolls sideways. Script errors and
violations of the Content-Security-Policy fail the test too (tests/browsers.py checks this). Each page is opened twice:
in English with the light theme on a desktop, and in Chinese with the dark theme on a small phone. A page that is
missing in the tables of tests/browser/pages.py is an error too.

On the desktop axe checks all its rules. On the phone it checks those whose result depends on colours and sizes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.async_api import Page

from tests.browser.pages import SIGNED_IN, SIGNED_OUT, SUSPENDED, fill, reauthenticate
from tests.servers import Site

pytestmark = pytest.mark.browser

# Lists only violations in full: axe would spend most of its time on listing everything that passes.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
RULES_OF_LOOKS = {
    "runOnly": {
        "type": "rule",
        "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
    },
    "resultTypes": ["violations"],
}
DESK: dict[str, Any] = {"locale": "en-GB", "color_scheme": "light", "viewport": {"width": 1400, "height": 900}}
SMALL: dict[str, Any] = {"locale": "zh-CN", "color_scheme": "dark", "viewport": {"width": 360, "height": 640}}
EXCUSED = {"members to mention": ["aria-allowed-role"], "menu of a message": ["region"]}
SIDEWAYS = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Demo:
    """A running site with the demo workspace. `ids` contains the ids that the URL patterns of the pages need."""

    site: Site
    ids: dict[str, int | str]


@pytest.fixture(scope="module")
async def demo(make_shared_site) -> Demo:
    """Provides the demo workspace, created once for all tests of this module: they open pages and change nothing."""
    site = await asyncio.to_thread(make_shared_site().get)
    return Demo(site, await asyncio.to_thread(fill, site))


def routes(resolver: URLResolver, prefix: str = "") -> dict[str, str]:
    """Returns a dictionary from route name to URL pattern. Routes of the API and of Django's admin are left out."""
    found: dict[str, str] = {}
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            if entry.name and not path.startswith("api/"):
                found.setdefault(entry.name, path)
        elif not path.startswith(("admin/", "api/")):
            found |= routes(entry, path)
    return found


async def faults(page: Page, address: str) -> list[str]:
    """Opens this URL and returns a list of the problems of the page. The list is empty if there are none.

    Problems are an unexpected status, a missing title, sideways scrolling and violations of axe rules (accessibility).
    """
    answer = await page.goto(address)
    assert answer is not None
    found = [f"{address} answers {answer.status}"] if answer.status not in (200, 401, 404) else []
    return found + await faults_as_it_is(page, address)


async def faults_as_it_is(page: Page, name: str, but: Collection[str] = ()) -> list[str]:
    """Returns a list of the problems of the open page, without loading it again.

    The axe rules (accessibility) named in `but` are not checked.
    """
    found = []
    if not (await page.title()).strip():
        found.append("has no title")
    if (out := await page.evaluate(SIDEWAYS)) > 0:
        found.append(f"sticks out by {out} px")
    viewport = page.viewport_size
    rules = RULES_OF_LOOKS if viewport == SMALL["viewport"] else RULES
    if but:
        rules = rules | {"rules": {rule: {"enabled": False} for rule in but}}
    for violation in (await Axe().run(page, options=rules)).response["violations"]:
        where = [" ".join(node["target"]) + " " + node["html"][:160] for node in violation["nodes"][:3]]
        found.append(f"{violation['id']} ({violation['help']}): " + " · ".join(where))
    return [f"{name} {fault}" for fault in found]


@pytest.mark.parametrize(
    "size", [pytest.param(DESK, id="desk"), pytest.param(SMALL, id="phone", marks=pytest.mark.long)]
)
async def test_every_page_is_sound(demo, browser_for, page_errors, size):
    page_errors.allow("status of 40[14]")
    phone = size is SMALL
    nobody = await browser_for(demo.site, phone=phone, **size)
    alice = await browser_for(demo.site, "alice", phone=phone, **size)
    await reauthenticate(alice.context)
    found = []
    for address in SIGNED_OUT.values():
        found += await faults(nobody, address.format(**demo.ids))
    session = {"name": "sessionid", "value": str(demo.ids["suspended_session"]), "url": demo.site.url}
    await nobody.context.add_cookies([session])  # type: ignore[list-item]
    for address in SUSPENDED.values():
        found += await faults(nobody, address)
    for address in SIGNED_IN.values():
        found += await faults(alice, address.format(**demo.ids))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "size", [pytest.param(DESK, id="desk"), pytest.param(SMALL, id="phone", marks=pytest.mark.long)]
)
async def test_what_opens_over_a_conversation_is_sound(demo, browser_for, size):
    """The page of a conversation is accessible too while a menu, panel, picker or dialog is open on it."""
    phone = size is SMALL
    page = await browser_for(demo.site, "alice", phone=phone, **size)
    ways = {
        "menu of the conversation": ["click [popovertarget=conversation-menu]"],
        "members": ["click .conversation-open" if phone else "click .tools [data-view=members]"],
        "pinned": ["click .pin-tool"],
        "switcher": ["press Control+k", "type a"],
        "search in the conversation": ["press Control+f", "type the", "press Enter"],
        "members to mention": ["click #say", "type @"],
        "emoji": [*(["click .composer > .add"] if phone else []), "click .composer [data-act=emoji]"],
        "keys": ["press ?"],
        "menu of a message": ["menu .msg.mine"],
        "send later": ["click #say", "type x", "click .composer .later"],
    }
    found = []
    for name, steps in ways.items():
        await page.goto(f"/c/{demo.ids['group']}/")
        await page.locator("message-log[data-live]").wait_for()
        for step in steps:
            how, _, what = step.partition(" ")
            if how == "click":
                await page.locator(what).first.click()
            elif how == "menu":
                await page.locator(what).first.dispatch_event("contextmenu", {"clientX": 100, "clientY": 100})
            else:
                await (page.keyboard.press if how == "press" else page.keyboard.type)(what)
        await page.wait_for_timeout(600)  # wait for the opening animation
        # Excused: the textarea has the role combobox while it offers members; a menu is outside all landmarks.
        found += await faults_as_it_is(page, name, but=EXCUSED.get(name, ()))
        await page.locator("#say").evaluate("field => (field.value = '')")
    assert not found, "\n".join(found)


async def test_no_page_is_left_out(demo, browser_for):
    """Each route that returns a whole HTML page is in the tables SIGNED_IN or SIGNED_OUT, which list the pages to test.

    Routes that return only a part of a page may be missing.
    """
    alice = await browser_for(demo.site, "alice")
    ids = {"conversation_id": "group", "message_id": "message", "user_id": "person"}
    left_out = []
    for name, pattern in routes(get_resolver("messenger.urls")).items():
        if name in {**SIGNED_IN, **SIGNED_OUT, **SUSPENDED} or "^" in pattern:
            continue
        address = "/" + re.sub(
            r"<(?:\w+:)?(\w+)>", lambda part: str(demo.ids.get(ids.get(part[1], ""), "none")), pattern
        )
        answer = await alice.request.get(address, max_redirects=0)
        if answer.status == 200 and "<html" in await answer.text():
            left_out.append(f"{name} {address}")
    assert not left_out
