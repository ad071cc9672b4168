"""Checks that a page in a real browser is accessible and does not scroll sideways.

The accessibility checker axe finds no violation of WCAG 2.2 AA. A page is checked in English with the light theme on a
desktop, or in Chinese with the dark theme on a small phone. On the desktop axe checks all its rules. On the phone it
checks those whose result depends on colours and sizes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.servers import Site

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
SIDEWAYS = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
# Parameter `size` of the tests of pages. bin/test opens them on a desktop, bin/test-long on a phone too.
each_size = pytest.mark.parametrize(
    "size", [pytest.param(DESK, id="desk"), pytest.param(SMALL, id="phone", marks=pytest.mark.long)]
)


@dataclass
class Demo:
    """A running site with the demo workspace. `ids` contains the ids that the URL patterns of the pages need."""

    site: Site
    ids: dict[str, int | str]


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
