"""Tests of search in the browser: from the list and the quick switcher to a message, and back to the results."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def test_a_result_opens_the_message_and_back_returns_to_the_results(open_pages):
    alice, bob = await open_pages()
    await bob.say("我们明天在图书馆见面")
    for number in range(3):
        await bob.say(f"line {number}")
    await alice.sees("line 2")
    page = alice.page
    await page.keyboard.press("Control+k")
    await page.locator("#switcher input").fill("圖書館")
    option = page.locator("#switch-search")
    await expect(option).to_contain_text("圖書館")
    await option.click()
    await expect(page.locator(".search-results mark")).to_have_text("图书馆")
    results = page.url
    await page.locator(".search-results a").click()
    await expect(alice.line("图书馆")).to_be_in_viewport()
    assert "at=" in page.url
    await page.go_back()
    await expect(page.locator(".search-results mark")).to_have_text("图书馆")
    assert page.url == results


async def test_the_list_offers_to_search_messages_while_one_types(open_pages):
    alice, bob = await open_pages()
    await bob.say("the minutes of yesterday")
    await alice.sees("minutes")
    page = alice.page
    await page.fill("input[name=find]", "minutes")
    link = page.locator(".list-search")
    await expect(link).to_contain_text("minutes")
    await page.press("input[name=find]", "Enter")  # no chat has this name, so Enter searches messages
    await expect(page.locator(".search-results mark")).to_have_text("minutes")


async def test_a_chat_is_searched_from_its_menu(open_pages):
    alice, bob = await open_pages()
    await bob.say("a needle in the hay")
    await alice.sees("needle")
    page = alice.page
    await page.click("[popovertarget=conversation-menu]")
    await page.get_by_role("menuitem", name="Search in chat").click()
    await page.locator("main input[name=q]").fill("needle")
    await page.keyboard.press("Enter")
    await expect(page.locator(".search-results li")).to_have_count(1)
    assert "conversation=" in page.url
