"""Tests of calls in real browsers: pictures and sound arrive, and what happens when something is lost."""

from __future__ import annotations

import asyncio
import time

import pytest
from playwright.async_api import expect

from tests.calls.test_call_signalling import direct_conversation

pytestmark = pytest.mark.browser


async def test_two_people_see_and_hear_each_other(make_site, open_call_pages):
    site = make_site()
    site.start()
    people = site.create_users("alice", "bob")
    conversation_id = direct_conversation(site, *people)
    alice, bob = await open_call_pages(site, conversation_id, "alice", "bob")
    await alice.start_call()
    ring = bob.page.locator(".call-ring")
    await expect(ring).to_contain_text("Video call")
    await expect(alice.page.locator(".call [data-part=status]")).to_have_text("Ringing…")
    started = time.monotonic()
    await bob.answer()
    await asyncio.gather(alice.is_in_call(), bob.is_in_call())
    print(f"connected {time.monotonic() - started:.2f} s after the answer")
    await asyncio.gather(alice.hears_and_sees(), bob.hears_and_sees())
    print(f"10 pictures both ways {time.monotonic() - started:.2f} s after the answer")
    await bob.hang_up()
    await asyncio.gather(alice.has_left(), bob.has_left())
    await expect(alice.page.locator(".toast")).to_contain_text("Call ended")
