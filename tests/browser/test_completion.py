"""Tests of completion in the composer: the list of members after `@`, and mentions."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.conftest import FIELD, OPTION, type_in

pytestmark = pytest.mark.browser


def set_names(site, **names: str) -> None:
    with site.orm():
        from accounts.models import User

        for username, name in names.items():
            User.objects.filter(username=username).update(name=name)


async def test_a_member_is_found_by_characters_pinyin_and_initials_and_mentioned(open_pages):
    alice, bob = await open_pages()
    await asyncio.to_thread(set_names, open_pages.site, bob="王小明")
    await alice.open()
    for q in ("王", "小明", "wangxiaoming", "wxm", "wangxm", "bob"):
        await alice.page.fill(FIELD, "")
        await type_in(alice, f"@{q}")
        await expect(alice.page.locator(OPTION)).to_have_count(1)
        await expect(alice.page.locator(OPTION)).to_contain_text("王小明")
    await alice.page.fill(FIELD, "")
    await type_in(alice, "你好@wx")
    field = alice.page.locator(FIELD)
    await expect(field).to_have_attribute("aria-activedescendant", "complete-0")
    await expect(field).to_have_attribute("role", "combobox")
    await alice.page.keyboard.press("Tab")
    assert await alice.written() == "你好@bob "
    await expect(alice.page.locator("#complete")).to_be_hidden()
    await expect(field).not_to_have_attribute("role", "combobox")
    await alice.page.keyboard.press("Enter")
    await bob.page.locator(".mention.me").wait_for()


async def test_a_member_is_told_that_a_mention_of_everybody_notifies_nobody(open_pages):
    alice, bob = await open_pages()
    await alice.say("@all good morning")
    await expect(alice.page.locator(".toast")).to_have_count(0)
    await bob.say("`@all` in code")
    await expect(bob.page.locator(".toast")).to_have_count(0)
    await bob.say("大家好@all")
    await expect(bob.page.locator(".toast")).to_contain_text("Nobody was notified")


async def test_the_list_of_members_works_by_keys_by_mouse_and_by_touch(open_pages):
    alice, bob = await open_pages()
    await type_in(alice, "@")
    # The list offers @all, since alice owns the group, and bob, the only other member.
    await expect(alice.page.locator(OPTION)).to_have_count(2)
    await alice.page.keyboard.press("ArrowDown")
    await alice.page.keyboard.press("Enter")
    assert await alice.written() == "@all "
    await alice.page.fill(FIELD, "")
    await type_in(alice, "@b")
    await alice.page.keyboard.press("Escape")
    await expect(alice.page.locator("#complete")).to_be_hidden()
    await alice.page.keyboard.type("o")
    await expect(alice.page.locator("#complete")).to_be_hidden()  # Escape closes the list for the rest of this word
    await alice.page.fill(FIELD, "")
    await type_in(alice, "@b")
    await alice.page.click(OPTION)
    assert await alice.written() == "@bob "

    await bob.page.tap(FIELD)
    await bob.page.keyboard.type("@")
    await expect(bob.page.locator(OPTION)).to_have_count(1)  # a plain member is not offered @all
    await bob.page.locator(OPTION).tap()
    assert await bob.written() == "@alice "
    assert await bob.page.evaluate("document.activeElement.name") == "body"
