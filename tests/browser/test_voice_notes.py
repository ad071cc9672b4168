"""Tests of voice messages: recording with a fake microphone of the browser, preview, sending and playing."""

from __future__ import annotations

import os
import re

import pytest
from playwright.async_api import async_playwright, expect

from tests.browser.conftest import FIELD
from tests.browsers import CHROMIUM_FLAGS

pytestmark = pytest.mark.browser

PIECES = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="session")
async def chromium(chromium_path):
    """Starts a browser with a fake microphone that records beeps. All tests of this module share the browser."""
    flags = [*CHROMIUM_FLAGS, *PIECES, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=flags)
        yield browser
        await browser.close()


async def test_a_voice_note_is_recorded_heard_sent_and_played_by_the_other(open_pages):
    alice, bob = await open_pages()
    page = alice.page
    await page.click("[data-act=voice]")
    recording = page.locator(".voice-row")
    await expect(recording).to_be_visible()
    await expect(recording.locator(".num")).to_have_text("0:02", timeout=8_000)
    loud = (
        "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((each) => each)"
    )
    assert await recording.locator("canvas").evaluate(loud)
    await recording.locator("[data-act=voice-stop]").click()
    await expect(recording).to_have_count(0)
    row = page.locator("file-tray .tray-row")
    await expect(row).to_have_attribute("data-state", "whole")
    await expect(row.locator(".tray-name")).to_have_text(re.compile(r"Voice message .*\.webm"))
    await row.locator("[data-act=play]").click()
    await expect(row.locator(".player")).to_have_class(re.compile("plays"))
    await row.locator("[data-act=play]").click()
    await page.click("message-composer .send")

    clip = bob.page.locator("message-log sound-clip")
    await expect(clip).to_have_count(1)
    await expect(clip.locator("p")).to_have_count(0)  # no file name above the player
    for each in (page, bob.page):
        last = each.locator(".conversation-row .row-last").first
        await expect(last).to_contain_text(re.compile(r"Voice message 0:0[2-9]"))
        await expect(last.locator("svg")).to_have_count(1)
    assert 1.5 < float(await clip.get_attribute("data-seconds")) < 10
    player = clip.locator(".player")
    await expect(player.locator(".num")).to_have_text(re.compile(r"0:0[2-9]"))
    await player.locator("[data-act=speed]").tap()
    await expect(player.locator("[data-act=speed]")).to_have_text("1.25×")
    await player.locator("input").fill("50")
    await player.locator("[data-act=play]").tap()
    await expect(player).to_have_class(re.compile("plays"))
    await expect(player).not_to_have_class(re.compile("plays"), timeout=10_000)  # plays to its end
    await expect(page.locator("message-log sound-clip .player")).to_have_count(1)
    await alice.assert_reload_changes_nothing()
    await bob.assert_reload_changes_nothing()


async def test_a_recording_can_be_thrown_away_and_a_send_takes_it_along(open_pages):
    alice, bob = await open_pages()
    page = alice.page
    await page.click("[data-act=voice]")
    await page.locator(".voice-row [data-act=voice-cancel]").click()
    await expect(page.locator(".voice-row, .tray-row")).to_have_count(0)
    await page.fill(FIELD, "listen")
    await page.click("[data-act=voice]")
    await expect(page.locator(".voice-row .num")).to_have_text("0:01", timeout=8_000)
    await page.click("message-composer .send")  # still recording
    await bob.sees("listen")
    await expect(bob.line("listen").locator("sound-clip")).to_have_count(1)
    await expect(page.locator(".voice-row, .tray-row")).to_have_count(0)


async def test_without_a_microphone_it_says_so(open_pages):
    alice, _bob = await open_pages()
    await alice.page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') } }"
    )
    await alice.page.click("[data-act=voice]")
    await expect(alice.page.locator(".toast")).to_contain_text("microphone")
    await expect(alice.page.locator(".voice-row")).to_have_count(0)
