"""Tests of emoji: typed by name in the composer, chosen in the emoji picker, and as reactions."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import FIELD, OPTION, type_in

pytestmark = pytest.mark.browser


async def test_emoji_by_name_typed_whole_chosen_from_the_list_and_taken_back(open_pages):
    alice, bob = await open_pages()
    await type_in(alice, "well :smi")
    await expect(alice.page.locator(OPTION).first).to_contain_text("😃")
    await alice.page.keyboard.type("le:")
    await expect(alice.page.locator(FIELD)).to_have_value("well 😄")
    await alice.page.keyboard.press("Control+z")
    await expect(alice.page.locator(FIELD)).to_have_value(re.compile(r"^well :smile:?$"))
    await alice.page.fill(FIELD, "")
    await type_in(alice, ":tad")
    await expect(alice.page.locator(OPTION).first).to_contain_text(":tada:")
    await alice.page.keyboard.press("Enter")
    assert await alice.written() == "🎉 "
    for text in ("at 10:30:", "`:smile:", "http://x:smile:"):
        await alice.page.fill(FIELD, "")
        await type_in(alice, text)
        await alice.page.wait_for_timeout(150)
        assert await alice.written() == text
    await alice.page.fill(FIELD, "")
    # In Chinese, text often follows a colon directly: Enter sends the text and does not choose an emoji.
    await type_in(alice, "结果:开心")
    await expect(alice.page.locator(OPTION).first).to_be_visible()
    await alice.page.keyboard.press("Enter")
    await bob.sees("结果:开心")


async def test_the_picker_is_read_when_it_is_first_wanted_and_goes_by_keys_and_by_touch(open_pages):
    alice, bob = await open_pages()
    asked: list[str] = []
    alice.page.on("request", lambda request: asked.append(request.url))
    await type_in(alice, "a  b")
    await alice.page.keyboard.press("ArrowLeft")
    await alice.page.keyboard.press("ArrowLeft")
    assert not [url for url in asked if "emoji" in url]
    await alice.page.click("message-composer [data-act=emoji]")
    picker = alice.page.locator(".emoji[popover]")
    await expect(picker).to_be_visible()
    assert len([url for url in asked if "emoji" in url]) == 4, asked  # two scripts, their stylesheet, the names
    assert not [url for url in asked if "emoji.zh" in url]
    await alice.page.keyboard.type("red heart")
    await expect(picker.locator(".emoji-one[aria-selected=true]")).to_have_text("❤️")
    await alice.page.keyboard.press("Enter")
    assert await alice.written() == "a ❤️ b"
    await expect(picker).to_be_hidden()
    assert await alice.page.evaluate("document.activeElement.name") == "body"
    # The emoji used last is first now. Chinese names are loaded when somebody searches in Chinese.
    await alice.page.click("message-composer [data-act=emoji]")
    await expect(picker.locator(".emoji-one").first).to_have_text("❤️")
    await picker.locator("input").fill("狗")
    await expect(picker.locator(".emoji-one", has_text="🐶")).to_be_visible()
    await picker.locator("input").fill("wave")
    await picker.locator("[data-act=tones]").click()
    await picker.locator("[data-tone='5']").click()
    await alice.page.keyboard.press("Enter")
    assert await alice.written() == "a ❤️👋🏿 b"
    await alice.page.click("message-composer [data-act=emoji]")
    await expect(picker).to_be_visible()
    await alice.page.keyboard.press("Escape")
    await expect(picker).to_be_hidden()

    await bob.page.click("message-composer .add")
    await bob.page.click("message-composer [data-act=emoji]")
    sheet = bob.page.locator(".emoji.sheet")
    await expect(sheet).to_be_visible()
    assert await bob.page.evaluate("document.activeElement.tagName") != "INPUT"  # no on-screen keyboard over the emoji
    await sheet.locator(".emoji-tabs [data-group=food]").tap()
    await sheet.locator(".emoji-group[data-group=food] .emoji-one").first.tap()
    assert await bob.written() == "🍇"


async def test_any_emoji_can_be_a_reaction(open_pages):
    alice, bob = await open_pages()
    await bob.say("react to this")
    await alice.sees("react to this")
    await alice.line("react to this").hover()
    await alice.line("react to this").locator("[data-act=more]").click()
    await alice.page.click("#message-menu [data-act=any-emoji]")
    await alice.page.locator(".emoji[popover] input").fill("rocket")
    await alice.page.keyboard.press("Enter")
    await bob.page.locator(".reaction[data-emoji='🚀']").wait_for()
