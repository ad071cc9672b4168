"""Tests of the people page in real browsers: search by name and pinyin, and live changes.

When a user sends a contact request, blocks somebody or changes privacy settings, the open page of the other user
changes at once.
"""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest
from playwright.async_api import Page, expect

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.models import Relationship, User
from chat import actions
from chat.models import Message

pytestmark = pytest.mark.browser

FOLDED = "Message from someone you blocked"


@pytest.fixture
def run_action(open_pages):
    async def run_action(action, *args):
        def give():
            with open_pages.site.orm():
                return action(*args)

        return await asyncio.to_thread(give)

    return run_action


def ids() -> dict[str, int]:
    return dict(User.objects.values_list("username", "pk"))


def state(user: int, person: int) -> str:
    return Relationship.objects.filter(user=user, person=person).values_list("state", flat=True).first() or "none"


async def go(page: Page, path: str) -> None:
    await page.goto(path)
    if await page.locator("live-socket").count():
        await page.locator("live-socket[data-state=open]").wait_for(state="attached")


def row(page: Page, name: str, part: str = "people-page"):
    return page.locator(f"{part} .rows li", has_text=name)


async def reload_shows_the_same(page: Page) -> None:
    said = "page => [...page.querySelectorAll('section')].filter((each) => !each.hidden).map((each) => each.innerText)"
    before = await page.eval_on_selector("people-page", said)
    await go(page, page.url)
    await page.wait_for_timeout(200)
    assert await page.eval_on_selector("people-page", said) == before


async def test_somebody_is_found_by_characters_pinyin_and_initials_while_one_types(open_pages, run_action):
    alice, _bob = await open_pages()
    page = alice.page

    def come():
        User.objects.create_user("chen", name="陈小明")
        User.objects.create_user("li", name="李雷")

    await run_action(come)
    await go(page, "/people/")
    found = page.locator("people-picker [data-part=results] li")
    for typed in ("陈小", "小明", "chenxiao", "xiaoming", "cxm", "@chen"):
        await page.fill("people-picker input[type=search]", typed)
        await expect(found).to_have_count(1)
        await expect(found).to_contain_text("陈小明")
    await page.fill("people-picker input[type=search]", "nobody at all")
    await expect(found).to_have_count(0)
    await expect(page.locator("people-picker .hint")).to_contain_text("nobody at all")
    await page.fill("people-picker input[type=search]", "lil")
    await found.get_by_text("Add").click()
    await expect(page.locator("toast-stack")).to_contain_text("Added to contacts.")
    await expect(row(page, "李雷")).to_have_count(1)


async def test_a_request_is_asked_answered_and_taken_out_again_live(open_pages, run_action):
    alice, bob = await open_pages()
    who = await run_action(ids)
    await run_action(account_actions.update_profile, bob_id := who["bob"], {"add_me": "contacts"})
    for page in (alice.page, bob.page):
        await go(page, "/people/")
    asks = bob.page.locator("section", has=bob.page.locator("#h-asks"))
    for answer in ("Decline", "Accept"):
        await go(alice.page, "/people/?q=bob")
        await row(alice.page, "bob", "people-picker").get_by_text("Add").click()
        await expect(alice.page.locator("#h-asked")).to_be_visible()
        await expect(asks.locator("li")).to_contain_text("alice")  # without a reload
        await asks.get_by_role("button", name=answer).click()
        await expect(bob.page.locator("#h-asks")).to_have_count(0)
        await expect(alice.page.locator("#h-asked")).to_have_count(0)  # without a reload
    here = alice.page.locator("[data-part=here]")
    await expect(here.locator("li")).to_contain_text("bob")
    await expect(here.locator(".avatar .here")).to_be_visible()
    await reload_shows_the_same(alice.page)
    await alice.page.locator("people-page .what", has_text="bob").click()
    await alice.page.locator("dialog.over").get_by_text("Remove from contacts").click()
    await expect(row(alice.page, "bob")).to_have_count(0)
    assert await run_action(state, bob_id, who["alice"]) == "contact"  # her change does not change his contact list


async def test_a_block_folds_and_hides_at_once_and_unblocking_brings_it_back(open_pages, run_action):
    alice, bob = await open_pages()
    who = await run_action(ids)
    await bob.say("hello @alice")
    await alice.sees("hello @alice")
    line, preview = alice.line("hello @alice"), alice.page.locator(".conversation-row .row-last").first
    await expect(line).to_have_class("msg first last for-me")
    await run_action(contacts.block_user, who["alice"], who["bob"])
    await expect(line).to_have_class("msg first last blocked")
    await expect(line.locator(".msg-text")).to_be_hidden()
    await expect(preview).to_have_text(FOLDED)
    before = await bob.page.evaluate("document.querySelector('.shell').innerText")
    await bob.page.locator("message-composer textarea").press_sequentially("typing")
    await alice.page.wait_for_timeout(600)
    await expect(alice.page.locator("typing-line .typing")).to_be_empty()
    await bob.say("and more")
    await expect(alice.page.locator("message-log .msg.blocked")).to_have_count(2)
    await expect(preview).to_have_text(FOLDED)
    assert "block" not in before.lower()
    await alice.assert_reload_changes_nothing()
    # Both messages are one line, which does not name the sender, until it is opened.
    folds = alice.page.locator(".msg.blocked .unblock")
    await expect(folds.first).to_contain_text("Messages from someone you blocked")
    await expect(folds.last).to_be_hidden()
    await expect(alice.page.locator(".msg.blocked .avatar").first).to_be_hidden()
    assert (await line.bounding_box())["height"] < 40 and (await alice.line("and more").bounding_box())["height"] == 0
    await folds.first.click()
    for text in ("hello @alice", "and more"):
        await expect(alice.line(text).locator(".msg-text")).to_be_visible()
    await expect(folds.last).to_be_hidden()
    await folds.first.click()
    await expect(alice.line("and more").locator(".msg-text")).to_be_hidden()
    await run_action(contacts.unblock_user, who["alice"], who["bob"])
    await expect(alice.page.locator("message-log .msg.blocked")).to_have_count(0)
    await expect(line).to_have_class("msg first for-me")
    await expect(preview).to_contain_text("and more")
    await alice.assert_reload_changes_nothing()


async def test_blocking_from_a_card_asks_and_keeps_the_conversation_open(open_pages, run_action):
    alice, bob = await open_pages()
    page = alice.page
    await bob.say("hello from bob")
    await alice.sees("hello from bob")
    await alice.line("hello from bob").locator(".msg-by a").click()
    dialog = page.locator("dialog.over")
    await dialog.get_by_role("link", name="Block").click()
    await expect(dialog.get_by_role("heading", name="Block bob?")).to_be_visible()
    await dialog.get_by_role("button", name="Block").click()
    await expect(dialog).to_have_count(0)
    await expect(alice.line("hello from bob")).to_have_class("msg first last blocked")
    assert page.url.endswith(alice.url)
    toast = page.locator("toast-stack .toast", has_text="Blocked.")
    await toast.get_by_role("button", name="Undo").click()
    await expect(alice.line("hello from bob")).to_have_class("msg first last")


async def test_the_buttons_of_a_card_leave_the_conversation_open(open_pages, run_action, page_errors):
    alice, bob = await open_pages()
    page = alice.page
    who = await run_action(ids)
    await bob.say("hello from bob")
    await alice.sees("hello from bob")
    await alice.line("hello from bob").locator(".msg-by a").click()
    dialog, toasts = page.locator("dialog.over"), page.locator("toast-stack .toast")
    await dialog.get_by_role("button", name="Add to contacts").click()
    await expect(toasts.last).to_contain_text("Added to contacts.")
    await dialog.get_by_role("button", name="Remove from contacts").click()
    await expect(toasts.last).to_contain_text("Removed from contacts.")
    await expect(dialog.get_by_role("button", name="Add to contacts")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.click(".tools [data-act=panel][data-view=members]")
    member = page.locator("#panel .member", has_text="bob")
    await member.click()
    await dialog.get_by_role("button", name="Make admin").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("message-log li.system").last).to_contain_text("You made bob an admin")
    await member.click()
    await expect(dialog.get_by_role("button", name="Remove as admin")).to_be_visible()
    page_errors.allow("404")
    await run_action(actions.remove_member, who["alice"], int(alice.url.split("/")[2]), who["bob"])
    await dialog.get_by_role("button", name="Remove as admin").click()
    await expect(toasts.last).to_have_attribute("role", "alert")  # bob is no member any more
    assert page.url.endswith(alice.url)


async def test_blocked_words_that_others_forward_are_collapsed_live_and_after_a_reload(open_pages, run_action):
    alice, bob = await open_pages()
    await bob.say("words of bob")
    await alice.sees("words of bob")
    who = await run_action(ids)

    def forward() -> None:
        carol = User.objects.create_user("carol", password=None)
        message = Message.objects.get(body="words of bob")
        actions.add_members(who["alice"], message.conversation_id, [carol.pk])
        actions.send_message(carol.pk, message.conversation_id, uuid.uuid4(), "", forward_id=message.pk)

    await run_action(forward)
    line, preview = alice.page.locator(".msg:has(.forwarded)"), alice.page.locator(".conversation-row .row-last").first
    await expect(line).not_to_have_class(re.compile("blocked"))
    await run_action(contacts.block_user, who["alice"], who["bob"])
    await expect(line).to_have_class(re.compile("blocked"))
    await expect(preview).to_have_text(FOLDED)
    await alice.assert_reload_changes_nothing()
    await expect(preview).to_have_text(FOLDED)
    await run_action(contacts.unblock_user, who["alice"], who["bob"])
    await expect(line).not_to_have_class(re.compile("blocked"))
    await expect(preview).to_contain_text("words of bob")


async def test_a_direct_conversation_has_no_composer_while_the_other_user_is_blocked(open_pages, run_action):
    alice, bob = await open_pages()
    who = await run_action(ids)
    await run_action(actions.open_direct_conversation, who["bob"], who["alice"])
    chat, _ = await run_action(actions.open_direct_conversation, who["alice"], who["bob"])
    alice.url = bob.url = f"/c/{chat.id}/"
    await alice.open()
    await bob.open()
    await alice.page.fill("message-composer textarea", "half a sentence")
    await run_action(contacts.block_user, who["alice"], who["bob"])
    closed = alice.page.locator(".composer-closed")
    await expect(closed).to_contain_text("You’ve blocked this person.")
    await expect(alice.page.locator("message-composer")).to_have_count(0)
    await expect(bob.page.locator("message-composer")).to_be_visible()
    await closed.get_by_role("button", name="Unblock").click()
    await expect(alice.page.locator("message-composer textarea")).to_have_value("half a sentence")


async def test_a_block_hides_the_words_in_quotes_too(open_pages, run_action):
    alice, bob = await open_pages()
    who = await run_action(ids)
    await bob.say("loud words")
    await alice.line("loud words").hover()
    await alice.line("loud words").locator("[data-act=reply]").first.click()
    await alice.say("I disagree")
    quote = alice.line("I disagree").locator(".reply")
    await expect(quote.get_by_text("loud words")).to_be_visible()
    await run_action(contacts.block_user, who["alice"], who["bob"])
    await expect(quote.get_by_text("loud words")).to_be_hidden()
    await expect(quote.get_by_text(FOLDED)).to_be_visible()
    await expect(quote).to_have_attribute("title", "")
    await alice.assert_reload_changes_nothing()  # nor do the receipts of bob
    await expect(quote.get_by_text("loud words")).to_be_hidden()
    await run_action(contacts.unblock_user, who["alice"], who["bob"])
    await expect(quote.get_by_text("loud words")).to_be_visible()
    await alice.assert_reload_changes_nothing()


async def test_privacy_takes_effect_in_the_other_s_browser_at_once(open_pages, run_action):
    alice, bob = await open_pages()
    who = await run_action(ids)
    await run_action(contacts.add_contact, who["alice"], who["bob"])
    await go(alice.page, "/people/")
    await expect(alice.page.locator("[data-part=here] li")).to_contain_text("bob")
    other = await bob.page.context.new_page()
    for choice, list_ in (("nobody", "away"), ("contacts", "away"), ("everyone", "here")):
        await go(other, "/settings/privacy/")
        await other.locator(f"label:has(input[name=show_presence][value={choice}])").click()
        await other.get_by_role("button", name="Save changes").click()
        await expect(other.locator("toast-stack, .notice").first).to_contain_text("Saved.")
        await expect(alice.page.locator(f"[data-part={list_}] li")).to_contain_text("bob")
    await reload_shows_the_same(alice.page)


async def test_with_scripts_off_all_of_it_is_forms(open_pages, browser_for, run_action):
    await open_pages()
    who = await run_action(ids)
    await run_action(account_actions.update_profile, who["bob"], {"write_to_me": "contacts"})
    hers = await browser_for(open_pages.site, "alice", scripts=False)
    his = await browser_for(open_pages.site, "bob", phone=True, scripts=False)
    await hers.goto("/people/")
    await hers.fill("input[name=q]", "bo")
    await hers.press("input[name=q]", "Enter")
    await row(hers, "bob", "people-picker").get_by_role("button", name="Ask to be a contact").click()
    await expect(hers.locator("#h-asked")).to_be_visible()
    await his.goto("/people/")
    await row(his, "alice").get_by_role("button", name="Accept").click()
    await expect(row(his, "alice")).to_have_count(1)
    await hers.goto("/people/")
    await row(hers, "bob").locator(".what").click()
    await hers.get_by_role("link", name="Block").click()
    await expect(hers.get_by_role("heading", name="Block bob?")).to_be_visible()
    await hers.get_by_role("button", name="Block").click()
    await expect(hers.locator("main")).to_contain_text("You’ve blocked this person.")
    await hers.goto("/people/")
    await expect(hers.locator("#h-blocked")).to_be_visible()
    await hers.get_by_role("button", name="Unblock").click()
    await expect(hers.locator("#h-blocked")).to_have_count(0)
    await expect(row(hers, "bob")).to_have_count(1)


async def test_the_list_shows_whether_my_last_direct_message_was_read_live_and_after_a_reload(open_pages, run_action):
    alice, bob = await open_pages()
    who = await run_action(ids)
    direct = await run_action(lambda: actions.open_direct_conversation(who["alice"], who["bob"])[0].id)
    alice.url = f"/c/{direct}/"
    await alice.open()
    row = alice.page.locator(f".conversation-row[data-id='{direct}']")
    await alice.say("are you there?")
    await bob.page.locator(f".conversation-row[data-id='{direct}']").wait_for(state="attached")
    await expect(row.get_by_role("img", name="Delivered")).to_be_visible()
    await expect(row.locator(".row-last")).to_have_text("You: are you there?")
    await alice.open()
    await expect(row.get_by_role("img", name="Delivered")).to_be_visible()
    await bob.page.goto(alice.url)
    await expect(row.get_by_role("img", name="Seen")).to_be_visible()
    await alice.open()
    await expect(row.get_by_role("img", name="Seen")).to_be_visible()
    await bob.say("yes")
    await expect(row.locator(".row-last")).to_have_text("yes")
    await expect(row.locator(".row-receipt")).to_have_count(0)


async def test_what_arrived_while_the_browser_was_closed_is_delivered_by_any_page_with_the_list(open_pages, run_action):
    alice, bob = await open_pages()
    who = await run_action(ids)
    direct = await run_action(lambda: actions.open_direct_conversation(who["alice"], who["bob"])[0].id)
    alice.url = f"/c/{direct}/"
    await alice.open()
    await bob.page.goto("about:blank")
    await alice.say("are you there?")
    await alice.wait_until_sent()
    row = alice.page.locator(f".conversation-row[data-id='{direct}']")
    await expect(row.get_by_role("img", name="Sent")).to_be_visible()
    await bob.open()  # the group, not this conversation
    await expect(row.get_by_role("img", name="Delivered")).to_be_visible()
