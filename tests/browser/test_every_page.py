"""Tests that every page of the site is accessible and works without errors in a real browser.

soundness.py says what is checked. Script errors and violations of the Content-Security-Policy fail the test too
(tests/browsers.py checks this). A page that is missing in the tables of tests/browser/pages.py is an error too. The
pages of chats are opened by test_every_chat_page.py, at the same time.
"""

from __future__ import annotations

import re

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.browser.pages import OTHER_PAGES, SIGNED_IN, SIGNED_OUT, SUSPENDED, reauthenticate
from tests.browser.soundness import SMALL, each_size, faults

pytestmark = pytest.mark.browser


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


@each_size
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
    for address in OTHER_PAGES.values():
        found += await faults(alice, address.format(**demo.ids))
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
