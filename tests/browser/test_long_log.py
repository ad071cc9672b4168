"""Tests of scrolling in a conversation with many messages.

The page contains only some hundred messages at a time. When messages above or below the first visible message are
added, removed or changed, the first visible message must not move by a pixel.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid

import pytest
from playwright.async_api import Page, expect

from chat import actions
from chat.actions import search_index
from chat.actions.sending import SendCommand, send_many
from chat.payloads import SendPayload
from tests.bulk_history import mark_read, write_history

pytestmark = pytest.mark.browser

LONG = int(os.environ.get("LONG", "3000"))  # messages; 10000 take a minute and a half
MOST = 400  # limit of lines on the page in static/js/conversation/log/history-loader.js; two more pages may be loading

# Returns number and distance from the top edge of the first wholly visible line, or of the nth line after it.
READ = """
(nth) => {
  const log = document.querySelector('message-log .log');
  const { top } = log.getBoundingClientRect();
  const line = [...log.querySelectorAll('ol > [data-seq]')].filter((li) => li.getBoundingClientRect().top >= top)[nth];
  return { seq: Number(line.dataset.seq), offset: line.getBoundingClientRect().top - top };
}
"""
OFFSET = """
(seq) => {
  const line = document.querySelector(`message-log ol > [data-seq="${seq}"]`);
  return line && line.getBoundingClientRect().top - document.querySelector('message-log .log').getBoundingClientRect().top;
}
"""
LINES = "() => document.querySelectorAll('message-log ol > li').length"


class LongLogPage:
    """A browser page of alice with a long conversation. Its methods scroll the messages and measure their positions."""

    def __init__(self, page: Page, url: str, conversation_id: int):
        self.page, self.url, self.id = page, url, conversation_id

    async def open(self, query: str = "") -> None:
        await self.page.goto(self.url + query)
        await self.page.wait_for_selector("live-socket[data-state=open]", state="attached")

    async def read(self, nth: int = 0) -> dict:
        return await self.page.evaluate(READ, nth)

    async def offset(self, seq: int) -> float | None:
        return await self.page.evaluate(OFFSET, seq)

    async def stays(self, act, wait: int = 400) -> None:
        """Awaits the coroutine `act`, then waits for `wait` milliseconds.

        Checks that the first visible message has moved by at most 1 px.
        """
        before = await self.read()
        await act
        await self.page.wait_for_timeout(wait)
        assert await self.offset(before["seq"]) == pytest.approx(before["offset"], abs=1), before

    async def scroll(self, by: int) -> None:
        await self.page.evaluate(
            "(by) => document.querySelector('message-log .log').scrollBy({ top: by, behavior: 'instant' })", by
        )

    async def turn_wheel(self, by: int, wait: int) -> None:
        """Turns the mouse wheel by `by` px and waits for `wait` milliseconds. The pointer must be over the log."""
        await self.page.mouse.wheel(0, by)
        await self.page.wait_for_timeout(wait)

    @property
    def log(self):
        return self.page.locator("message-log .log")


@pytest.fixture
async def open_long_log(get_shared_site, browser_for):
    """Provides an async function that makes a group with `count` messages and a browser page of its member alice.

    The messages are from alice and bob. alice has read all of them, or with `read=100` only the first 100. The page of
    the group is not opened yet.
    """

    async def make(count: int, read: int | None = None, **browser) -> LongLogPage:
        site = await get_shared_site()
        make.site = site

        def group() -> int:
            alice, bob = site.create_users("alice", "bob")
            make.alice, make.bob = alice.pk, bob.pk
            with site.orm():
                pk = actions.create_group(alice.pk, "Room", [bob.pk]).id
                write_history(pk, [bob.pk, alice.pk], count)
                mark_read(pk, alice.pk, read or count)
                return pk

        pk = await asyncio.to_thread(group)
        return LongLogPage(await browser_for(site, "alice", **browser), f"/c/{pk}/", pk)

    def in_site(act, *arguments):
        """Runs the function `act` in a thread, with Django connected to the database of the site."""

        def run():
            with make.site.orm():
                return act(*arguments)

        return asyncio.to_thread(run)

    make.do = in_site
    return make


@pytest.mark.long
async def test_thousands_of_messages_up_and_down_with_few_lines_and_a_steady_hand(open_long_log):
    it = await open_long_log(LONG)
    await it.open()
    await it.log.hover()
    most, worst, walls = 0, 0.0, 0
    seen = {(await it.read())["seq"]}

    async def walk(step: int, until) -> None:
        nonlocal most, worst, walls
        for _ in range(4_000):
            here = await it.read(1)  # not the first line: its header changes when older lines are loaded above it
            seen.add(here["seq"])
            if until(here["seq"]):
                return
            # Each step scrolls by script. The line must move by exactly the scrolled distance, also while other lines
            # are loaded or removed.
            moved = await it.page.evaluate(
                """async ([by, seq]) => {
                  const log = document.querySelector('message-log .log');
                  const at = (line) => line.getBoundingClientRect().top;
                  const line = log.querySelector(`ol > [data-seq="${seq}"]`);
                  const before = at(line), top = log.scrollTop;
                  log.scrollTop += by;
                  const went = log.scrollTop - top;
                  for (let n = 0; n < 3; n += 1) await new Promise(requestAnimationFrame);
                  const gone = !line.isConnected;
                  return { went, moved: gone ? null : before - at(line),
                           lines: document.querySelectorAll('message-log ol > li').length };
                }""",
                [step, here["seq"]],
            )
            most = max(most, moved["lines"])
            if abs(moved["went"]) < abs(step):
                walls += 1  # older lines were not loaded in time, as on a busy machine
            if moved["moved"] is not None:
                worst = max(worst, abs(moved["moved"] - moved["went"]))

    await walk(-2_000, lambda seq: seq <= 3)
    assert await it.page.locator("message-log .beginning").is_visible()
    await walk(2_000, lambda seq: seq >= LONG - 20)
    assert worst <= 1, f"the line that was read moved by {worst} px"
    assert most <= MOST + 140, most  # the limit, two more pages and separators for days and pauses
    print(f"at most {most} lines, {walls} steps met an end, moved by {worst} px")


@pytest.mark.long
async def test_the_wheel_as_fast_as_it_goes_meets_no_wall_for_long(open_long_log):
    it = await open_long_log(2_000)
    await it.open()
    await it.log.hover()
    for _ in range(600):
        await it.turn_wheel(-1_200, 16)
        if (await it.read())["seq"] <= 3:
            break
    assert (await it.read())["seq"] <= 3
    await it.page.wait_for_timeout(300)
    assert await it.page.evaluate(LINES) <= MOST + 140
    # each message is there once and in order
    seqs = await it.page.eval_on_selector_all(
        "message-log ol > [data-seq]", "all => all.map((each) => Number(each.dataset.seq))"
    )
    assert seqs == list(range(1, len(seqs) + 1))


async def test_messages_that_are_put_above_restyle_only_themselves(open_long_log):
    """A style sheet with a rule such as `p + p` makes the browser style every message of the log again."""
    it = await open_long_log(300)
    await it.open()
    await it.log.hover()
    for _ in range(20):
        await it.turn_wheel(-1_200, 50)
    await it.page.wait_for_timeout(1_000)
    browser = it.page.context.browser
    assert browser and await it.page.evaluate(LINES) > 200
    await browser.start_tracing(page=it.page, categories=["devtools.timeline"])
    inserted = await it.page.evaluate(
        """() => {
          const list = document.querySelector('message-log ol');
          const copies = [...list.querySelectorAll(':scope > .msg')].slice(0, 20).map((each) => each.cloneNode(true));
          list.firstElementChild.after(...copies);
          document.body.offsetHeight;
          return copies.reduce((sum, each) => sum + 1 + each.querySelectorAll('*').length, 0);
        }"""
    )
    events = json.loads(await browser.stop_tracing())["traceEvents"]
    styled = max(event["args"].get("elementCount", 0) for event in events if event["name"] == "UpdateLayoutTree")
    assert 20 <= styled <= inserted + 40, (styled, inserted)


async def test_the_marks_of_a_search_restyle_nothing(open_long_log):
    it = await open_long_log(300)

    def index() -> None:
        search_index.start_rebuild()
        search_index.fill()

    await open_long_log.do(index)
    await it.open("?at=150#m-150")
    await it.page.wait_for_timeout(1_000)
    browser = it.page.context.browser
    assert browser and await it.page.evaluate(LINES) > 100
    marks = "() => [...CSS.highlights.values()].reduce((sum, each) => sum + each.size, 0)"
    await it.page.keyboard.press("Control+f")
    field = it.page.locator("conversation-search input[type=search]")
    await field.fill("zzz")
    await expect(it.page.locator("conversation-search output")).to_have_text("Nothing found")
    await browser.start_tracing(page=it.page, categories=["devtools.timeline"])
    await it.stays(field.fill("river"), 1_500)
    events = json.loads(await browser.stop_tracing())["traceEvents"]
    assert await it.page.evaluate(marks) > 30
    styled = max(event["args"].get("elementCount", 0) for event in events if event["name"] == "UpdateLayoutTree")
    assert styled < 100, styled
    await it.page.keyboard.press("Escape")
    assert await it.page.evaluate(marks) == 0


async def test_what_changes_above_moves_nothing(open_long_log):
    it = await open_long_log(300)
    await it.open("?at=150#m-150")
    await it.page.wait_for_timeout(1_000)
    above = (await it.read())["seq"] - 5

    def message(seq):
        from chat.models import Message

        return Message.objects.get(conversation_id=it.id, seq=seq)

    row = await open_long_log.do(message, above)
    writer = row.sender_id
    await it.stays(open_long_log.do(actions.edit_message, writer, row.pk, "longer " * 200), 1_000)
    await expect(it.page.locator(f"#m-{above}")).to_contain_text("longer longer")
    other = await open_long_log.do(message, above - 1)
    await it.stays(open_long_log.do(actions.delete_message, other.sender_id, other.pk), 1_000)
    await expect(it.page.locator(f"#m-{above - 1}.deleted")).to_have_count(1)
    # content that gets its size late, such as a picture
    await it.stays(
        it.page.evaluate(
            """(seq) => { const box = document.createElement('div'); box.style.height = '333px';
              document.querySelector(`#m-${seq} .body`).append(box); }""",
            above,
        )
    )
    # new messages below are counted on the button and move nothing
    await it.stays(
        open_long_log.do(
            send_many, [SendCommand(open_long_log.bob, SendPayload(it.id, uuid.uuid4(), "something new"))]
        ),
        800,
    )
    await expect(it.page.locator(".latest .num")).to_have_text("1")


async def test_the_composer_grows_the_window_changes_and_the_line_stays(open_long_log):
    it = await open_long_log(300)
    await it.open("?at=150#m-150")
    await it.page.wait_for_timeout(500)
    area = it.page.locator("message-composer textarea")
    await it.stays(area.fill("one\ntwo\nthree\nfour\nfive"))
    await it.stays(it.page.set_viewport_size({"width": 900, "height": 800}))
    await it.stays(it.page.set_viewport_size({"width": 1400, "height": 600}))
    # a reader at the end stays at the end
    await it.open("?newest=1")
    await area.fill("")
    for size in ({"width": 700, "height": 800}, {"width": 1300, "height": 500}):
        await it.page.set_viewport_size(size)
        await area.fill("one\ntwo\nthree\nfour\nfive")
        await it.page.wait_for_timeout(300)
        assert await it.page.evaluate(LEFT) <= 1
        await area.fill("")


LEFT = """
() => { const log = document.querySelector('message-log .log'); return log.scrollHeight - log.scrollTop - log.clientHeight; }
"""

KEYBOARD = """
(() => {
  const view = new EventTarget();
  Object.assign(view, { height: innerHeight, scale: 1 });
  Object.defineProperty(window, 'visualViewport', { value: view, configurable: true });
})()
"""


async def test_a_keyboard_over_the_page_leaves_the_line_and_shows_the_composer(open_long_log):
    """Simulates the on-screen keyboard of Safari: the window keeps its size, and only the visible part of it shrinks.

    The first visible message must keep its place, and the composer (input field) must be visible.
    """
    it = await open_long_log(300, phone=True)
    await it.page.add_init_script(KEYBOARD)
    await it.open("?at=150#m-150")
    await it.page.wait_for_timeout(500)
    keyboard = (
        "(by) => { visualViewport.height = innerHeight - by; visualViewport.dispatchEvent(new Event('resize')); }"
    )
    await it.stays(it.page.evaluate(keyboard, 340))
    box = await it.page.locator("message-composer form").bounding_box()
    assert box and box["y"] + box["height"] <= 844 - 340 + 1
    await it.stays(it.page.evaluate(keyboard, 0))


async def test_it_opens_at_the_first_unread_and_nothing_moves_when_the_script_comes(open_long_log, browser_for):
    it = await open_long_log(400, read=200)
    # Records the position of the separator in 40 frames, before and after the scripts start: it may not move.
    await it.page.add_init_script(
        """
        window.painted = [];
        const look = () => {
          const line = document.querySelector('message-log .unread-line');
          if (line) painted.push(Math.round(line.getBoundingClientRect().top));
          if (painted.length < 40) requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
        """
    )
    for _ in range(2):  # the second time is a reload
        await it.page.goto("about:blank")
        await asyncio.sleep(1)  # the page may have reported what was read when it was left
        first_unread = await open_long_log.do(unread_from, it.id, open_long_log.alice)
        await it.open()
        await it.page.wait_for_function("() => painted.length >= 40")
        painted = await it.page.evaluate("painted")
        assert max(painted) - min(painted) <= 1, painted
        line = it.page.locator("message-log .unread-line")
        await expect(line).to_be_in_viewport()
        following = await line.evaluate("(each) => Number(each.nextElementSibling.dataset.seq)")
        below = await line.evaluate("(each) => each.getBoundingClientRect().top / innerHeight")
        assert 0.15 < below < 0.75
        assert following == first_unread
        # read messages are visible above it
        assert (await it.read())["seq"] < following


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("query", ["?at=200#m-200", "?at=200", "?at=3", ""])
async def test_a_link_to_a_message_shows_it_from_the_first_frame_and_no_raw_form(open_long_log, query, phone):
    """The scripts are held back for a second: what CSS shows until then is what the scripts show."""
    it = await open_long_log(400, phone=phone)

    async def later(route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    await it.page.route("**/js/app*", later)
    await it.page.add_init_script(
        """
        window.painted = [];
        const look = () => {
          const composer = document.querySelector('message-composer');
          const wanted = document.querySelector(/at=(\\d+)/.test(location.search) ? `#m-${RegExp.$1}` : '.msg:nth-last-of-type(1)');
          if (composer && wanted) painted.push({
            top: Math.round(wanted.getBoundingClientRect().top),
            form: composer.firstElementChild.offsetHeight,
            input: document.querySelector('file-tray > input').checkVisibility({ visibilityProperty: true }),
            started: composer.matches(':defined') });
          if (painted.length < 400) requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
        """
    )
    await it.open(query)
    await it.page.wait_for_timeout(700)
    painted = await it.page.evaluate("painted")
    assert not painted[0]["started"] and painted[-1]["started"]
    for name in ("top", "form"):
        seen = [each[name] for each in painted]
        assert max(seen) - min(seen) <= 2, (name, sorted(set(seen)))
    assert not any(each["input"] for each in painted)
    await expect(it.page.locator("message-log .opens-here")).to_have_count(0)


def unread_from(conversation_id: int, user_id: int) -> int:
    from chat.models import Membership, Message

    mark = Membership.objects.get(conversation_id=conversation_id, user_id=user_id).read_seq
    texts = Message.objects.filter(conversation_id=conversation_id, seq__gt=mark, kind="text").exclude(
        sender_id=user_id
    )
    return texts.order_by("seq").first().seq


def get_read_marker(conversation_id: int, user_id: int) -> int:
    from chat.models import Membership

    return Membership.objects.get(conversation_id=conversation_id, user_id=user_id).read_seq


async def test_the_mark_moves_with_what_is_seen_and_no_further(open_long_log):
    it = await open_long_log(400, read=200)
    await it.open()
    await it.page.wait_for_timeout(2_500)
    seen = await it.page.evaluate(
        """() => { const log = document.querySelector('message-log .log'); const { bottom } = log.getBoundingClientRect();
          return [...log.querySelectorAll('ol > [data-seq]')].filter((li) => li.getBoundingClientRect().bottom <= bottom + 8)
            .map((li) => Number(li.dataset.seq)).at(-1) }"""
    )
    mark = await open_long_log.do(get_read_marker, it.id, open_long_log.alice)
    assert 200 < mark <= seen < 390
    number = int(await it.page.locator(".latest .num").inner_text())
    assert 0 < number < 200
    await it.page.locator(".latest").click()
    await expect(it.page.locator("#m-401, #m-400").last).to_be_in_viewport()
    await expect(it.page.locator(".latest")).to_be_hidden()
    await it.page.wait_for_timeout(1_500)
    assert await open_long_log.do(get_read_marker, it.id, open_long_log.alice) >= 400
    # The back button returns to the earlier position.
    await it.page.go_back()
    await expect(it.page.locator(f"#m-{seen - 3}")).to_be_in_viewport()


async def test_jumps_and_the_way_back(open_long_log):
    it = await open_long_log(1_000)
    await it.open("?at=900#m-900")
    await it.page.wait_for_timeout(1_200)
    await expect(it.page.locator("#m-900")).to_be_in_viewport()

    def reply():
        from chat.models import Message

        early = Message.objects.get(conversation_id=it.id, seq=100)
        return send_many(
            [SendCommand(open_long_log.bob, SendPayload(it.id, uuid.uuid4(), "an answer to that", early.pk))]
        )

    await open_long_log.do(reply)
    await it.open("?newest=1")
    await it.page.wait_for_timeout(1_500)
    await it.open("?newest=1")  # all is read now, so there is no unread separator
    stub = it.page.locator(".reply[data-seq='100']")
    await stub.wait_for()
    await it.page.wait_for_timeout(1_500)
    before = await it.read()
    await stub.click()
    await expect(it.page.locator("#m-100")).to_be_in_viewport()
    await expect(it.page.locator("#m-100.jumped")).to_have_count(1)
    assert "at=100" in it.page.url
    await it.page.go_back()
    await expect(stub).to_be_in_viewport()
    assert await it.offset(before["seq"]) == pytest.approx(before["offset"], abs=1)


async def test_a_day_line_leads_to_another_day(open_long_log):
    it = await open_long_log(2_000)  # one message every four minutes: five and a half days
    await it.open()
    await it.page.locator(".conversation-head .tools button[popovertarget=conversation-menu]").click()
    await it.page.locator("button[popovertarget=date-jump]").click()
    wanted = await it.page.evaluate("new Date(Date.now() - 3 * 86400e3).toISOString().slice(0, 10)")
    await it.page.locator("#date-jump input[name=on]").fill(wanted)
    await it.page.evaluate("window.isSamePage = true")
    await it.page.locator("#date-jump button").click()
    await it.page.wait_for_url("**/?at=*")
    assert await it.page.evaluate("window.isSamePage")  # no page load
    line = it.page.locator(f".day:has(time[datetime='{wanted}'])")
    await expect(line).to_be_in_viewport()
    await it.page.go_back()
    await expect(it.page.locator("message-log ol > [data-seq='2000']")).to_be_in_viewport()
