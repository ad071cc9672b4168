"""How soon the text of a long conversation is there: a hundred thousand messages against a hundred, in one run.

Absolute figures are of whatever machine this is and are printed; what is kept is that length costs nothing.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest

from chat import actions
from tests.history import mark_read, write_history

pytestmark = [pytest.mark.scale, pytest.mark.browser]

MOST_RATIO = 1.5
TIMES = 15

# When the first text of the log was painted, and when the last stood where one reads, in ms since the page was asked for.
PAINTED = """
() => ({ first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
         answered: performance.getEntriesByType('navigation')[0].responseEnd })
"""
MOVED = """
(address) => new Promise((done) => {
  const begun = performance.now();
  document.addEventListener('page:visited', () => requestAnimationFrame(() => requestAnimationFrame(
    () => done(performance.now() - begun))), { once: true });
  document.querySelector(`.conv[href="${address}"]`).click();
})
"""


@pytest.fixture
async def opened(make_site, browser_for):
    site = make_site(LIMITS="off")
    await asyncio.to_thread(site.start, "uvicorn")

    def rooms() -> dict[str, int]:
        alice, bob = site.people("alice", "bob")
        with site.orm():
            made = {}
            for title, count in (("short", 100), ("long", 100_000), ("unread", 100_000)):
                pk = made[title] = actions.create_group(alice.pk, title, [bob.pk]).id
                write_history(pk, [bob.pk, alice.pk], count)
                mark_read(pk, alice.pk, count if title != "unread" else 50_000)
            return made

    return await browser_for(site, "alice"), await asyncio.to_thread(rooms)


async def test_a_hundred_thousand_messages_open_like_a_hundred(opened):
    page, rooms = opened
    taken: dict[str, dict[str, list[float]]] = {
        what: {title: [] for title in rooms} for what in ("answer", "painted", "moved")
    }
    for turn in range(TIMES):
        for title, pk in rooms.items():
            query = "?newest=1" if title == "unread" and turn % 2 else ""
            begun = time.perf_counter()
            assert (await page.request.get(f"/c/{pk}/{query}")).ok
            taken["answer"][title].append((time.perf_counter() - begun) * 1000)
    for _ in range(TIMES // 3):
        for title, pk in rooms.items():
            await page.goto(f"/c/{pk}/")
            await page.wait_for_selector("live-socket[data-state=open]", state="attached")
            taken["painted"][title].append((await page.evaluate(PAINTED))["first"])
    for _ in range(TIMES // 3):
        for title, pk in rooms.items():
            taken["moved"][title].append(await page.evaluate(MOVED, f"/c/{pk}/"))
    medians = {
        what: {title: statistics.median(times) for title, times in by_title.items()} for what, by_title in taken.items()
    }
    for what, by_title in medians.items():
        print(f"{what}: " + ", ".join(f"{title} {ms:.0f} ms" for title, ms in by_title.items()))
    for what, by_title in medians.items():
        for title in ("long", "unread"):
            assert by_title[title] <= MOST_RATIO * by_title["short"] + 5, (what, by_title)
