"""Tests of drafts and of messages that are not sent yet: on several devices, without a connection, after a crash."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.conftest import FIELD, type_in

pytestmark = pytest.mark.browser


async def test_a_draft_is_on_every_device_and_gone_everywhere_once_it_is_sent(open_pages, browser_for):
    alice, bob = await open_pages()
    other = type(alice)(await browser_for(open_pages.site, "alice", phone=True), alice.url)
    await other.open()
    await type_in(alice, "half a thought")
    await expect(other.page.locator(FIELD)).to_have_value("half a thought")
    await other.page.fill(FIELD, "half a thought, and the rest")
    await alice.page.wait_for_timeout(500)
    await expect(alice.page.locator(FIELD)).to_have_value("half a thought, and the rest", timeout=20_000)
    await alice.page.press(FIELD, "Enter")
    await bob.sees("half a thought, and the rest")
    await expect(other.page.locator(FIELD)).to_have_value("")
    await alice.open()
    assert await alice.written() == ""


async def test_signing_out_deletes_drafts_unsent_messages_and_files_from_the_browser(open_pages, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|net::ERR")
    alice, _bob = await open_pages()
    held = """async () => {
      const records = (name, store) => new Promise((resolve) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => {
          const base = opening.result;
          if (!base.objectStoreNames.contains(store)) return base.close(), resolve(0);
          const count = base.transaction(store).objectStore(store).count();
          count.onsuccess = () => { base.close(); resolve(count.result); };
        };
      });
      const names = (await indexedDB.databases()).map(({name}) => name);
      const outbox = names.find((name) => /^messenger[.]\\d+$/.test(name));
      return {
        texts: Object.keys(localStorage).filter((key) => /draft|edits/.test(key)).length,
        files: names.includes('messenger-files') ? await records('messenger-files', 'files') : 0,
        unsent: outbox ? await records(outbox, 'outbox') : 0,
      };
    }"""
    await alice.page.evaluate("document.querySelector('message-composer textarea').dataset.limit = 9000")
    await alice.say("x" * 4_001)
    await expect(alice.page.locator("message-log .msg.failed")).to_have_count(1)
    secret = {"name": "secret.txt", "mimeType": "text/plain", "buffer": b"secret"}
    await alice.page.set_input_files("file-tray input[type=file]", [secret])
    await type_in(alice, "the server has this draft")
    await alice.page.wait_for_timeout(2_500)
    assert await alice.page.evaluate(held) == {"texts": 1, "files": 1, "unsent": 1}
    await alice.page.goto("/accounts/logout/")
    await alice.page.click("form[data-sign-out] button")
    await expect(alice.page.locator("input[name=password]")).to_be_visible()
    assert await alice.page.evaluate(held) == {"texts": 0, "files": 0, "unsent": 0}


async def test_signing_out_before_the_scripts_of_the_page_arrive_deletes_the_texts_too(open_pages):
    alice, _bob = await open_pages()
    await type_in(alice, "the server has this draft")
    texts = "() => Object.keys(localStorage).filter((key) => key.startsWith('messenger.draft.')).length"
    await alice.page.wait_for_function(texts)
    await alice.page.wait_for_timeout(1_500)
    await alice.page.route("**/*.js", lambda route: route.abort())
    await alice.page.goto("/accounts/logout/", wait_until="commit")
    await alice.page.unroute("**/*.js")
    await alice.page.click("form[data-sign-out] button")
    await expect(alice.page.locator("input[name=password]")).to_be_visible()
    await alice.page.wait_for_function(
        "() => Object.keys(localStorage).every((key) => !key.startsWith('messenger.draft.'))"
    )
    await alice.page.wait_for_function("() => !document.cookie.includes('signed_out')")


async def test_a_draft_written_without_a_line_survives_the_tab_and_is_stored_later(open_pages, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|net::ERR")
    alice, _bob = await open_pages()
    open_pages.server.kill()
    await type_in(alice, "written offline")
    await alice.page.wait_for_timeout(2_000)
    await alice.page.close(run_before_unload=False)
    await asyncio.to_thread(open_pages.server.start)
    page = await alice.page.context.new_page()
    # Opening any other page is enough to store the draft, and the conversation list shows it.
    await page.goto("/")
    await expect(page.locator(".conversation-row .draft")).to_be_visible()
    await expect(page.locator(".conversation-row [data-part=text]")).to_have_text("written offline")
    await page.goto(alice.url)
    await expect(page.locator(FIELD)).to_have_value("written offline")


# ── Messages not sent yet ────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_tab_killed_without_a_line_sends_what_it_held_once_and_in_order(open_pages, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|net::ERR|crash")
    alice, bob = await open_pages()
    await alice.say("before")
    await bob.sees("before")
    open_pages.server.kill()
    for number in range(5):
        await alice.say(f"held {number}")
    held = alice.page.locator("message-log .msg.pending")
    await expect(held).to_have_count(5)
    await expect(held.last.locator(".off-line")).to_be_visible()  # the message shows "offline" and not "sending"
    await expect(held.last.locator(".on-line")).to_be_hidden()
    context = alice.page.context
    line = await context.new_cdp_session(alice.page)
    asyncio.ensure_future(line.send("Page.crash")).add_done_callback(lambda done: done.exception())
    await asyncio.sleep(1)
    await asyncio.to_thread(open_pages.server.start)
    alice.page = await context.new_page()
    await alice.open()
    # bob waits longer after each failed attempt to connect. This event makes his page connect at once.
    await bob.page.evaluate("dispatchEvent(new Event('online'))")
    await bob.sees("held 4")
    await alice.wait_until_sent()
    assert [text for text in await bob.texts() if text.startswith("held")] == [f"held {number}" for number in range(5)]
    assert await alice.written() == ""
    await alice.assert_reload_changes_nothing()


async def test_a_refused_text_is_kept_and_can_be_changed_and_sent(open_pages):
    alice, bob = await open_pages()
    await alice.page.evaluate("document.querySelector('message-composer textarea').dataset.limit = 9000")
    await alice.say("x" * 4_001)
    failed = alice.page.locator("message-log .msg.failed")
    await expect(failed.locator(".failed-line")).to_contain_text("4000")
    await alice.open()
    await expect(failed).to_have_count(1)  # the failed message is there after a reload too
    await type_in(alice, "something else meanwhile")
    await failed.locator("[data-act=revise]").click()
    assert len(await alice.written()) == 4_001
    await alice.page.fill(FIELD, "short now")
    await alice.page.press(FIELD, "Enter")
    await bob.sees("short now")
    await expect(failed).to_have_count(0)
    assert await alice.written() == "something else meanwhile"
