"""Tests of groups in real browsers: side panel, confirmation dialogs and people picker.

Also tests that pinned messages and announcements change on open pages at once.
"""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from accounts.models import User
from chat import actions

pytestmark = pytest.mark.browser


async def run_action(open_pages, action, *args, **options):
    """Calls `action`, a function that changes data, with the database of the running site. Returns its result.

    It is called in a Python thread. Open pages receive the change over their WebSockets.
    """

    def give():
        with open_pages.site.orm():
            return action(*args, **options)

    return await asyncio.to_thread(give)


async def test_the_panel_lies_over_a_phone_and_gives_the_focus_back(open_pages):
    _alice, bob = await open_pages()
    page = bob.page
    opener = page.locator(".conversation-open")  # on a phone, avatar and name open the panel
    await opener.click()
    panel = page.locator("#panel")
    await expect(panel).to_have_attribute("role", "dialog")
    await expect(panel.locator(".panel-view:not([hidden]) .panel-head [data-act=panel]")).to_be_focused()
    assert await page.eval_on_selector("main.conversation", "main => main.inert")
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(opener).to_be_focused()
    assert not await page.eval_on_selector("main.conversation", "main => main.inert")


async def test_members_come_and_go_live_and_a_reload_shows_the_same(open_pages):
    alice, _bob = await open_pages()
    page, group = alice.page, int(alice.url.split("/")[2])
    await page.click(".tools [data-act=panel][data-view=members]")
    people = await run_action(
        open_pages, lambda: [User.objects.create_user(name).pk for name in ("zora", "anton", "Bella")]
    )
    me = (await (await page.request.get("/api/v1/me/")).json())["id"]
    await run_action(open_pages, actions.add_members, me, group, people)
    await run_action(open_pages, actions.set_role, me, group, people[0], "admin")
    await expect(page.locator("#panel .member")).to_have_count(5)
    await expect(page.locator("#panel [data-part=member-count]")).to_have_text("5")
    names = "all => all.map((each) => each.innerText)"
    await expect(page.locator("[data-part=elsewhere] .member").first).to_contain_text("zora")
    before = await page.eval_on_selector_all("#panel [data-part=elsewhere] .member", names)
    await page.goto(f"{alice.url}?panel=members")
    await expect(page.locator("#panel [data-part=here] .member")).to_have_count(2)
    assert await page.eval_on_selector_all("#panel [data-part=elsewhere] .member", names) == before
    await page.fill(".panel-find input", "anto")
    await expect(page.locator("[data-part=found] .member")).to_have_count(1)
    await page.fill(".panel-find input", "")
    await run_action(open_pages, actions.remove_member, me, group, people[1])
    await expect(page.locator("#panel [data-part=all] .member")).to_have_count(4)
    await alice.assert_reload_changes_nothing()


async def test_a_card_a_mention_and_a_question(open_pages):
    alice, bob = await open_pages()
    page = alice.page
    await page.click(".tools [data-act=panel][data-view=members]")
    await page.locator("#panel .member", has_text="bob").click()
    dialog = page.locator("dialog.over")
    await expect(dialog.locator("h2")).to_have_text("bob")
    await dialog.locator("[data-act=mention]").click()
    await expect(page.locator("message-composer textarea")).to_have_value("@bob ")
    await page.locator("#panel .member", has_text="bob").click()
    await dialog.get_by_text("Remove from group").click()
    await expect(dialog.get_by_role("heading", name="Remove bob")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await page.locator("#panel .member", has_text="bob").click()
    await dialog.get_by_text("Remove from group").click()
    await dialog.locator("button.danger").click()
    await expect(page.locator("toast-stack .toast")).to_contain_text("Removed.")
    await expect(page.locator("message-log li.system").last).to_contain_text("You removed bob")
    await expect(bob.page.locator(f".conversation-row[href='{alice.url}']")).to_have_count(0)


async def test_being_added_is_shown_in_the_list_until_the_group_is_opened(open_pages):
    alice, bob = await open_pages()
    me = (await (await alice.page.request.get("/api/v1/me/")).json())["id"]
    bob_id = (await (await bob.page.request.get("/api/v1/me/")).json())["id"]
    await bob.page.goto("/")
    await bob.page.wait_for_selector("live-socket[data-state=open]", state="attached")
    made = await run_action(open_pages, actions.create_group, me, "Walk", [bob_id])
    row = bob.page.locator(f".conversation-row[data-id='{made.id}']")
    await expect(row.locator(".row-last")).to_have_text("alice added you")
    await expect(row.locator(".badge.dot")).to_be_visible()
    assert not (await bob.page.title()).startswith("(")  # it is no unread message
    await bob.page.reload()
    await bob.page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await expect(row.locator(".row-last")).to_have_text("alice added you")
    await row.click()
    await expect(bob.page.locator(".beginning")).to_contain_text("alice created this group")
    await expect(bob.page.locator(".beginning")).to_contain_text("and added you")
    await bob.page.click(".back")
    await expect(row.locator(".row-last")).to_have_text("No messages yet")
    await expect(row.locator(".badge.dot")).to_be_hidden()
    await bob.page.reload()
    await expect(row.locator(".badge.dot")).to_be_hidden()


async def test_messages_show_the_role_of_their_sender_live_as_a_reload_does(open_pages):
    alice, bob = await open_pages()
    group = int(alice.url.split("/")[2])
    ids = await run_action(open_pages, lambda: dict(User.objects.values_list("username", "pk")))
    await alice.say("from the owner")
    await bob.say("from a member")
    await alice.sees("from a member")
    await bob.sees("from the owner")
    role_of_alice = bob.line("from the owner").locator(".msg-by .role")
    role_of_bob = alice.line("from a member").locator(".msg-by .role")
    await expect(role_of_alice).to_have_text("owner")
    await expect(role_of_bob).to_have_count(0)
    await run_action(open_pages, actions.set_role, ids["alice"], group, ids["bob"], "admin")
    await expect(role_of_bob).to_have_text("admin")
    await expect(alice.line("from the owner").locator(".role")).to_have_count(0)
    await alice.assert_reload_changes_nothing()
    await bob.assert_reload_changes_nothing()
    await run_action(open_pages, actions.set_role, ids["alice"], group, ids["bob"], "member")
    await expect(role_of_bob).to_have_count(0)


async def test_the_bell_in_the_head_mutes_and_shows_whether_the_chat_is_muted(open_pages):
    alice, _bob = await open_pages()
    page, group = alice.page, alice.url.split("/")[2]
    mute, unmute = (page.locator(f".mute-tool button[value={value}]") for value in ("on", "off"))
    await expect(mute).to_have_attribute("title", "Mute")
    await mute.click()
    await expect(unmute).to_be_focused()
    await expect(mute).to_be_hidden()
    await expect(page.locator(f".conversation-row[data-id='{group}'] .row-muted")).to_be_visible()
    await alice.open()
    await expect(unmute).to_be_visible()
    await unmute.press("Enter")
    await expect(mute).to_be_focused()
    await expect(unmute).to_be_hidden()


async def test_the_line_above_new_messages_counts_them_live_as_a_reload_does(open_pages):
    alice, bob = await open_pages()
    for _ in range(6):
        await alice.say("\n".join(f"line {number}" for number in range(10)))
    await alice.wait_until_sent()
    await alice.page.locator(".log").hover()
    while await alice.page.evaluate(
        "document.querySelector('.log').scrollTop > 0"
    ):  # as a reader of older messages does
        await alice.page.mouse.wheel(0, -500)
        await alice.page.wait_for_timeout(50)
    label = alice.page.locator("message-log .unread-line span")
    await bob.say("first")
    await expect(label).to_have_text(re.compile(r"^1 new since \d\d:\d\d$"))
    await bob.say("second")
    await expect(label).to_have_text(re.compile(r"^2 new since \d\d:\d\d$"))
    words = await label.text_content()
    await alice.page.reload()
    await expect(label).to_have_text(words or "")


async def test_an_announcement_and_pins_live(open_pages):
    alice, bob = await open_pages()
    group = int(alice.url.split("/")[2])
    me = (await (await alice.page.request.get("/api/v1/me/")).json())["id"]
    words = (
        "**Read** https://example.org/a first, and then, when you have understood all of it, come to the door at ten."
    )
    await run_action(open_pages, actions.update_group, me, group, {"announcement": words})
    bar = bob.page.locator("conversation-announcement")
    await expect(bar).to_be_visible()
    await expect(bar.locator(".mark-new")).to_be_visible()
    await bar.locator("summary").click()
    await expect(bar.locator(".whole a")).to_have_attribute("href", "https://example.org/a")
    await expect(bar.locator(".whole strong")).to_have_text("Read")
    live = [await bar.locator(part).inner_html() for part in (".whole", "[data-part=line]")]
    await bob.open()
    assert [await bar.locator(part).inner_html() for part in (".whole", "[data-part=line]")] == live
    await bar.locator("form button").click()
    await expect(bar).to_be_hidden()
    await bob.open()
    await expect(bar).to_be_hidden()
    await run_action(open_pages, actions.update_group, me, group, {"announcement": "Now this"})
    await expect(bar).to_be_visible()

    await alice.say("keep this")
    await bob.sees("keep this")
    number = await bob.line("keep this").get_attribute("data-id")
    await run_action(open_pages, actions.set_pinned, me, int(number or 0), True)
    tool = alice.page.locator(".pin-tool")
    await expect(tool).to_contain_text("1")
    await tool.click()
    await expect(alice.page.locator("#panel .pin")).to_contain_text("keep this")
    await alice.page.click("#panel [data-act=unpin]")
    await expect(alice.page.locator("#panel .pins-none")).to_be_visible()
    await expect(tool).to_be_hidden()


async def test_people_are_chosen_by_keyboard_as_chips(open_pages):
    alice, _bob = await open_pages()
    page = alice.page
    await run_action(open_pages, lambda: [User.objects.create_user(name) for name in ("carla", "carlos", "dora")])
    await page.goto("/new/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    field = page.locator("people-picker input[type=search]")
    await field.fill("carl")
    await expect(page.locator("[data-part=results] li")).to_have_count(2)
    await field.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".chip")).to_have_count(1)
    await page.fill("input[name=title]", "Rowing")
    await field.fill("dora")
    await expect(page.locator("[data-part=results] li")).to_have_count(1)
    await field.press("Enter")
    await expect(page.locator(".chip")).to_have_count(2)
    await expect(page.locator("input[name=title]")).to_have_value("Rowing")  # the typed title is kept
    await page.locator("people-picker input[type=search]").press("Backspace")
    await expect(page.locator(".chip")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".chip")).to_have_count(1)
    await page.get_by_text("Create group").click()
    await page.wait_for_selector("message-log")
    await expect(page.locator("#h-conversation")).to_have_text("carla")


async def test_nothing_moves_under_the_pointer_while_people_are_selected(open_pages):
    alice, _bob = await open_pages()
    page = alice.page
    await run_action(open_pages, lambda: [User.objects.create_user(f"guest{number}") for number in range(6)])
    await page.goto("/new/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    tops = "rows => rows.map(row => [row.dataset.userId, row.getBoundingClientRect().top])"
    rows = page.locator("[data-part=results] li")
    before = await rows.evaluate_all(tops)
    for number in range(5):
        await page.locator("[data-part=results] .pick").nth(number).click()
        await expect(page.locator(".chip")).to_have_count(number + 1)
        assert await rows.evaluate_all(tops) == before
    await page.locator("[data-part=results] .pick").nth(2).click()
    await expect(page.locator(".chip")).to_have_count(4)
    assert await rows.evaluate_all(tops) == before


async def test_the_settings_page_follows_and_keeps_what_is_typed(open_pages):
    alice, _bob = await open_pages()
    page, group = alice.page, int(alice.url.split("/")[2])
    me = (await (await page.request.get("/api/v1/me/")).json())["id"]
    await page.goto(f"{alice.url}settings/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await page.fill("textarea[name=description]", "half a thou")
    await run_action(open_pages, actions.update_group, me, group, {"title": "Another name"})
    await expect(page.locator("input[name=title]")).to_have_value("Another name")
    await expect(page.locator("textarea[name=description]")).to_have_value("half a thou")
    await expect(page.locator("[data-part=stale]")).to_be_hidden()
    await run_action(open_pages, actions.update_group, me, group, {"description": "from elsewhere"})
    await expect(page.locator("[data-part=stale]")).to_be_visible()
    await expect(page.locator("textarea[name=description]")).to_have_value("half a thou")
