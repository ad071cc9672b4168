"""Tests that a browser loads little for the largest conversation page of the demo workspace, and in few requests.

This includes styles, scripts and icons, but not uploaded pictures and files. A real browser with an empty cache loads
the page from the production server, and the test adds up the compressed bytes that the browser received. Without the
bundler (tests/test_bundles.py), the page has a request for each module, and more bytes.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections import Counter

import httpx
import pytest
from django.db.models import Count

from chat.demo.seed import seed_demo
from tests.databases import describe_bundles

pytestmark = pytest.mark.browser

MOST, MOST_WITHOUT_BUNDLES = 100 * 1024, 155 * 1024  # modules are served only where the bundler is missing
MOST_SCRIPTS = 6  # the time zone, four bundles, and the notifications, which come two seconds later
SHIPPED = {"page", "css", "js", "svg"}


def test_pages_are_compressed_and_files_are_not(client, db):
    asked = {"headers": {"Accept-Encoding": "gzip"}}
    page = client.get("/accounts/login/", **asked)
    assert page["Content-Encoding"] == "gzip" and "Accept-Encoding" in page["Vary"]
    assert b"<!doctype html>" in gzip.decompress(page.content)
    assert "Content-Encoding" not in client.get("/accounts/login/")


@pytest.fixture
def demo(make_site):
    site = make_site()
    with site.orm():
        seed_demo()
    site.start("uvicorn")
    return site


def find_largest_page(site) -> tuple[str, str]:
    """Returns the user name and the URL of the largest conversation page in the demo workspace.

    Looks only at the pages of the three users who have the most conversations.
    """
    from accounts.models import User

    with site.orm():  # the three users with most conversations
        people = User.objects.filter(memberships__left_at=None).annotate(n=Count("memberships")).order_by("-n", "pk")
        names = list(people.values_list("username", flat=True)[:3])
    sizes: dict[tuple[str, str], int] = {}
    for name in names:
        cookie = site.sign_in(name)
        with httpx.Client(base_url=site.url, cookies={cookie["name"]: cookie["value"]}) as http:
            for path in set(re.findall(r'class="conv[^"]*" href="(/c/[1-9]\d*/)', http.get("/").text)):
                page = http.get(path)
                assert page.status_code == 200
                sizes[name, path] = page.num_bytes_downloaded
    assert len(sizes) > 10
    return max(sizes, key=lambda each: sizes[each])


async def test_the_first_page_of_a_conversation_is_small_and_has_few_scripts(demo, browser_for):
    name, path = await asyncio.to_thread(find_largest_page, demo)
    page = await browser_for(demo, name)
    weights: Counter[str] = Counter()
    heaviest: dict[str, int] = {}
    responses = []
    page.on("requestfinished", lambda request: responses.append(request))
    await page.goto(path)
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await page.wait_for_load_state("networkidle")
    for request in responses:
        address = request.url.removeprefix(demo.url)
        kind = "page" if address == path else address.rpartition(".")[2]
        if kind in SHIPPED:
            weight = (await request.sizes())["responseBodySize"]
            weights[kind] += weight
            heaviest[address] = weight
    total = weights.total()
    parts = ", ".join(f"{kind} {weight / 1024:.1f}" for kind, weight in weights.items())
    scripts = [address for address in heaviest if address.endswith(".js")]
    print(f"{name} opens {path}: {total / 1024:.1f} KB: {parts}; {len(responses)} requests, {len(scripts)} scripts")
    assert set(weights) == SHIPPED, weights  # the page and each kind of file were measured
    first = sorted(heaviest.items(), key=lambda item: -item[1])[:10]
    bundles = describe_bundles(demo.folder / "data" / "static")
    assert total < (MOST if bundles else MOST_WITHOUT_BUNDLES), f"{total / 1024:.1f} KB: {first}"
    if bundles:
        assert len(scripts) <= MOST_SCRIPTS, scripts
        loaded = [bundles.get(re.sub(r"^/static/|\.[0-9a-f]{12}(?=\.js$)", "", address)) for address in scripts]
        modules = [module for bundle in loaded if bundle for module in bundle["modules"]]
        assert "js/conversation/log/message-log.js" in modules
        assert len(modules) == len(set(modules)), "no module is loaded twice"
