"""Tests of search in the browser: from the list and the quick switcher to a message, and back to the results."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from playwright.async_api import Route, expect

from accounts import actions as account_actions
from accounts.models import User
from chat import actions
from chat.attachments import uploads
from chat.models import Message
from tests.bulk_history import mark_read, write_history

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
    await expect(page.locator(SEARCH_FIELD)).to_be_focused()
    await page.locator(SEARCH_FIELD).fill("needle")
    await expect(page.locator(SEARCH_STATUS)).to_have_text("1 found")
    await page.get_by_role("link", name="All results").click()
    await expect(page.locator(".search-results li")).to_have_count(1)
    assert "conversation=" in page.url


SEARCH_FIELD = "conversation-search input[type=search]"
SEARCH_STATUS = "conversation-search output"


async def marked(page, name: str = "search-current") -> list[str]:
    """Returns the texts that are highlighted in the log: the current match, or with `search-match` the others."""
    return await page.evaluate("(name) => [...(CSS.highlights.get(name) ?? [])].map(String)", name)


async def wait_until_marked(page, texts: list[str], name: str = "search-current") -> None:
    for _ in range(50):
        if await marked(page, name) == texts:
            return
        await page.wait_for_timeout(100)
    assert await marked(page, name) == texts


async def test_matches_in_a_chat_are_walked_through_in_the_log(open_pages):
    alice, bob = await open_pages()
    await bob.say("the first Needle of all")
    await alice.sees("first Needle")
    conversation_id = int(alice.url.split("/")[2])

    def write() -> None:
        with open_pages.site.orm():
            users = dict(User.objects.values_list("username", "pk"))
            write_history(conversation_id, [users["bob"], users["alice"]], 400)
            mark_read(conversation_id, users["alice"], 10_000)

    await asyncio.to_thread(write)
    await alice.open()
    await bob.open()
    await bob.say("a second **need**le, needles everywhere")
    await alice.sees("second")
    page = alice.page
    before = page.url
    await page.locator("message-log .log").focus()
    await page.keyboard.press("Control+f")
    await page.keyboard.type("needle")
    await expect(page.locator(SEARCH_STATUS)).to_have_text("2 found")
    await wait_until_marked(page, ["needle", "needle"], "search-match")
    assert page.url == before  # typing changes nothing but the marks
    # Enter goes to the newest match, then to older ones; a distant one is loaded. The field keeps the focus.
    await page.keyboard.press("Enter")
    await expect(page.locator(SEARCH_STATUS)).to_have_text("1 of 2")
    await wait_until_marked(page, ["needle", "needle"])
    await page.keyboard.press("Enter")
    await expect(page.locator(SEARCH_STATUS)).to_have_text("2 of 2")
    await expect(alice.line("first Needle")).to_be_in_viewport()
    await wait_until_marked(page, ["Needle"])
    await expect(page.locator(SEARCH_FIELD)).to_be_focused()
    assert await page.get_by_role("button", name="Older match").get_attribute("aria-disabled") == "true"
    await page.get_by_role("button", name="Newer match").click()
    await expect(page.locator(SEARCH_STATUS)).to_have_text("1 of 2")
    await expect(alice.line("second")).to_be_in_viewport()
    # A reload keeps the search; Escape ends it.
    await page.reload()
    await expect(page.locator(SEARCH_STATUS)).to_have_text("1 of 2")
    await wait_until_marked(page, ["needle", "needle"])
    await page.locator(SEARCH_FIELD).focus()
    await page.keyboard.press("Escape")
    await expect(page.locator("conversation-search")).to_be_hidden()
    assert await marked(page) == [] and "q=" not in page.url
    # All steps together are one entry of the history.
    await page.go_back()
    await page.wait_for_url(f"**{alice.url}")


async def test_a_match_that_is_deleted_or_edited_away_leaves_the_search(open_pages):
    alice, bob = await open_pages()
    for text in ("one pebble", "two pebbles"):
        await bob.say(text)
        await alice.sees(text)
    page = alice.page
    await page.keyboard.press("Control+f")
    await page.locator(SEARCH_FIELD).fill("pebble")
    await expect(page.locator(SEARCH_STATUS)).to_have_text("2 found")

    def change() -> None:
        with open_pages.site.orm():
            one, two = Message.objects.filter(kind="text").order_by("seq")
            actions.edit_message(one.sender_id, one.pk, "one stone")
            actions.delete_message(two.sender_id, two.pk)

    await asyncio.to_thread(change)
    await expect(page.locator(SEARCH_STATUS)).to_have_text("Nothing found")
    assert await marked(page, "search-match") == []


async def test_a_match_in_the_folded_part_of_a_long_message_is_unfolded(open_pages):
    alice, bob = await open_pages()
    await bob.say("a long story. " * 200 + "The end has a thimble.")
    await alice.sees("long story")
    page = alice.page
    await page.keyboard.press("Control+f")
    await page.locator(SEARCH_FIELD).fill("thimble")
    await page.keyboard.press("Enter")
    await expect(page.locator(SEARCH_STATUS)).to_have_text("1 of 1")
    await page.wait_for_function(
        """() => { const [range] = CSS.highlights.get('search-current') ?? [];
          const box = range?.getBoundingClientRect(), log = document.querySelector('.log').getBoundingClientRect();
          return box?.height > 0 && box.top >= log.top && box.bottom <= log.bottom; }"""
    )
    assert await page.locator("message-log .unfold input").is_checked()


async def test_a_result_is_marked_in_its_place_and_back_returns_to_the_same_scroll_position(open_pages):
    alice, _bob = await open_pages()
    conversation_id = int(alice.url.split("/")[2])

    def write() -> None:
        with open_pages.site.orm():
            for number in range(25):
                bob_id = User.objects.get(username="bob").pk
                actions.send_message(
                    bob_id, conversation_id, uuid.uuid4(), f"Zürich number {number}\n" + "and so on " * 12
                )

    await asyncio.to_thread(write)
    page = alice.page
    await page.goto("/search/?q=zurich")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    result = page.locator(".search-results a", has_text="number 8")
    await result.scroll_into_view_if_needed()
    top = await page.evaluate("document.querySelector('main.page').scrollTop")
    assert top > 300
    await result.click()
    await expect(alice.line("number 8")).to_be_in_viewport()
    await expect(page.locator(SEARCH_STATUS)).to_have_text("17 of 25")
    await wait_until_marked(page, ["Zürich"])
    assert len(await marked(page, "search-match")) > 10
    await page.get_by_role("button", name="Older match").click()
    await expect(page.locator(SEARCH_STATUS)).to_have_text("18 of 25")
    await page.go_back()
    await expect(page.locator(".search-results li")).to_have_count(20)
    assert abs(await page.evaluate("document.querySelector('main.page').scrollTop") - top) <= 1
    assert await marked(page) == []


async def test_back_returns_to_the_results_on_a_slow_line_and_after_quick_clicks(open_pages, page_errors):
    """Until the results have arrived, the chat is still shown under their address, and people click in it."""
    alice, _bob = await open_pages()
    conversation_id = int(alice.url.split("/")[2])

    def write() -> int:
        with open_pages.site.orm():
            ids = dict(User.objects.values_list("username", "pk"))
            other, _created = actions.open_direct_conversation(ids["bob"], ids["alice"])
            for each in (other.id, conversation_id):
                for number in range(25):
                    text = f"Zürich number {number}" if each == conversation_id else "something else"
                    actions.send_message(ids["bob"], each, uuid.uuid4(), text + "\nand so on " * 12)
                mark_read(each, ids["alice"], 10_000)
            return other.id

    other_id = await asyncio.to_thread(write)
    page = alice.page
    await page.goto("/search/?q=zurich")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    results, found = page.url, page.locator(".search-results li")
    await page.locator(".search-results a", has_text="number 8").click()
    status = page.locator(SEARCH_STATUS)
    await expect(status).to_have_text("17 of 25")
    held: asyncio.Queue[Route] = asyncio.Queue()

    async def go_back_slowly() -> Route:
        """Goes back to the results, and holds their request. Returns it, to go on with it later."""
        await page.route("**/search/?q=zurich", held.put_nowait, times=1)
        await page.evaluate("history.back()")
        return await held.get()

    # A step in the chat that is still shown does not change the entry of the results.
    request = await go_back_slowly()
    await page.get_by_role("button", name="Older match").click()
    await expect(status).to_have_text("18 of 25")
    assert page.url == results
    await request.continue_()
    await expect(found).to_have_count(20)
    assert page.url == results
    await page.go_forward()
    await expect(status).to_contain_text("of 25")
    chat = page.url
    # Forward, before the results have arrived: they do not replace the chat any more.
    request = await go_back_slowly()
    await page.evaluate("history.forward()")
    await page.wait_for_url(chat)
    await request.continue_()
    await page.evaluate("fetch('/search/?q=zurich').then((response) => response.text())")
    await expect(page.locator("message-log")).to_be_visible()
    assert page.url == chat
    # From another chat: the address of the first one means no message of the other.
    await page.get_by_role("button", name="Older match").click()
    await page.wait_for_url("**#m-*")
    chat = page.url
    await page.locator(f".conversation-row[data-id='{other_id}']").click()
    await page.locator(f"message-log[data-conversation-id='{other_id}']").wait_for()
    await page.go_back()
    await page.locator(f"message-log[data-conversation-id='{conversation_id}']").wait_for()
    assert page.url == chat
    # If the results cannot be loaded, they are requested again.
    page_errors.allow("ERR_FAILED")
    await page.route("**/search/?q=zurich", lambda route: route.abort(), times=1)
    await page.evaluate("history.back()")
    await expect(found).to_have_count(20)
    assert page.url == results


async def test_the_quick_switcher_finds_messages_and_files_after_a_pause(open_pages):
    alice, _bob = await open_pages()
    conversation_id = int(alice.url.split("/")[2])

    def write() -> None:
        with open_pages.site.orm():
            bob_id = User.objects.get(username="bob").pk
            file = uploads.store_upload(bob_id, "预算 budget.csv", 4, [b"1,2\n"])
            actions.send_message(bob_id, conversation_id, uuid.uuid4(), "the numbers", attachment_ids=[file.pk])
            for number in range(7):
                actions.send_message(bob_id, conversation_id, uuid.uuid4(), f"budget {number}, and Room for more")

    await asyncio.to_thread(write)
    page = alice.page
    await page.keyboard.press("Control+k")
    await page.locator("#switcher input").fill("budget")
    dialog = page.locator("#switcher")
    messages = dialog.get_by_role("group", name="Messages").get_by_role("option")
    await expect(messages).to_have_count(6)  # five messages, and all results
    await expect(messages.first).to_contain_text("budget 6")
    await expect(messages.first.locator("mark")).to_have_text("budget")
    await expect(messages.last).to_have_id("switch-search")
    await expect(dialog.get_by_role("group", name="Files").get_by_role("option")).to_contain_text("预算 budget.csv")
    await expect(dialog.locator("[data-part=found-count]")).to_have_text("6 found")
    # The selection stays where the user has moved it, and Enter opens the message in its place.
    await page.keyboard.press("ArrowDown")
    await expect(messages.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(alice.line("budget 6")).to_be_in_viewport()
    await wait_until_marked(page, ["budget"])
    # Chats, people and messages stand in the same list.
    await page.keyboard.press("Control+k")
    await page.locator("#switcher input").fill("room")
    await expect(dialog.get_by_role("group", name="Messages").locator("mark").first).to_have_text("Room")
    await expect(dialog.get_by_role("group", name="Chats").get_by_role("option")).to_contain_text("Room")
    await expect(dialog.get_by_role("group", name="Chats").locator("mark")).to_have_text("Room")
    await page.locator("#switcher input").fill("xyzzy")
    await expect(dialog.locator("[data-part=none]")).to_contain_text("Nothing found for")


async def test_the_number_of_results_is_announced_and_a_match_in_a_file_name_is_marked(open_pages):
    alice, _bob = await open_pages()
    conversation_id = int(alice.url.split("/")[2])

    def write() -> None:
        with open_pages.site.orm():
            bob_id = User.objects.get(username="bob").pk
            file = uploads.store_upload(bob_id, "All about Fish.csv", 4, [b"1,2\n"])
            actions.send_message(bob_id, conversation_id, uuid.uuid4(), "the numbers", attachment_ids=[file.pk])

    await asyncio.to_thread(write)
    page = alice.page
    await page.goto("/search/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    for q, announced in (("nothing", "Nothing found"), ("fish", "1 found")):
        await page.locator("main input[type=search]").fill(q)
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-part=arrived]")).to_contain_text(f"{q} · {announced}")
    await page.locator(".search-results a").click()
    await expect(alice.line("the numbers")).to_be_in_viewport()
    await wait_until_marked(page, ["Fish"])


async def test_recent_searches_stay_on_this_device_until_they_are_removed(open_pages):
    alice, _bob = await open_pages()
    page = alice.page
    stored = "Object.entries(localStorage).find(([key]) => /^messenger[.]searches[.][0-9]+[.]recent$/.test(key))?.[1]"
    for q in ("minu", "minutes", "预算"):
        await page.goto("/search/")
        await page.wait_for_selector("live-socket[data-state=open]", state="attached")
        await page.locator("main input[type=search]").fill(q)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/search/?q=*")
        await page.locator("[data-q]").wait_for(state="attached")
        await page.wait_for_function(f"(q) => ({stored} ?? '').includes(q)", arg=q)
    await page.goto("/search/")
    recent = page.locator("[data-part=recent] li b")
    await expect(recent).to_have_text(["预算", "minutes"])  # not the beginning of a search that was continued
    await recent.first.click()
    await page.wait_for_url("**/search/?q=%E9%A2%84%E7%AE%97")
    await page.go_back()
    await page.get_by_role("button", name="Remove 预算").click()
    await expect(recent).to_have_text(["minutes"])
    await expect(page.get_by_role("button", name="Remove minutes")).to_be_focused()
    await page.get_by_role("button", name="Clear all").click()
    await expect(page.locator("[data-part=recent]")).to_be_hidden()
    assert await page.evaluate(stored) is None
    # Signing out deletes them.
    await page.goto("/search/?q=secret")
    await page.wait_for_function(stored)
    await page.goto("/accounts/logout/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await page.click("form[data-sign-out] button")
    await page.wait_for_url("**/accounts/login/**")
    assert await page.evaluate("Object.keys(localStorage).filter((key) => key.includes('searches'))") == []


async def test_people_and_days_are_picked_as_filters(open_pages):
    alice, bob = await open_pages()

    def meet() -> None:
        with open_pages.site.orm():
            alice, bob = User.objects.order_by("pk")
            actions.open_direct_conversation(alice.pk, bob.pk)
            account_actions.update_profile(bob.pk, {"name": "小千"})

    await asyncio.to_thread(meet)
    await bob.say("plan for today")
    await alice.say("plan of mine")
    await bob.sees("plan of mine")
    page = alice.page
    await page.goto("/search/?q=plan")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    results = page.locator(".search-results li")
    await expect(results).to_have_count(2)
    # `from:` in the field suggests people by pinyin, as `@` in the composer does.
    field = page.locator("main input[type=search]")
    await field.press("End")
    await page.keyboard.type(" from:xiaoq")
    option = page.locator("#complete [role=option]")
    await expect(option).to_contain_text("小千")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("plan from:bob ")
    await page.keyboard.press("Enter")
    await expect(results).to_have_count(1)
    # The filter is a chip that can be removed.
    await page.get_by_role("link", name="From bob").click()
    await expect(results).to_have_count(2)
    # The same with the picker of people, by keys only.
    await page.locator("summary", has_text="From").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#filter-from")).to_be_focused()
    await page.keyboard.type("xiaoqian")
    await expect(option).to_contain_text("小千")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="From bob")).to_be_visible()
    # A day
    await page.locator("summary", has_text="Date").click()
    await page.select_option("select[name=when]", "before")
    await page.fill("#filter-day", "2020-02-03")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Before 2020-02-03")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("No messages found")
    await page.get_by_role("link", name="Search without filters").click()
    await expect(results).to_have_count(2)
    await page.locator("summary", has_text="Date").click()
    await page.keyboard.press("Escape")
    await expect(page.locator("#filter-day")).to_be_hidden()
