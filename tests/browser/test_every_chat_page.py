"""Tests that every page of chats is accessible and works without errors in a real browser: see test_every_page.py."""

from __future__ import annotations

import pytest

from tests.browser.pages import CHAT_PAGES
from tests.browser.soundness import SMALL, each_size, faults

pytestmark = pytest.mark.browser


@each_size
async def test_every_chat_page_is_sound(demo, browser_for, page_errors, size):
    page_errors.allow("status of 40[14]")
    alice = await browser_for(demo.site, "alice", phone=size is SMALL, **size)
    found = []
    for address in CHAT_PAGES.values():
        found += await faults(alice, address.format(**demo.ids))
    assert not found, "\n".join(found)
