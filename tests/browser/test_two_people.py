"""Tests of two users who write to each other in real browsers. One browser has the window size of a phone."""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest
from playwright.async_api import expect

from chat import actions
from chat.actions.sending import SendCommand, send_many
from chat.payloads import SendPayload

pytestmark = pytest.mark.browser


async def test_they_talk_and_a_reload_changes_nothing(open_pages, each_server):
    alice, bob = await open_pages(each_server)
    await alice.say("hello **bob**")
    await bob.sees("hello bob")
    await bob.say("hi @alice, 你好")
    await alice.sees("hi @alice, 你好")
    await alice.say("and `code`, and https://example.org/a?b=c")
    await bob.sees("and code")
    await bob.say("晚上见，*准时*")
    await bob.say("🎉 🙏")
    await alice.sees("🎉 🙏")

    line = bob.line("hello bob")
    await alice.line("hello bob").hover()
    await alice.page.keyboard.press("Escape")
    assert await line.count() == 1
    assert await alice.texts() == await bob.texts()
    await alice.assert_reload_changes_nothing()
    await bob.assert_reload_changes_nothing()


async def test_edits_reactions_replies_and_deletions_are_the_same_after_a_reload(open_pages):
    alice, bob = await open_pages()
    await alice.say("helo")
    await bob.sees("helo")
    # ArrowUp in the empty composer edits the last own message
    await alice.page.press("message-composer textarea", "ArrowUp")
    await alice.page.fill("message-composer textarea", "hello")
    await alice.page.press("message-composer textarea", "Enter")
    await bob.sees("hello")
    await alice.say("soon gone")
    await bob.sees("soon gone")
    await bob.say("an answer to nothing")
    await alice.sees("an answer to nothing")

    api = alice.page.request
    conversation = alice.url.split("/")[2]
    history = await (await api.get(f"/api/v1/conversations/{conversation}/messages/")).json()
    by_body = {message["body"]: message for message in history["results"]}
    token = await alice.page.locator("message-composer input[name=csrfmiddlewaretoken]").input_value()
    headers = {"X-CSRFToken": token, "Referer": alice.page.url}
    answer = await api.put(f"/api/v1/messages/{by_body['hello']['id']}/reactions/👍/", headers=headers)
    assert answer.ok, await answer.text()
    reply = {
        "client_id": "7c2a1f0e-0000-4000-8000-000000000001",
        "body": "a reply",
        "reply_to_id": by_body["soon gone"]["id"],
    }
    assert (await api.post(f"/api/v1/conversations/{conversation}/messages/", data=reply, headers=headers)).ok
    await bob.sees("a reply")
    assert (await api.delete(f"/api/v1/messages/{by_body['soon gone']['id']}/", headers=headers)).ok
    await bob.page.locator("message-log li.msg.deleted").wait_for()
    await bob.page.locator("message-log .reaction[aria-pressed]").first.wait_for()
    await alice.page.locator("message-log li.msg.deleted").wait_for()

    await alice.assert_reload_changes_nothing()
    await bob.assert_reload_changes_nothing()


async def test_the_server_is_killed_while_both_send_and_everything_arrives_once(open_pages, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|net::ERR")
    alice, bob = await open_pages()
    for number in range(5):
        await alice.say(f"alice before {number}")
        await bob.say(f"bob before {number}")
    open_pages.server.kill()
    for number in range(5):
        await alice.say(f"alice during {number}")
        await bob.say(f"bob during {number}")
    # unsent messages are still on the page
    assert await alice.page.locator("message-log li.msg", has_text="alice during").count() == 5
    await alice.page.locator("connection-banner .banner[data-state=busy]").wait_for()
    await asyncio.to_thread(open_pages.server.start)
    for number in range(5):
        await alice.sees(f"bob during {number}")
        await bob.sees(f"alice during {number}")
    await alice.wait_until_sent()
    await bob.wait_until_sent()
    seen = await alice.texts()
    assert len(seen) == 20
    assert len(set(seen)) == 20
    assert seen == await bob.texts()
    assert [text for text in seen if text.startswith("alice")] == [
        f"alice {when} {number}" for when in ("before", "during") for number in range(5)
    ]
    await alice.assert_reload_changes_nothing()


async def test_what_was_written_offline_survives_a_reload(open_pages, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|net::ERR")
    alice, bob = await open_pages()
    # The proxy discards all that the server sends, so the message is not acknowledged before the reload.
    open_pages.site.proxy.drop("down")
    await alice.say("kept in the outbox")
    await alice.line("kept in the outbox").wait_for()
    open_pages.site.proxy.pass_all()
    await asyncio.to_thread(open_pages.site.proxy.cut)
    await alice.page.reload()
    await alice.sees("kept in the outbox")
    await bob.sees("kept in the outbox")
    await alice.wait_until_sent()
    assert (await bob.texts()).count("kept in the outbox") == 1


async def test_without_a_connection_the_page_does_not_show_who_is_online(open_pages, page_errors):
    page_errors.allow("ERR_|WebSocket|Failed to load")
    alice, _bob = await open_pages()
    page = alice.page
    count = page.locator(".conversation-head [data-part=here-count]")
    in_list = page.locator(".list-foot")
    await expect(count).to_have_text(re.compile("2 online"))
    await expect(in_list).to_be_visible()
    await page.click(".tools [data-act=panel][data-view=members]")
    dots = page.locator("member-panel .here")
    await expect(dots.locator("visible=true")).to_have_count(2)
    open_pages.site.proxy.refusing = True
    open_pages.site.proxy.cut()
    await expect(count).to_be_hidden()
    await expect(dots.locator("visible=true")).to_have_count(0)
    await expect(page.locator("member-panel [data-part=here-head]")).to_be_hidden()
    assert await in_list.evaluate("each => getComputedStyle(each).color") == "rgba(0, 0, 0, 0)"
    open_pages.site.proxy.pass_all()
    await expect(count).to_have_text(re.compile("[12] online"), timeout=30_000)
    await expect(count).to_be_visible()
    await expect(dots.locator("visible=true")).not_to_have_count(0)


async def test_without_scripts_one_signs_in_reads_pages_back_and_sends(get_shared_site, browser_for):
    site = await get_shared_site()

    def group() -> int:
        alice, bob = site.create_users("alice", "bob")
        with site.orm():
            pk = actions.create_group(alice.pk, "Room", [bob.pk]).id
            send_many([SendCommand(bob.pk, SendPayload(pk, uuid.uuid4(), f"number {number}")) for number in range(120)])
            return pk

    pk = await asyncio.to_thread(group)
    page = await browser_for(site, scripts=False)
    await page.goto(f"/c/{pk}/")
    await page.fill("input[name=login]", "alice")
    await page.fill("input[name=password]", "let-me-talk")
    await page.click("form button[type=submit] >> nth=0")
    await page.wait_for_url(f"**/c/{pk}/**")
    # The page opens at the first unread message. Links lead to newer messages, to the newest, and back.
    assert "number 0\n" in await page.inner_text("message-log")
    await page.click("a[href*='after=']")
    assert "number 60" in await page.inner_text("message-log")
    await page.click("a.latest")
    assert "number 119" in await page.inner_text("message-log")
    await page.click("a[href*='before=']")
    assert "number 60" in await page.inner_text("message-log")
    await page.goto(f"/c/{pk}/")
    await page.fill("message-composer textarea", "sent without scripts")
    await page.click("message-composer button[type=submit] >> nth=0")
    assert "sent without scripts" in await page.inner_text("message-log")


async def test_a_removed_member_sees_the_conversation_go_at_once(open_pages, page_errors):
    page_errors.allow("status of 404")  # for what the page loads at the moment of the removal
    alice, bob = await open_pages()
    conversation = alice.url.split("/")[2]
    me = await (await bob.page.request.get("/api/v1/me/")).json()
    token = await alice.page.locator("message-composer input[name=csrfmiddlewaretoken]").input_value()
    headers = {"X-CSRFToken": token, "Referer": alice.page.url}
    url = f"/api/v1/conversations/{conversation}/members/{me['id']}/"
    assert (await alice.page.request.delete(url, headers=headers)).ok
    await expect(bob.page.locator(f".conversation-row[data-id='{conversation}']")).to_have_count(0)
    await alice.say("he does not see this")
    await alice.wait_until_sent()
    await bob.page.wait_for_timeout(500)
    assert "he does not see this" not in await bob.page.inner_text("body")
