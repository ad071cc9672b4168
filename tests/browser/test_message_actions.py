"""Tests of what two users can do with a message in their browsers.

They cover the menu of a message by mouse, keys and touch, reactions, the lists of viewers and readers, earlier
versions, long texts, code and names.
"""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from accounts.actions import update_profile
from accounts.models import User
from chat import actions
from messenger.background import queue

pytestmark = pytest.mark.browser

FOCUS = "document.activeElement"
LONG_PRESS = 650  # ms


async def press_and_hold(page, locator) -> None:
    box = await locator.bounding_box()
    point = {"x": box["x"] + min(60, box["width"] / 2), "y": box["y"] + box["height"] / 2}
    touch = await page.context.new_cdp_session(page)
    await touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    await page.wait_for_timeout(LONG_PRESS)
    await touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_the_menu_opens_by_mouse_keys_and_finger_and_gives_the_focus_back(open_pages):
    alice, bob = await open_pages()
    await alice.say("first words")
    await bob.sees("first words")
    menu = alice.page.locator("#message-menu")
    line = alice.line("first words")

    await line.click(button="right", position={"x": 150, "y": 20})
    await expect(menu).to_be_visible()
    await alice.page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(line).to_be_focused()

    await alice.page.focus("message-composer textarea")
    await alice.page.keyboard.press("Shift+Tab")
    await expect(line).to_be_focused()  # the whole log is one stop of the Tab key
    await alice.page.keyboard.press("Enter")
    await expect(menu).to_be_visible()
    await alice.page.keyboard.press("ArrowRight")
    assert await alice.page.evaluate(f"{FOCUS}.dataset.emoji") == "❤️"
    await alice.page.keyboard.press("Enter")
    await expect(bob.line("first words").locator(".reaction[data-emoji='❤️']")).to_have_count(1)
    await expect(line).to_be_focused()

    await alice.page.keyboard.press("e")
    await expect(alice.page.locator("message-composer textarea")).to_have_value("first words")
    await alice.page.keyboard.press("Escape")

    # Tab goes through the log and on to the composer; so it does from the log itself.
    inside = f"{FOCUS}.closest('.log') !== null"
    for start in (".log", "message-log li.msg .reaction.add"):
        await alice.page.locator(start).last.focus()
        for _ in range(12):
            await alice.page.keyboard.press("Tab")
            if not await alice.page.evaluate(inside):
                break
        assert await alice.page.evaluate(f"{FOCUS}.closest('message-composer') !== null"), start

    await press_and_hold(bob.page, bob.line("first words").locator(".msg-text"))
    sheet = bob.page.locator("#message-menu.sheet")
    await expect(sheet).to_be_visible()
    box, size = await sheet.bounding_box(), bob.page.viewport_size
    assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"] + 1
    await sheet.locator("[data-act=reply]").tap()
    await expect(bob.page.locator(".composer-note")).to_contain_text("first words")


async def test_face_name_and_mention_open_the_card_of_the_person(open_pages):
    alice, bob = await open_pages()
    await bob.say("hello from bob")
    await alice.say("hello @bob and @all")
    await bob.sees("hello @bob")
    await alice.wait_until_sent()
    theirs, mine = alice.line("hello from bob"), alice.line("and @all")
    for place in (theirs.locator("> .avatar"), theirs.locator(".msg-by b"), mine.locator(".mention").first):
        await place.click()
        card = alice.page.locator("dialog.over")
        await expect(card).to_contain_text("bob")
        await alice.page.keyboard.press("Escape")
        await expect(card).to_have_count(0)
        # The same by keyboard: Tab goes from the message to the name and to mentions, and Escape comes back.
    for line, selector in ((theirs, ".msg-by a"), (mine, "a.mention")):
        await line.focus()
        await alice.page.keyboard.press("Tab")
        link = line.locator(selector)
        await expect(link).to_be_focused()
        await alice.page.keyboard.press("Enter")
        await expect(alice.page.locator("dialog.over")).to_contain_text("bob")
        await alice.page.keyboard.press("Escape")
        await expect(link).to_be_focused()
    await mine.locator(".mention").last.click()
    await mine.locator(".msg-by b").click()
    await alice.page.wait_for_timeout(300)
    await expect(alice.page.locator("dialog.over")).to_have_count(0)


async def test_a_menu_stays_inside_a_narrow_window(open_pages):
    alice, _bob = await open_pages()
    await alice.page.set_viewport_size({"width": 360, "height": 640})
    await alice.say("down here")
    await alice.wait_until_sent()
    await alice.line("down here").click(button="right", position={"x": 300, "y": 10})
    box = await alice.page.locator("#message-menu").bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 641


async def test_deeds_that_can_be_undone_offer_it(open_pages):
    alice, _bob = await open_pages()
    await alice.say("to be pinned")
    await alice.sees("to be pinned")
    await alice.wait_until_sent()
    line = alice.line("to be pinned")
    await line.focus()
    await alice.page.keyboard.press("p")
    await expect(line.locator("[data-part=pinned]")).to_have_count(1)
    await alice.page.locator(".toast [data-act=undo]").click()
    await expect(line.locator("[data-part=pinned]")).to_have_count(0)


async def test_a_message_that_has_the_focus_keeps_it_when_it_is_sent(open_pages):
    alice, _bob = await open_pages()
    open_pages.site.proxy.pause()
    await alice.say("on its way")
    pending = alice.page.locator("message-log .msg.pending")
    await pending.focus()
    await expect(pending).to_be_focused()
    open_pages.site.proxy.resume()
    await alice.wait_until_sent()
    await expect(alice.line("on its way")).to_be_focused()


async def test_versions_and_readers_open_beside_the_log_and_change_live(open_pages):
    alice, bob = await open_pages()
    await alice.say("the quick fox")
    await alice.sees("the quick fox")
    await alice.wait_until_sent()
    line = alice.line("the quick fox")
    await line.focus()
    await alice.page.keyboard.press("e")
    await expect(alice.page.locator("message-composer textarea")).to_have_value("the quick fox")
    await alice.page.fill("message-composer textarea", "the slow fox")
    await alice.page.press("message-composer textarea", "Enter")
    theirs = bob.line("the slow fox")
    await theirs.locator("[data-part=edited]").tap()
    dialog = bob.page.locator("dialog.page-dialog")
    await expect(dialog.locator("del")).to_have_text(["quick"])
    await alice.line("the slow fox").focus()
    await alice.page.keyboard.press("e")
    await expect(alice.page.locator("message-composer textarea")).to_have_value("the slow fox")
    await alice.page.fill("message-composer textarea", "the slow cat")
    await alice.page.press("message-composer textarea", "Enter")
    await expect(dialog.locator("del")).to_have_text(["fox", "quick"])
    await dialog.locator("[data-act=close]").tap()
    await expect(dialog).to_have_count(0)

    mine = alice.line("the slow cat")
    await mine.locator("[data-part=mark].read").click()
    await expect(alice.page.locator("dialog.page-dialog #seen")).to_contain_text("bob", ignore_case=True)
    await alice.page.keyboard.press("Escape")
    await alice.assert_reload_changes_nothing()


async def test_who_looks_on_and_up_to_where_they_have_read_moves_nothing(open_pages):
    alice, bob = await open_pages()
    await alice.say("look here")
    await bob.sees("look here")
    face = alice.page.locator("message-log li > .viewers .avatar")
    await expect(face).to_have_count(1)
    await expect(alice.page.locator(".conversation-head [data-part=viewers]")).to_have_text("1 other person is viewing")
    for width in (320, 360, 700):
        await alice.page.set_viewport_size({"width": width, "height": 640})
        await alice.open()
        await expect(alice.page.locator(".conversation-head [data-part=viewers]")).to_have_text("1 viewing")
        overflow = "paragraph => paragraph.scrollWidth - paragraph.clientWidth"
        assert await alice.page.locator(".conversation-title p").evaluate(overflow) <= 0, f"cut at {width} px"
    height = await alice.page.evaluate("document.querySelector('.log').scrollHeight")
    await bob.page.goto("/")
    await expect(face).to_have_count(0)
    assert await alice.page.evaluate("document.querySelector('.log').scrollHeight") == height


async def test_in_a_direct_conversation_the_receipt_marks_say_who_looks_on(open_pages):
    alice, bob = await open_pages()

    def open_direct_conversation() -> int:
        with open_pages.site.orm():
            ids = dict(User.objects.values_list("username", "pk"))
            actions.open_direct_conversation(ids["bob"], ids["alice"])
            return actions.open_direct_conversation(ids["alice"], ids["bob"])[0].id

    alice.url = bob.url = f"/c/{await asyncio.to_thread(open_direct_conversation)}/"
    await alice.open()
    await bob.open()
    await alice.say("look here")
    await bob.sees("look here")
    await expect(alice.line("look here").locator("[data-part=mark].read")).to_be_visible()
    await expect(alice.page.locator(".conversation-head [data-part=peer-here]")).to_contain_text("online")
    await expect(alice.page.locator("message-log .viewers")).to_have_count(0)
    await expect(alice.page.locator(".conversation-head [data-part=viewers]")).to_have_count(0)


async def test_a_long_text_is_folded_until_it_is_asked_for(open_pages):
    alice, bob = await open_pages()
    await alice.page.fill("message-composer textarea", "\n".join(f"line {n}" for n in range(60)))
    await alice.page.press("message-composer textarea", "Enter")
    line = bob.line("line 59")
    await line.wait_for(state="attached")
    body = line.locator(".body")
    folded = (await body.bounding_box())["height"]
    await line.locator(".unfold input").check(force=True)
    await expect(line.locator(".unfold")).to_contain_text("Show less")
    assert (await body.bounding_box())["height"] > 2 * folded
    await alice.assert_reload_changes_nothing()


async def test_code_is_marked_and_copied(open_pages):
    alice, _bob = await open_pages()
    code = "def f(x):\n    return x < 1  # </code><script>alert(1)</script>"
    await alice.page.fill("message-composer textarea", f"```python\n{code}\n```\nthat is it")
    await alice.page.press("message-composer textarea", "Enter")
    block = alice.line("return").locator("pre")
    await block.wait_for()
    await alice.wait_until_sent()
    await expect(block.locator(".t-k").first).to_have_text("def")
    await alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await block.hover()
    await block.locator(".copy-code").click()
    await expect(alice.page.locator(".toast")).to_contain_text("Copied")
    assert await alice.page.evaluate("navigator.clipboard.readText()") == code
    await alice.assert_reload_changes_nothing()


async def test_copying_gives_what_was_written_and_by_mouse_what_is_seen(open_pages):
    alice, bob = await open_pages()
    await alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    written = "1. milk\n2. eggs\n\nfrom [the shop](https://example.org/a%20b) **today**, `x * y`"
    await bob.page.fill("message-composer textarea", written)
    await bob.page.click("message-composer .send")
    line = alice.line("milk")
    await line.wait_for()
    for reload in (False, True):
        if reload:
            await alice.open()
        await alice.page.evaluate("navigator.clipboard.writeText('')")
        await line.hover()
        await line.locator("[data-act=more]").click()
        await alice.page.click("#message-menu [data-act=copy]")
        await expect(alice.page.locator(".toast").last).to_contain_text("Copied")
        assert await alice.page.evaluate("navigator.clipboard.readText()") == written

    for text in ("please meet me at", "17:40 at", "the train station"):
        await alice.say(text)
        await bob.sees(text)
    await alice.wait_until_sent()
    await alice.page.evaluate(
        """([from, to]) => {
          const find = (text) => [...document.querySelectorAll('message-log .body > p')]
            .find((each) => each.textContent.includes(text)).firstChild;
          getSelection().setBaseAndExtent(find(from), 0, find(to), to.length);
        }""",
        ["please meet me at", "the train station"],
    )
    await alice.page.keyboard.press("Control+c")
    copied = await alice.page.evaluate("navigator.clipboard.readText()")
    assert " ".join(copied.split()) == "please meet me at 17:40 at the train station"


async def test_lists_that_are_copied_with_the_mouse_keep_their_numbers(open_pages):
    alice, bob = await open_pages()
    await alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await bob.page.fill("message-composer textarea", "買い物：\n3. 牛乳\n4. 卵\n\n- パン")
    await bob.page.click("message-composer .send")
    await alice.sees("卵")
    for start, copied in (("買い物", "買い物：\n3. 牛乳\n4. 卵\n- パン"), ("牛乳", "3. 牛乳\n4. 卵\n- パン")):
        await alice.page.evaluate(
            """(start) => {
              const walker = document.createTreeWalker(document.querySelector('message-log .msg-text .body'), NodeFilter.SHOW_TEXT);
              const texts = [];
              while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.push(walker.currentNode);
              const first = texts.find((text) => text.data.includes(start));
              getSelection().setBaseAndExtent(first, 0, texts.at(-1), texts.at(-1).length);
            }""",
            start,
        )
        before = await alice.line("卵").locator(".body").inner_html()
        await alice.page.keyboard.press("Control+c")
        text = await alice.page.evaluate("navigator.clipboard.readText()")
        assert "\n".join(line for line in text.split("\n") if line) == copied
        assert await alice.line("卵").locator(".body").inner_html() == before


async def test_quotes_that_are_copied_with_the_mouse_keep_their_markers(open_pages):
    alice, bob = await open_pages()
    await alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    written = "> 明天几点？\n> **九点**行吗\n> > 太早了\n> - 一\n\n好，十点"
    await bob.page.fill("message-composer textarea", written)
    await bob.page.click("message-composer .send")
    await alice.sees("十点")
    lines = ["> 明天几点？", "> 九点行吗", "> > 太早了", "> - 一", "好，十点"]
    for start, copied in (
        ("明天几点", lines),
        ("几点？", ["几点？", *lines[1:]]),
        ("九点", lines[1:]),
        ("好，", lines[-1:]),
    ):
        await alice.page.evaluate(
            """(start) => {
              const walker = document.createTreeWalker(document.querySelector('message-log .msg-text .body'), NodeFilter.SHOW_TEXT);
              const texts = [];
              while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.push(walker.currentNode);
              const first = texts.find((text) => text.data.includes(start));
              getSelection().setBaseAndExtent(first, first.data.indexOf(start), texts.at(-1), texts.at(-1).length);
            }""",
            start,
        )
        before = await alice.line("十点").locator(".body").inner_html()
        await alice.page.keyboard.press("Control+c")
        text = await alice.page.evaluate("navigator.clipboard.readText()")
        assert [line for line in text.split("\n") if line] == copied
        assert await alice.line("十点").locator(".body").inner_html() == before


async def test_a_new_name_is_on_every_line_that_says_it(open_pages):
    alice, bob = await open_pages()
    await bob.say("from bob")
    await alice.sees("from bob")
    line = alice.page.locator("message-log li.msg", has_text="from bob").first
    await line.focus()
    await alice.page.keyboard.press("r")
    await alice.say("an answer")
    await press_and_hold(bob.page, bob.line("an answer").locator(".msg-text"))
    await bob.page.locator("#message-menu [data-emoji='👍']").tap()
    await expect(alice.line("an answer").locator(".reaction[data-emoji='👍']")).to_have_count(1)

    def add_and_rename() -> None:
        alice_herself, bob_himself, carol = open_pages.site.create_users("alice", "bob", "carol")
        with open_pages.site.orm():
            actions.add_members(alice_herself.pk, int(alice.url.strip("/").split("/")[-1]), [carol.pk])
            update_profile(bob_himself.pk, {"name": "Robert the Second"})
            update_profile(carol.pk, {"name": "Caroline"})
            queue.run_due()  # the worker publishes the names in each conversation

    await asyncio.to_thread(add_and_rename)
    await expect(line.locator(".msg-by b")).to_have_text("Robert the Second")
    await expect(alice.line("an answer").locator(".reply b")).to_have_text("Robert the Second")
    assert await alice.line("an answer").locator(".reaction[data-emoji]").get_attribute("title") == "Robert the Second"
    await expect(alice.page.locator("message-log .system [data-slot=users]").first).to_have_text(
        "Caroline", timeout=10_000
    )
    await alice.assert_reload_changes_nothing()


async def test_thirty_messages_a_second_are_drawn_once_a_frame_and_counted_four_times_a_second(open_pages):
    alice, bob = await open_pages()
    await bob.say("before")
    await alice.sees("before")
    drawn = await alice.page.evaluate(
        """async () => {
          const log = document.querySelector('message-log');
          const counts = {layouts: 0, counters: 0};
          const last = document.querySelector('message-log li.msg:last-child');
          const template = await (await fetch(`/api/v1/messages/${last.dataset.id}/`)).json();
          document.addEventListener('page:unread-changed', () => (counts.counters += 1));
          const scroll = Object.getOwnPropertyDescriptor(Element.prototype, 'scrollTop');
          Object.defineProperty(log.querySelector('.log'), 'scrollTop', {
            get() { return scroll.get.call(this); },
            set(value) { counts.layouts += 1; scroll.set.call(this, value); },
          });
          for (let number = 1; number <= 60; number += 1) {
            const message = {...template, id: 10_000 + number, seq: template.seq + number, version: template.version + number,
              client_id: null, body: `m ${number}`, body_html: `<p>m ${number}</p>`};
            const conversation_id = template.conversation_id;
            document.dispatchEvent(new CustomEvent('live:message.created', {detail: {conversation_id, message}}));
            await new Promise((resolve) => {
              const channel = new MessageChannel(); // a task of its own, and no pause
              channel.port1.onmessage = resolve;
              channel.port2.postMessage(null);
            });
          }
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 600)));
          return counts;
        }"""
    )
    await alice.sees("m 60")
    assert drawn["counters"] <= 5, drawn  # in about a second
    assert drawn["layouts"] < 60, drawn  # far fewer than messages times two
    gap = "(log => log.scrollHeight - log.scrollTop - log.clientHeight)(document.querySelector('.log'))"
    assert await alice.page.evaluate(gap) < 2


async def test_a_message_is_forwarded_in_a_dialog_over_the_conversation(open_pages):
    """A user forwards a message to two conversations in a dialog, and stays on the page of the conversation.

    A conversation that is already selected stays selected while the user searches for another one.
    """
    alice, bob = await open_pages()
    site = open_pages.site

    def make_groups() -> None:
        with site.orm():
            from accounts.models import User

            alice_user = User.objects.get(username="alice")
            for title in ("Notes", "Books"):
                actions.create_group(alice_user.pk, title, [])

    await asyncio.to_thread(make_groups)
    await alice.say("hand this on")
    await bob.sees("hand this on")
    address = alice.page.url
    await alice.line("hand this on").click(button="right", position={"x": 150, "y": 20})
    await alice.page.click("#message-menu [data-act=forward]")
    dialog = alice.page.locator("dialog.over forward-form")
    await expect(dialog.locator("[data-act=send]")).to_be_disabled()
    await dialog.locator("label", has_text="Books").click()
    await dialog.locator("input[type=search]").fill("note")
    await expect(dialog.locator("label.forward-target")).to_have_count(2)
    await dialog.locator("label", has_text="Notes").click()
    await dialog.locator("textarea").fill("look")
    await dialog.locator("[data-act=send]").click()
    await expect(alice.page.locator(".toast")).to_contain_text("Forwarded")
    await expect(dialog).to_have_count(0)
    assert alice.page.url == address
    for title in ("Notes", "Books"):
        await expect(alice.page.locator(".conversation-row", has_text=title)).to_contain_text("hand this on")
