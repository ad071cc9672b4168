"""Tests of navigation: the live conversation list, its filters and menu, and the quick switcher (a search dialog).

When a user opens fifty pages one after the other, the browser keeps the same WebSocket, and its memory does not grow.
"""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest
from playwright.async_api import Page, expect

from chat import actions
from chat.actions.sending import SendCommand, send_many
from chat.payloads import SendPayload

pytestmark = pytest.mark.browser

# Returns the HTML of the visible rows of the list, in order. Focus and online dots are left out.
LIST = """
() => [...document.querySelectorAll('conversation-list li:not([hidden])')].map((li) => {
  const copy = li.cloneNode(true);
  for (const each of [copy, ...copy.querySelectorAll('*')]) {
    for (const name of ['tabindex', 'data-version', 'style']) each.removeAttribute(name);
    if (each.matches('.here')) each.hidden = true;
  }
  return copy.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><').trim();
})
"""
# Chromium counters that show a memory leak: DOM nodes, event listeners and heap size.
METRICS = ("Nodes", "JSEventListeners", "JSHeapUsedSize")


class Way:
    def __init__(self, page: Page):
        self.page = page

    async def open(self, path: str = "/") -> None:
        await self.page.goto(path)
        await self.page.locator("live-socket[data-state=open]").wait_for(state="attached")

    def row(self, pk: int):
        return self.page.locator(f".conversation-row[data-id='{pk}']")

    async def shown(self) -> list[int]:
        return await self.page.eval_on_selector_all(
            "conversation-list li:not([hidden]) .conversation-row", "all => all.map((each) => Number(each.dataset.id))"
        )

    async def sees(self, *ids: int) -> None:
        """Waits until the conversation list shows exactly these conversations, in this order."""
        await self.page.wait_for_function(
            "wanted => JSON.stringify([...document.querySelectorAll('conversation-list li:not([hidden]) .conversation-row')]"
            ".map((each) => Number(each.dataset.id))) === wanted",
            arg="[" + ",".join(map(str, ids)) + "]",
        )

    async def assert_reload_changes_nothing(self) -> None:
        await self.page.wait_for_timeout(1200)  # the page reports read markers at most once a second
        before, title = await self.page.evaluate(LIST), await self.page.title()
        await self.open(self.page.url)
        await self.page.wait_for_timeout(300)
        assert await self.page.evaluate(LIST) == before
        assert await self.page.title() == title


@pytest.fixture
async def workspace(get_shared_site, browser_for):
    """Provides a running site with open pages of alice (desktop and phone) and of bob.

    Both users share three groups, whose ids are in `workspace.ids` (newest last), and a direct conversation.
    `workspace.say(by, pk, text)` sends a message of the user `by` to the conversation with the id `pk`.
    """
    site = await get_shared_site()

    class Workspace:
        ids: list[int] = []
        direct_conversation = 0
        people: dict = {}

        async def say(self, by: str, pk: int, text: str) -> None:
            """Sends a message as the user `by` to the conversation `pk`, through the REST API of the running server."""
            page = self.pages[by].page
            token = await page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value")
            answer = await page.request.post(
                f"/api/v1/conversations/{pk}/messages/",
                data={"client_id": str(uuid.uuid4()), "body": text},
                headers={"X-CSRFToken": token or "", "Referer": page.url},
            )
            assert answer.ok, await answer.text()

        pages: dict[str, Way] = {}

    workspace = Workspace()
    workspace.site = site

    def build() -> None:
        alice, bob, carol = site.create_users("alice", "bob", "carol")
        with site.orm():
            workspace.people = {"alice": alice.pk, "bob": bob.pk, "carol": carol.pk}
            titles = ("安静的群", "Walk on Sunday", "Everyone")
            workspace.ids = [actions.create_group(alice.pk, title, [bob.pk]).id for title in titles]
            workspace.direct_conversation = actions.open_direct_conversation(alice.pk, bob.pk)[0].id
            actions.open_direct_conversation(bob.pk, alice.pk)  # else it exists for bob from its first message

    await asyncio.to_thread(build)
    workspace.pages = {
        "alice": Way(await browser_for(site, "alice")),
        "bob": Way(await browser_for(site, "bob")),
        "phone": Way(await browser_for(site, "alice", phone=True)),
    }
    for way in workspace.pages.values():
        await way.open()
    return workspace


async def test_a_page_is_asked_for_as_the_button_goes_down_and_once(workspace):
    page = workspace.pages["alice"].page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "x-visit" in request.headers else None)
    for pk in workspace.ids[:2]:
        await workspace.pages["alice"].row(pk).hover()
        async with page.expect_response(lambda answer: "x-visit" in answer.request.headers):
            await page.mouse.down()
        await expect(page.locator(f"main[data-id='{pk}']")).to_have_count(0)
        await page.mouse.up()
        await expect(page.locator(f"main[data-id='{pk}']")).to_be_visible()
    await page.wait_for_timeout(300)
    assert asked == [f"{workspace.site.url}/c/{pk}/" for pk in workspace.ids[:2]]


async def test_the_list_moves_live_and_a_reload_shows_the_same(workspace):
    alice, phone = workspace.pages["alice"], workspace.pages["phone"]
    quiet, walk, everyone = workspace.ids
    await alice.sees(workspace.direct_conversation, everyone, walk, quiet)
    await workspace.say("bob", quiet, "hello @alice")
    await alice.sees(quiet, workspace.direct_conversation, everyone, walk)
    await expect(alice.row(quiet).locator(".badge.at")).to_be_visible()
    assert await alice.page.title() == "(1) Chats · Messenger"
    await expect(alice.page.locator(".rail [data-total=mentions] .badge")).to_be_visible()

    # a favourite chosen in the menu moves to the top on every device of the user
    await alice.row(walk).click(button="right")
    await alice.page.locator("#row-menu button[name=favourite][value=on]").click()
    await alice.sees(walk, quiet, workspace.direct_conversation, everyone)
    await phone.sees(walk, quiet, workspace.direct_conversation, everyone)
    # a muted conversation has a grey count and is not in the title
    await alice.row(quiet).focus()
    await alice.page.keyboard.press("Shift+F10")
    await expect(alice.page.locator("#row-menu")).to_be_visible()
    await alice.page.locator("#row-menu button[name=muted][value=on]").press("Enter")
    await expect(alice.row(quiet).locator("[data-part=count].muted")).to_be_visible()
    await expect(alice.page).to_have_title("Chats · Messenger")
    await expect(alice.row(quiet)).to_be_focused()
    await alice.assert_reload_changes_nothing()
    await phone.assert_reload_changes_nothing()


async def test_a_filter_is_left_and_entered_as_things_change(workspace):
    alice = workspace.pages["alice"]
    quiet, walk, everyone = workspace.ids
    await alice.page.locator(".tabs a", has_text="Unread").click()
    await alice.sees()
    await expect(alice.page.locator(".list-none[data-none=unread]")).to_be_visible()
    assert alice.page.url.endswith("?show=unread")
    await workspace.say("bob", walk, "one")
    await workspace.say("bob", workspace.direct_conversation, "two")
    await alice.sees(workspace.direct_conversation, walk)
    await alice.row(walk).click()
    await alice.page.locator("message-log").wait_for()
    await expect(alice.row(walk).locator("[data-part=count]")).to_be_hidden()
    await alice.sees(workspace.direct_conversation, walk)  # the open conversation stays in the filter
    assert "show=unread" in alice.page.url
    await alice.assert_reload_changes_nothing()
    await alice.row(workspace.direct_conversation).click()
    await alice.sees(workspace.direct_conversation)  # and disappears when another one is opened
    # an archived conversation is only in the archive until somebody writes
    await alice.page.locator(".tabs a", has_text="All").click()
    await alice.row(everyone).click(button="right")
    await alice.page.locator("#row-menu button[name=archived][value=on]").click()
    await expect(alice.row(everyone)).to_be_hidden()
    await alice.page.locator("[data-part=archive-tab]").click()
    await alice.sees(workspace.direct_conversation, everyone)
    await alice.page.locator(".tabs a", has_text="All").click()
    await workspace.say("bob", everyone, "back")
    await alice.sees(everyone, workspace.direct_conversation, walk, quiet)
    await alice.assert_reload_changes_nothing()


async def test_more_than_a_page_of_conversations(workspace):
    alice = workspace.pages["alice"]

    def build() -> list[int]:
        with workspace.site.orm():
            made = [
                actions.create_group(workspace.people["alice"], f"Group {n}", [workspace.people["bob"]]).id
                for n in range(90)
            ]
            send_many([SendCommand(workspace.people["bob"], SendPayload(pk, uuid.uuid4(), "hi")) for pk in made[:2]])
            return made

    made = await asyncio.to_thread(build)
    await alice.open()
    assert len(await alice.shown()) == 60
    deep = made[10]
    assert deep not in await alice.shown()
    await workspace.say("bob", deep, "from the deep")
    await expect(alice.page.locator("conversation-list .conversation-row").first).to_have_attribute(
        "data-id", str(deep)
    )
    await alice.page.locator(".list-scroll").evaluate("each => each.scrollTo(0, each.scrollHeight)")
    await expect(alice.page.locator("conversation-list li:not([hidden])")).to_have_count(94)
    shown = await alice.shown()
    assert shown[:3] == [deep, made[1], made[0]] and len(set(shown)) == 94
    # a conversation far down is found by name, a Chinese one also by pinyin initials
    await alice.page.fill("input[name=find]", "ajdq")
    await alice.sees(workspace.ids[0])
    await alice.page.press("input[name=find]", "Enter")
    await alice.page.locator(f"message-log[data-conversation-id='{workspace.ids[0]}']").wait_for()


async def test_the_switcher_by_keys(workspace):
    alice = workspace.pages["alice"]
    quiet, walk, _everyone = workspace.ids
    await workspace.say("bob", walk, "unread, so it stands first")
    await expect(alice.row(walk).locator("[data-part=count]")).to_be_visible()
    await alice.page.keyboard.press("Control+k")
    options = alice.page.locator("#switcher [role=option]:not(#switch-search)")
    await expect(options.first).to_contain_text("Walk on Sunday")
    await alice.page.keyboard.type("ajdq")
    await expect(options).to_have_count(1)
    chosen = await alice.page.locator("#switcher input").get_attribute("aria-activedescendant")
    assert chosen == f"switch-c{quiet}"
    await alice.page.keyboard.press("Enter")
    await alice.page.locator(f"message-log[data-conversation-id='{quiet}']").wait_for()
    await expect(alice.page.locator("message-composer textarea")).to_be_focused()
    # a user without a conversation is found too
    await alice.page.keyboard.press("Control+k")
    await alice.page.keyboard.type("caro")  # typed at once: no letter may go to the composer
    await expect(options).to_have_count(1)
    assert await alice.page.locator("message-composer textarea").input_value() == ""
    await alice.page.keyboard.press("Enter")
    await expect(alice.page.locator("#h-conversation")).to_have_text("carol")
    # Alt+ArrowDown opens the conversation below the open one
    await alice.page.keyboard.press("Alt+ArrowDown")
    await alice.page.locator(f"message-log[data-conversation-id='{walk}']").wait_for()
    await alice.page.keyboard.press("Control+/")
    await expect(alice.page.locator("#shortcuts")).to_be_visible()
    await alice.page.keyboard.press("Escape")
    await expect(alice.page.locator("#shortcuts")).to_be_hidden()


@pytest.mark.long
async def test_fifty_moves_are_one_socket_and_leave_nothing_behind(workspace):
    alice = workspace.pages["alice"]
    sockets: list[str] = []
    alice.page.on("websocket", lambda socket: sockets.append(socket.url))
    await alice.open()
    places = [f".conversation-row[data-id='{pk}']" for pk in (*workspace.ids, workspace.direct_conversation)] + [
        ".rail a[href='/mentions/']"
    ]
    client = await alice.page.context.new_cdp_session(alice.page)
    await client.send("Performance.enable")

    async def move(times: int) -> None:
        # Uses locators only: element handles, which wait_for_selector returns, would keep old pages in memory.
        for number in range(times):
            await alice.page.click(places[number % len(places)])
            if number % len(places) < 4:
                pk = (*workspace.ids, workspace.direct_conversation)[number % len(places)]
                await alice.page.locator(f"message-log[data-conversation-id='{pk}']").wait_for()
            else:
                await alice.page.locator("mention-list").wait_for(state="attached")

    async def measured() -> dict[str, float]:
        await client.send("HeapProfiler.collectGarbage")
        told = (await client.send("Performance.getMetrics"))["metrics"]
        return {each["name"]: each["value"] for each in told if each["name"] in METRICS}

    await move(15)
    before = await measured()
    await move(50)
    after = await measured()
    assert len(sockets) == 1
    assert after["JSEventListeners"] <= before["JSEventListeners"] + 10, (before, after)
    assert after["Nodes"] <= before["Nodes"] * 1.2, (before, after)
    assert after["JSHeapUsedSize"] <= before["JSHeapUsedSize"] * 1.3 + 500_000, (before, after)
    # no event handler is registered twice: a new text counts once
    await alice.row(workspace.direct_conversation).click()
    await alice.page.locator(f"message-log[data-conversation-id='{workspace.direct_conversation}']").wait_for()
    await workspace.say("bob", workspace.ids[0], "counted once")
    await expect(alice.row(workspace.ids[0]).locator("[data-part=count] [aria-hidden]")).to_have_text("1")
    # the back button shows the earlier pages
    await alice.page.go_back()
    await alice.page.locator("mention-list").wait_for(state="attached")
    await expect(alice.page).to_have_title("(1) Mentions · Messenger")
    await alice.page.go_back()
    await alice.page.locator(f"message-log[data-conversation-id='{workspace.direct_conversation}']").wait_for()


async def test_pages_without_the_list_count_live_too(workspace):
    alice = workspace.pages["alice"]
    await alice.open("/settings/")
    await workspace.say("bob", workspace.direct_conversation, "while alice is at her settings")
    await expect(alice.page.locator(".rail [data-total=unread] .badge")).to_be_visible()
    assert (await alice.page.title()).startswith("(1) ")
    await expect(alice.page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("^data:image/png"))


async def test_a_mention_arrives_on_its_page_and_is_read_there(workspace):
    alice = workspace.pages["alice"]
    await alice.open("/mentions/")
    await expect(alice.page.locator("mention-list .empty")).to_be_visible()
    await workspace.say("bob", workspace.ids[1], "@alice look")
    await alice.page.locator("mention-list .quoted.unread", has_text="look").wait_for()
    await alice.page.locator("mention-list button[name=seq]").click()
    await expect(alice.page.locator("mention-list .quoted.unread")).to_have_count(0)
    await expect(alice.page.locator(".rail [data-total=mentions] .badge")).to_be_hidden()
    await alice.page.locator("mention-list .where a").click()
    await alice.page.locator(f"message-log[data-conversation-id='{workspace.ids[1]}']").wait_for()


async def test_between_phone_and_desk_the_list_keeps_names_search_and_filters(workspace):
    desk = workspace.pages["alice"]
    size = desk.page.viewport_size
    for width in (640, 700, 759, 760, 800, 899):
        await desk.page.set_viewport_size({"width": width, "height": 900})
        await desk.open(f"/c/{workspace.ids[0]}/")
        for part in (".list .search", ".list .tabs", ".conversation-row .row-name", ".list-head h1"):
            await expect(desk.page.locator(part).first).to_be_visible()
        # In a narrow conversation the tools for text are behind a plus button.
        tool = "emoji" if width >= 759 else "voice"
        for part in (f"message-composer [data-act={tool}]", "message-composer [data-act=attach]", ".conversation-head"):
            box = await desk.page.locator(part).bounding_box()
            start = 299 if width >= 760 else 275
            assert box and box["x"] >= start and box["x"] + box["width"] <= width, (width, part, box)
        assert await desk.page.evaluate("document.documentElement.scrollWidth") <= width
    await desk.page.set_viewport_size(size)


# Returns what the toast overlaps: the newest message, and controls outside of the conversation list.
UNDER_TOAST = """() => {
  const box = (each) => each.getBoundingClientRect();
  const toast = box(document.querySelector('.toast'));
  const targets = ['.msg:last-of-type', '.conversation-head :is(a, button)', 'message-composer', '.rail a', '.save'];
  return [...document.querySelectorAll(targets.join())].filter((each) => each.checkVisibility()).map((each) => [each, box(each)])
    .filter(([, { left, right, top, bottom }]) =>
      left < toast.right && right > toast.left && top < toast.bottom && bottom > toast.top)
    .map(([each]) => each.outerHTML.slice(0, 80));
}"""


@pytest.mark.parametrize(
    "width", [360, pytest.param(700, marks=pytest.mark.long), pytest.param(1280, marks=pytest.mark.long)]
)
async def test_a_toast_hides_neither_the_newest_message_nor_buttons(workspace, width):
    way = workspace.pages["phone" if width < 640 else "alice"]
    await workspace.say("bob", workspace.ids[0], "the newest message")
    await way.page.set_viewport_size({"width": width, "height": 740})
    for path in (f"/c/{workspace.ids[0]}/", "/", "/people/", "/settings/", f"/c/{workspace.ids[0]}/settings/"):
        await way.page.goto(path)
        await way.page.wait_for_selector("live-socket[data-state=open]", state="attached")
        text = "Link copied. It can be used by anybody who has it, until it expires."
        toast = "(text) => document.dispatchEvent(new CustomEvent('page:toast', { detail: { text } }))"
        await way.page.evaluate(toast, text)
        await expect(way.page.locator(".toast")).to_be_in_viewport(ratio=1)
        assert await way.page.evaluate(UNDER_TOAST) == [], path


async def test_on_a_phone_one_goes_in_and_back_and_nothing_moves_sideways(workspace):
    phone = workspace.pages["phone"]
    await phone.page.set_viewport_size({"width": 360, "height": 640})
    await phone.open()
    entries = await phone.page.evaluate("history.length")
    await phone.row(workspace.ids[0]).tap()
    await phone.page.locator("message-log").wait_for()
    await phone.page.locator(".conversation-head .back").tap()
    await expect(phone.page.locator(".list")).to_be_visible()
    await expect(phone.row(workspace.ids[0])).to_be_focused()
    assert await phone.page.evaluate("history.length") == entries + 1  # going back adds no history entry
    for path in ("/", f"/c/{workspace.ids[0]}/", "/mentions/", "/people/", "/settings/", "/new/"):
        await phone.open(path)
        wide = await phone.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{path} is {wide} wide"
    await phone.open()
    # a long press opens the menu, as a sheet on a phone
    box = await phone.row(workspace.ids[1]).bounding_box()
    assert box
    client = await phone.page.context.new_cdp_session(phone.page)
    point = {"x": box["x"] + 80, "y": box["y"] + 20}
    await client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    await phone.page.wait_for_timeout(700)
    await client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await expect(phone.page.locator("#row-menu.sheet")).to_be_visible()
    await phone.page.locator("#row-menu button[name=favourite][value=on]").tap()
    await expect(phone.row(workspace.ids[1]).locator(".row-pin")).to_be_visible()


async def test_the_first_conversation_ends_the_quiet_beside_the_list(workspace, browser_for):
    (dave_pk,) = [user.pk for user in await asyncio.to_thread(workspace.site.create_users, "dave")]
    dave = Way(await browser_for(workspace.site, "dave"))
    await dave.open()
    quiet, choose = (dave.page.locator(f"main > [data-beside={name}]") for name in ("none", "some"))
    await expect(quiet).to_be_visible()
    await expect(choose).to_be_hidden()

    def begin() -> int:
        with workspace.site.orm():
            return actions.open_direct_conversation(workspace.people["bob"], dave_pk)[0].id

    await workspace.say("bob", await asyncio.to_thread(begin), "hello dave")
    await expect(choose).to_be_visible()
    await expect(quiet).to_be_hidden()


async def test_what_failed_stands_in_the_list_and_the_archive_is_left_by_undo(workspace):
    alice, row = workspace.pages["alice"], workspace.pages["alice"].row(workspace.direct_conversation)
    await alice.open(f"/c/{workspace.direct_conversation}/")
    field = alice.page.locator("message-composer textarea")
    await field.fill("this was sent")
    await field.press("Enter")
    await expect(row.locator(".row-last")).to_have_text("You: this was sent")
    await alice.page.evaluate("document.querySelector('message-composer textarea').dataset.limit = 9000")
    await field.fill("x" * 4_001)
    await field.press("Enter")
    await expect(row.locator(".row-last")).to_have_text(f"Not sent {'x' * 119}…")
    await alice.page.locator("message-log .msg.failed [data-act=discard]").click()
    await expect(row.locator(".row-last")).to_have_text("You: this was sent")

    await row.click(button="right")
    await alice.page.locator("#row-menu button[name=archived][value=on]").click()
    await alice.page.locator(".toast", has_text="Archived").locator("[data-act=undo]").click()
    await expect(
        alice.page.locator(f".conversation-row.archived[data-id='{workspace.direct_conversation}']")
    ).to_have_count(0)
    await row.click(button="right")
    await expect(alice.page.locator("#row-menu button[name=archived][value=on]")).to_be_visible()


async def test_on_a_wide_screen_the_text_is_in_the_centre_and_the_panel_does_not_move_it(open_pages):
    alice, _bob = await open_pages()
    edges = """() => {
      const [pane, text] = ['.conversation', '#h-conversation'].map((name) => document.querySelector(name).getBoundingClientRect());
      const width = parseFloat(getComputedStyle(document.querySelector('message-composer textarea')).maxWidth);
      return [text.left - pane.left, pane.right - text.left - width];
    }"""
    for width in (1720, 2000, 2560):
        await alice.page.set_viewport_size({"width": width, "height": 900})
        left, right = await alice.page.evaluate(edges)
        assert left > 150 and right < 0.32 * width, (width, left, right)
        await alice.page.locator(".conversation-head .tools [data-view=members]").click()
        await alice.page.locator(".shell.with-panel").wait_for()
        with_panel = await alice.page.evaluate(edges)
        assert with_panel[0] == left and with_panel[1] >= 0, (width, with_panel)
        await alice.page.locator(".conversation-head .tools [data-view=members]").click()
        await expect(alice.page.locator(".shell.with-panel")).to_have_count(0)
