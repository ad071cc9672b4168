"""Tests of the composer (the input field for messages) in a real browser.

They cover keyboard shortcuts, the clipboard, phones, input methods (IME), editing and replying, and the size of the field.
"""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.async_api import expect

from tests.browser.conftest import FIELD, OPTION, type_in

pytestmark = pytest.mark.browser


async def paste(page, **kinds: str) -> None:
    """Simulates a paste by dispatching the `paste` event, since a headless browser has no clipboard of its own."""
    await page.evaluate(
        """([field, kinds]) => {
          const clip = new DataTransfer();
          for (const [kind, text] of Object.entries(kinds)) clip.setData(kind, text);
          const event = new ClipboardEvent('paste', {clipboardData: clip, bubbles: true, cancelable: true});
          const element = document.querySelector(field);
          if (element.dispatchEvent(event)) document.execCommand('insertText', false, kinds['text/plain']);
        }""",
        [FIELD, {kind.replace("_", "/", 1): text for kind, text in kinds.items()}],
    )


# ── Shortcuts and the clipboard ──────────────────────────────────────────────────────────────────────────────────────
async def test_one_types_without_clicking_first(open_pages):
    alice, bob = await open_pages()
    await expect(alice.page.locator(FIELD)).to_be_focused()
    await expect(bob.page.locator(FIELD)).not_to_be_focused()  # no keyboard over the messages on a phone
    await alice.page.evaluate("document.activeElement.blur()")
    await alice.page.keyboard.type("typed anywhere")
    assert await alice.written() == "typed anywhere"
    # By a click, as by a full load, the search field of a new conversation has the focus.
    await alice.page.click("a[href='/new/']")
    await expect(alice.page.locator("main input[type=search]")).to_be_focused()
    await alice.page.reload()
    await expect(alice.page.locator("main input[type=search]")).to_be_focused()


async def test_shortcuts_put_signs_and_undo_takes_them_away(open_pages):
    alice, _bob = await open_pages()
    press = alice.page.keyboard.press
    await type_in(alice, "word")
    await press("Shift+Home")
    await press("Control+b")
    assert await alice.written() == "**word**"
    await press("Control+z")
    assert await alice.written() == "word"
    await press("Control+a")
    await press("Control+Shift+X")
    assert await alice.written() == "~~word~~"
    await press("Control+Shift+X")
    await press("Control+Shift+Digit8")
    assert await alice.written() == "- word"
    await press("End")
    await press("Shift+Enter")
    await alice.page.keyboard.type("next")
    assert await alice.written() == "- word\n- next"
    await press("Shift+Enter")
    await press("Shift+Enter")
    await alice.page.keyboard.type("end")
    assert await alice.written() == "- word\n- next\n\nend"


async def test_a_link_over_a_selection_links_it_and_code_stays_code(open_pages):
    alice, bob = await open_pages()
    await type_in(alice, "see this")
    await alice.page.keyboard.press("Control+Shift+ArrowLeft")
    await paste(alice.page, text_plain="https://example.org/a")
    assert await alice.written() == "see [this](https://example.org/a)"
    await alice.page.keyboard.press("Control+z")
    assert await alice.written() == "see this"
    await alice.page.fill(FIELD, "")
    await alice.page.focus(FIELD)
    code = "def f():\n    return 1"
    await paste(alice.page, **{"text_plain": code, "vscode-editor-data": '{"mode":"python"}'})
    assert await alice.written() == f"```python\n{code}\n```\n"
    await alice.page.keyboard.press("Control+z")
    assert await alice.written() == code
    await alice.page.fill(FIELD, "")
    await alice.page.focus(FIELD)
    await paste(alice.page, **{"text_plain": code, "vscode-editor-data": '{"mode":"python"}'})
    await alice.page.keyboard.press("Enter")
    await bob.page.locator(".msg-text pre code").wait_for()
    assert "    return 1" in await bob.page.locator(".msg-text pre code").last.inner_text()


async def test_in_open_code_enter_makes_a_line_and_ctrl_enter_sends(open_pages):
    alice, bob = await open_pages()
    await type_in(alice, "```")
    await alice.page.keyboard.press("Enter")
    await alice.page.keyboard.type("  a")
    await alice.page.keyboard.press("Enter")
    await alice.page.keyboard.type("b")
    assert await alice.written() == "```\n  a\n  b"
    await alice.page.keyboard.press("Control+Enter")
    await bob.page.locator(".msg-text pre").wait_for()


async def test_on_a_phone_enter_makes_a_line_and_the_keyboard_stays(open_pages):
    alice, bob = await open_pages()
    field = bob.page.locator(FIELD)
    await expect(field).to_have_attribute("enterkeyhint", "enter")
    await expect(alice.page.locator(FIELD)).to_have_attribute("enterkeyhint", "send")
    await field.tap()
    await bob.page.keyboard.type("one")
    await bob.page.keyboard.press("Enter")
    await bob.page.keyboard.type("two")
    assert await bob.written() == "one\ntwo"
    # The tools are behind a plus button, and using them leaves the focus in the field.
    await expect(bob.page.locator(".composer-tools [data-act=bold]")).to_be_hidden()
    await bob.page.locator("message-composer .add").tap()
    await bob.page.locator(".composer-tools [data-act=bold]").tap()
    assert await bob.page.evaluate("document.activeElement.name") == "body"
    await field.fill("one\ntwo")
    await bob.page.locator("message-composer .send").tap()
    await alice.sees("one")
    assert await bob.page.evaluate("document.activeElement.name") == "body"


@pytest.mark.parametrize("width", [320, 360, 430, 640])
async def test_on_a_narrow_screen_every_tool_is_whole_and_photo_and_voice_are_one_tap(open_pages, width):
    _alice, bob = await open_pages()
    page = bob.page
    await page.set_viewport_size({"width": width, "height": 740})
    inside = """(width) => [...document.querySelectorAll('.composer button')]
        .filter((each) => each.checkVisibility({ visibilityProperty: true }))
        .filter((each) => each.getAttribute('aria-expanded') !== 'true') // the plus button is turned then
        .map((each) => [each.dataset.act ?? each.className, each.getBoundingClientRect()])
        .map(([name, { left, right, width: wide, height }]) =>
            [name, left >= 0 && right <= width && wide >= 28 && height >= 28])"""
    shown = dict(await page.evaluate(inside, width))
    assert all(shown.values()), shown
    assert {"attach", "voice"} <= set(shown) and "send" not in shown
    await page.fill(FIELD, "words")
    shown = dict(await page.evaluate(inside, width))
    assert all(shown.values()) and {"attach", "send"} <= set(shown) and "voice" not in shown
    await page.fill(FIELD, "")
    await page.locator("message-composer .add").tap()
    shown = dict(await page.evaluate(inside, width))
    assert all(shown.values()), shown
    assert {"attach", "voice", "bold", "quote", "mention", "emoji"} <= set(shown)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_while_an_input_method_composes_no_key_sends_or_chooses(open_pages):
    alice, bob = await open_pages()
    line = await alice.page.context.new_cdp_session(alice.page)
    await alice.page.click(FIELD)
    await line.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    await alice.page.keyboard.press("Enter")  # the input method uses this key; some browsers report it to the page too
    assert (await alice.written()).startswith("ni")
    await line.send("Input.imeSetComposition", {"text": "你好", "selectionStart": 2, "selectionEnd": 2})
    await line.send("Input.insertText", {"text": "你好"})
    assert "你好" in await alice.written()
    # Safari ends the composition first and then reports the Enter that chose the word: key code 229, no isComposing.
    await alice.page.eval_on_selector(
        FIELD,
        """(field) => {
          field.dispatchEvent(new CompositionEvent('compositionend', {bubbles: true, data: '你好'}));
          const key = {key: 'Enter', keyCode: 229, bubbles: true, cancelable: true};
          field.dispatchEvent(new KeyboardEvent('keydown', key));
        }""",
    )
    assert "你好" in await alice.written()
    assert await alice.page.locator("message-log li.msg").count() == 0
    # The open completion list leaves the keys to the input method as well.
    await alice.page.fill(FIELD, "")
    await line.send("Input.imeSetComposition", {"text": "@bo", "selectionStart": 3, "selectionEnd": 3})
    await expect(alice.page.locator(OPTION)).to_have_count(1)
    await alice.page.keyboard.press("Enter")
    assert "@bob" not in await alice.written()
    await alice.page.fill(FIELD, "你好")
    await alice.page.keyboard.press("Enter")
    await bob.sees("你好")


# ── Editing and replying ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_arrow_up_edits_my_last_and_escape_gives_the_draft_and_its_answer_back(open_pages):
    alice, bob = await open_pages()
    await bob.say("a question")
    await alice.say("my last")
    await bob.sees("my last")
    await alice.wait_until_sent()
    await alice.line("a question").hover()
    await alice.line("a question").locator("[data-act=reply]").click()
    await alice.page.keyboard.type("begun")
    await alice.line("my last").hover()
    await alice.line("my last").locator("[data-act=edit]").click()
    await expect(alice.page.locator(FIELD)).to_have_value("my last")
    await alice.page.keyboard.press("Escape")
    assert await alice.written() == "begun"
    await expect(alice.page.locator("[data-note=reply]")).to_contain_text("a question")
    # After a reload the draft is still a reply.
    await alice.open()
    await expect(alice.page.locator("[data-note=reply]")).to_contain_text("a question")
    assert await alice.written() == "begun"
    await alice.page.press(FIELD, "Enter")
    await bob.page.locator(".msg .reply", has_text="a question").wait_for()
    await alice.wait_until_sent()
    await expect(alice.page.locator("[data-note]")).to_have_count(0)
    await alice.page.press(FIELD, "ArrowUp")
    await expect(alice.page.locator(FIELD)).to_have_value("begun")


async def test_arrow_up_skips_a_forwarded_message_which_cannot_be_edited(open_pages):
    alice, bob = await open_pages()
    await alice.say("my own words")
    await bob.say("words of bob")
    await alice.sees("words of bob")
    await alice.wait_until_sent()
    client_id, (conversation_id,) = str(uuid.uuid4()), re.findall(r"\d+", alice.url)
    forwarded = await alice.line("words of bob").get_attribute("data-id")
    await alice.page.evaluate(
        """async ([url, data]) => {
          const token = document.cookie.match(/csrftoken=(\\w+)/)?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]").value;
          await fetch(url, {method: "POST", body: JSON.stringify(data),
            headers: {"Content-Type": "application/json", "X-CSRFToken": token}});
        }""",
        [f"/api/v1/conversations/{conversation_id}/messages/", {"client_id": client_id, "forward_id": int(forwarded)}],
    )
    await expect(alice.page.locator("message-log .msg.mine .forwarded")).to_have_count(1)
    await alice.page.press(FIELD, "ArrowUp")
    await expect(alice.page.locator(FIELD)).to_have_value("my own words")


async def test_what_is_typed_right_after_saving_an_edit_is_a_message_of_its_own(open_pages):
    alice, bob = await open_pages()
    await alice.say("my last")
    await bob.sees("my last")
    await alice.wait_until_sent()
    # The answer to the edit takes its time.
    await alice.page.evaluate(
        """document.addEventListener('live:command', (event) => {
          if (event.detail.type !== 'message.edit' || event.detail.held) return;
          event.stopImmediatePropagation();
          event.detail.handled = true;
          setTimeout(() => {
            const again = new CustomEvent('live:command', {detail: {...event.detail, held: true, handled: false}});
            document.dispatchEvent(again);
          }, 800);
        }, {capture: true})"""
    )
    await alice.page.press(FIELD, "ArrowUp")
    await expect(alice.page.locator(FIELD)).to_have_value("my last")
    await alice.page.keyboard.type(", changed")
    await alice.page.keyboard.press("Enter")
    await alice.page.keyboard.type("bring the keys please")
    await alice.sees("my last, changed")
    assert await alice.written() == "bring the keys please"
    await alice.page.keyboard.press("Enter")
    await bob.sees("bring the keys please")
    assert await bob.texts() == ["my last, changed", "bring the keys please"]


async def test_what_is_typed_while_a_message_is_refused_by_the_browser_loses_no_words(open_pages):
    alice, _bob = await open_pages()
    # The outbox rejects the message half a second later, as without any storage.
    await alice.page.evaluate(
        """document.addEventListener('live:command', (event) => {
          if (event.detail.type !== 'message.send') return;
          event.stopImmediatePropagation();
          event.detail.handled = true;
          setTimeout(() => event.detail.reject(new Error('no storage')), 500);
        }, {capture: true})"""
    )
    await type_in(alice, "bring the keys")
    await alice.page.keyboard.press("Enter")
    await alice.page.keyboard.type("and the lamp")
    await expect(alice.page.locator(FIELD)).to_have_value("bring the keys\n\nand the lamp")


async def test_an_edit_that_is_left_is_continued_and_one_that_is_refused_comes_back(open_pages):
    alice, bob = await open_pages()
    await alice.say("first")
    await alice.say("second")
    await alice.wait_until_sent()
    await type_in(alice, "a draft")
    await alice.line("second").hover()
    await alice.line("second").locator("[data-act=edit]").click()
    await alice.page.keyboard.type(", half changed")
    await alice.page.goto("/people/")
    await alice.open()
    await expect(alice.page.locator(FIELD)).to_have_value("second, half changed")
    await expect(alice.page.locator("[data-note=edit]")).to_be_visible()
    # Another message is edited first, and then this one again.
    await alice.line("first").hover()
    await alice.line("first").locator("[data-act=edit]").click()
    await expect(alice.page.locator(FIELD)).to_have_value("first")
    await alice.page.keyboard.press("Escape")
    assert await alice.written() == "a draft"
    await alice.line("second").hover()
    await alice.line("second").locator("[data-act=edit]").click()
    await expect(alice.page.locator(FIELD)).to_have_value("second, half changed")
    # Refused: the words come back as soon as nothing else stands in the field.
    await alice.page.keyboard.press("Escape")
    await alice.page.fill(FIELD, "")
    await alice.page.evaluate("document.querySelector('message-composer textarea').dataset.limit = 9000")
    await alice.page.press(FIELD, "ArrowUp")
    await expect(alice.page.locator(FIELD)).to_have_value("second")
    await alice.page.fill(FIELD, "x" * 4_001)
    await alice.page.press(FIELD, "Enter")
    await expect(alice.page.locator("[data-note=edit]")).to_be_visible()
    assert len(await alice.written()) == 4_001
    await alice.page.fill(FIELD, "second, changed")
    await alice.page.press(FIELD, "Enter")
    await bob.sees("second, changed")
    await alice.open()
    await expect(alice.page.locator("[data-note]")).to_have_count(0)


# ── Length and height ────────────────────────────────────────────────────────────────────────────────────────────────
async def test_near_the_limit_what_is_left_is_counted(open_pages):
    alice, _bob = await open_pages()
    count = alice.page.locator("message-composer .count")
    await alice.page.fill(FIELD, "x" * 3_700)
    await expect(count).to_be_hidden()
    await alice.page.fill(FIELD, "👍" * 3_990)  # counted in code points, as on the server
    await expect(count).to_have_text("10 left")
    await alice.page.fill(FIELD, "x" * 4_003)
    await expect(count).to_have_text("3 too many")
    await alice.page.press(FIELD, "Enter")
    await expect(alice.page.locator(FIELD)).to_have_attribute("aria-invalid", "")
    assert len(await alice.written()) == 4_003


async def test_the_composer_grows_to_a_limit_and_the_log_does_not_jump(open_pages):
    alice, bob = await open_pages()
    for number in range(30):
        await bob.say(f"line {number}")
    await alice.sees("line 29")
    height = "document.querySelector('message-composer textarea').offsetHeight"
    one = await alice.page.evaluate(height)
    await type_in(alice, "a")
    heights = []
    for _ in range(30):
        await alice.page.keyboard.press("Shift+Enter")
        heights.append(await alice.page.evaluate(height))
    assert heights == sorted(heights)
    assert one < heights[3] < heights[-1] <= 0.4 * alice.page.viewport_size["height"] + 1
    assert await alice.page.eval_on_selector(FIELD, "field => field.scrollHeight > field.clientHeight")
    # A reader at the end of the log stays at the end.
    gap = "(log => log.scrollHeight - log.scrollTop - log.clientHeight)(document.querySelector('.log'))"
    assert await alice.page.evaluate(gap) < 2
    # A reader further up keeps the scroll position.
    await alice.page.fill(FIELD, "")
    frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    await alice.page.evaluate(frames)  # wait until the log has its new height
    await alice.page.evaluate("document.querySelector('.log').scrollTop = 100")
    await alice.page.evaluate(frames)  # wait until the page has handled the scrolling
    await alice.page.fill(FIELD, "a\n" * 20)
    assert await alice.page.evaluate("document.querySelector('.log').scrollTop") == 100
