"""Tests that a page that was updated live by scripts shows the same as after a reload.

The open page of alice gets each change in the list ROWS over its WebSocket. Then it is compared with the HTML of the
server and with a newly opened page. ROWS must be complete: the test fails if an event type, an event field or a kind of
system message in the protocol is never sent.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from playwright.async_api import Page

from chat.view_models.template_samples import SYSTEM_MESSAGE_KINDS as SENTENCES
from messenger.protocol import contract
from tests.browser.other_devices import Device, a_picture, a_sound, device
from tests.servers import PASSWORD

pytestmark = pytest.mark.browser

ROWS_COMPARED_TOGETHER = int(os.environ.get("ROWS_COMPARED_TOGETHER", "3"))  # with 1, a failure names a single row
PATIENCE = 8.0  # seconds for events to arrive, read markers to be reported, and typing to end by itself

# Returns the HTML of the parts of the page. What may differ is removed: hover buttons, focus, form tokens, and controls
# that scripts add. With `served`, who is online and who views the conversation are removed too: only a socket knows it.
SHOWN = """
(served) => {
  const clean = (element) => {
    const copy = element.cloneNode(true);
    const ours = '.acts, .copy-code, .player, noscript, script, input[type=hidden]';
    copy.querySelectorAll(ours).forEach((each) => each.remove());
    for (const part of ['viewers', 'here-count', 'peer-here']) {
      if (served) copy.querySelectorAll(`[data-part=${part}]`).forEach((each) => each.remove());
    }
    copy.querySelectorAll('.viewers').forEach((each) => each.remove());
    for (const each of [copy, ...copy.querySelectorAll('*')]) {
      each.classList.remove('jumped', 'open', 'new', 'short');
      if (each.matches('.here') && served) each.hidden = true;
      if (each.matches('.conversation-row')) each.removeAttribute('data-version'); // since when it is known, which nobody sees
      if (each.type === 'checkbox') each.toggleAttribute('checked', false);
      for (const name of ['tabindex', 'aria-expanded', 'style', 'data-keys']) each.removeAttribute(name);
      const names = [...each.attributes].map(({ name }) => name).sort();
      const value = (name) => (name === 'class' ? [...each.classList].sort().join(' ') : each.getAttribute(name));
      const values = names.map(value);
      for (const name of names) each.removeAttribute(name);
      names.forEach((name, index) => (name === 'class' && !values[index]) || each.setAttribute(name, values[index]));
    }
    return copy.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><').replace(/=""/g, '').replace(/ >/g, '>').trim();
  };
  const all = (selector) => [...document.querySelectorAll(selector)].map(clean);
  const html = document.documentElement;
  const log = document.querySelector('message-log');
  return {
    log: all('message-log ol > li'), list: all('conversation-list ul > li:not([hidden])'),
    head: all('.conversation-head, conversation-announcement'),
    places: all('.rail a, .list .tabs a'), page: [document.title, html.lang, html.dataset.theme ?? 'system'],
    rights: ['kind', 'role', 'allows', 'hasBefore', 'hasAfter'].map((name) => log?.dataset[name] ?? '').concat(
      ['blocked', 'name'].map((name) => document.querySelector('live-socket')?.dataset[name] ?? '')),
    composer: all('.composer-note').concat(document.querySelector('message-composer textarea')?.value ?? 'none',
      [...document.querySelectorAll('.log, .composer, .composer textarea')].flatMap((each) =>
        ['aria-label', 'placeholder'].map((name) => each.getAttribute(name) ?? ''))),
    panel: served ? [] : all('.panel li, .panel .panel-head, .panel h3, .panel .panel-act'),
  };
}
"""

BEGUN = "() => ((log) => !log || log.dataset.live !== undefined)(document.querySelector('message-log'))"


class Environment:
    """The open page of alice, and simulated devices on which alice and other users make changes.

    Records in `told` all frames (WebSocket messages) that alice's page receives.
    """

    alice: Device
    bob: Device
    carol: Device
    dave: Device
    group: int
    direct_conversation: int
    said: dict[str, int]

    def __init__(self, site: Any, page: Page):
        self.site, self.page, self.said = site, page, {}
        self.told: list[dict] = []
        self.kept: dict[str, Any] = {}
        page.on("websocket", lambda socket: socket.on("framereceived", self._heard))

    def _heard(self, text: str | bytes) -> None:
        self.told.append(json.loads(text))

    async def send(self, who: Device, body: str, where: int = 0, **more: Any) -> None:
        message = await who.send(where or self.group, body, **more)
        self.said[body] = message["id"]

    def message(self, body: str, more: str = "") -> str:
        return f"messages/{self.said[body]}/{more}"

    @property
    def path(self) -> str:
        return f"conversations/{self.group}/"

    async def mine(self, **changes: Any) -> None:
        await self.alice.patch(f"{self.path}mine/", **changes)

    async def keep(self, name: str, asked: Awaitable[Any]) -> None:
        self.kept[name] = await asked

    async def by_orm(self, action: Callable[[], Any]) -> Any:
        def inside() -> Any:
            with self.site.orm():
                return action()

        return await asyncio.to_thread(inside)


async def _seq(it: Environment, body: str) -> int:
    return (await it.alice.get(it.message(body)))["seq"]


async def _a_file(it: Environment, who: Device, name: str, content: bytes, body: str, **about: str) -> None:
    await it.send(who, body, attachment_ids=[await who.upload(content, name, **about)])


async def _several_files(it: Environment) -> None:
    files = [await it.bob.upload(a_picture(colour), f"{colour}.png") for colour in ("red", "blue")]
    await it.send(it.bob, "", attachment_ids=[*files, await it.bob.upload(b"one,two\n", "table.csv")])


async def _forward(it: Environment) -> None:
    first = await it.bob.send(it.direct_conversation, "said between us")
    await it.send(it.alice, "", forward_id=first["id"])


async def _hide(it: Environment) -> None:
    await it.alice.delete(it.message("rude"))


async def _restore(it: Environment) -> None:
    from accounts.models import User
    from chat import actions

    def action() -> None:
        User.objects.filter(pk=it.dave.pk).update(is_superuser=True)
        actions.restore_message(it.dave.pk, it.said["rude"])
        User.objects.filter(pk=it.dave.pk).update(is_superuser=False)

    await it.by_orm(action)  # there is no REST route for it: moderators restore messages on a page


async def _a_group_of_bobs(it: Environment) -> None:
    group = await it.bob.post("conversations/", kind="group", title="Bob's", user_ids=[it.carol.pk])
    it.kept["bobs"] = group["id"]
    await it.bob.send(group["id"], "before alice")
    await it.bob.post(f"conversations/{group['id']}/members/", user_ids=[it.alice.pk])


async def _join_by_alices_link(it: Environment) -> None:
    link = await it.alice.post(f"{it.path}invites/")
    await it.dave.post(f"invites/{link['token']}/")


async def _join_by_bobs_link(it: Environment) -> None:
    link = await it.bob.post(f"{it.path}invites/")
    await it.dave.post(f"invites/{link['token']}/")


async def _said(it: Environment, body: str) -> None:
    """Sends a message in the open page of alice and waits until it is stored."""
    await it.page.fill("message-composer textarea", body)
    await it.page.press("message-composer textarea", "Enter")
    line = it.page.locator("message-log li.mine[data-seq]:not(.pending)", has_text=body).last
    await line.wait_for()
    it.said[body] = int(await line.get_attribute("data-id") or 0)


async def _here_again(it: Environment) -> None:
    """Takes the browser of alice offline, makes changes as bob, and takes the browser online again.

    Waits until the server knows that alice has read the message that she missed. A later test step marks messages as
    unread; if the browser reported the message as read after that, the step would have no effect.
    """
    await it.page.context.set_offline(True)
    await it.bob.send(it.group, "you were away")
    await it.bob.patch(it.path, description="About what you missed")
    await it.page.context.set_offline(False)
    async with asyncio.timeout(PATIENCE):
        while (await it.alice.get(it.path))["mine"]["unread_count"]:
            await asyncio.sleep(0.1)


ROWS: dict[str, Callable[[Environment], Awaitable[Any]]] = {
    # ── texts ───
    "somebody says something": lambda it: it.send(it.bob, "something new"),
    "and once more": lambda it: it.send(it.bob, "and **more** of it, with `code` and https://example.org/a"),
    "somebody else does": lambda it: it.send(it.carol, "```python\nprint(1)\n```"),
    "I do, here": lambda it: _said(it, "said on this page"),
    "and again": lambda it: _said(it, "and one more line"),
    "I do, elsewhere": lambda it: it.send(it.alice, "from my other device"),
    "one emoji": lambda it: it.send(it.bob, "🎉"),
    "a long text": lambda it: it.send(it.carol, "word and word again\n" * 60),
    "from right to left": lambda it: it.send(it.carol, "שלום לכולם"),
    "Chinese": lambda it: it.send(it.carol, "晚上见，记得带钥匙"),
    "an answer": lambda it: it.send(it.bob, "an answer", reply_to_id=it.said["from my other device"]),
    "a second one": lambda it: it.send(it.carol, "another answer", reply_to_id=it.said["from my other device"]),
    "an answer to a text of Chinese": lambda it: it.send(it.bob, "yes", reply_to_id=it.said["晚上见，记得带钥匙"]),
    "a text from elsewhere is handed on": _forward,
    "another one, of somebody else": lambda it: it.send(it.alice, "", forward_id=it.said["another answer"]),
    "a mention of me": lambda it: it.send(it.carol, "@alice, look"),
    "a mention of somebody else, and of all": lambda it: it.send(it.alice, "@bob and @all"),
    # ── their changes ───
    "an edit": lambda it: it.bob.patch(it.message("something new"), body="something newer"),
    "an edit of mine": lambda it: it.alice.patch(it.message("said on this page"), body="said there, mended"),
    "what is quoted is edited": lambda it: it.alice.patch(it.message("from my other device"), body="changed"),
    "a reaction": lambda it: it.bob.put(it.message("from my other device", "reactions/👍/")),
    "mine beside it": lambda it: it.alice.put(it.message("from my other device", "reactions/👍/")),
    "another one": lambda it: it.carol.put(it.message("from my other device", "reactions/🎉/")),
    "a reaction is taken back": lambda it: it.bob.delete(it.message("from my other device", "reactions/👍/")),
    "a pin": lambda it: it.alice.put(it.message("something new", "pin/")),
    "a second pin": lambda it: it.bob.put(it.message("an answer", "pin/")),
    "it is unpinned": lambda it: it.alice.delete(it.message("something new", "pin/")),
    "a recall": lambda it: it.bob.delete(it.message("and **more** of it, with `code` and https://example.org/a")),
    "what was pinned is recalled": lambda it: it.bob.delete(it.message("an answer")),
    "mine is recalled, which was quoted": lambda it: it.alice.delete(it.message("from my other device")),
    "an answer to it is edited": lambda it: it.carol.patch(it.message("another answer"), body="to what is gone"),
    "something rude": lambda it: it.send(it.carol, "rude"),
    "I take it away": _hide,
    "a moderator brings it back": _restore,
    "the newest is recalled": lambda it: it.carol.delete(it.message("rude")),
    # ── files ───
    "a picture": lambda it: _a_file(it, it.bob, "beach.png", a_picture(), "look at this", alt="A beach"),
    "files alone": _several_files,
    "something to hear": lambda it: _a_file(it, it.bob, "voice.wav", a_sound(), "", duration="1.0"),
    "a text file of mine": lambda it: _a_file(it, it.alice, "notes.txt", b"one\ntwo\n", ""),
    # ── members ───
    "somebody comes in": lambda it: it.alice.post(f"{it.path}members/", user_ids=[it.dave.pk]),
    "somebody leaves": lambda it: it.dave.delete(f"{it.path}members/{it.dave.pk}/"),
    "they come by my link": _join_by_alices_link,
    "they are removed": lambda it: it.alice.delete(f"{it.path}members/{it.dave.pk}/"),
    "somebody is made an admin": lambda it: it.alice.patch(f"{it.path}members/{it.bob.pk}/", role="admin"),
    "another is": lambda it: it.alice.patch(f"{it.path}members/{it.carol.pk}/", role="admin"),
    "an admin adds them again": lambda it: it.bob.post(f"{it.path}members/", user_ids=[it.dave.pk]),
    "they leave again": lambda it: it.dave.delete(f"{it.path}members/{it.dave.pk}/"),
    "they come by a link of somebody else": _join_by_bobs_link,
    "somebody is an admin no more": lambda it: it.alice.patch(f"{it.path}members/{it.carol.pk}/", role="member"),
    # ── the group ───
    "another title": lambda it: it.alice.patch(it.path, title="Another room"),
    "another description": lambda it: it.bob.patch(it.path, description="About rooms"),
    "a picture of the group": lambda it: it.bob.picture(f"{it.path}avatar/", "purple"),
    "it is taken off": lambda it: it.alice.delete(f"{it.path}avatar/"),
    "an announcement": lambda it: it.bob.patch(it.path, announcement="Tonight at ten. https://example.org/"),
    "I put it away elsewhere": lambda it: it.mine(announcement_seen=2**31),
    "another one is made": lambda it: it.bob.patch(it.path, announcement="Tomorrow at ten."),
    "it is taken down": lambda it: it.bob.patch(it.path, announcement=""),
    "members may not add": lambda it: it.alice.patch(it.path, members_may_add=False),
    "members may not pin": lambda it: it.alice.patch(it.path, members_may_pin=False),
    "nor see revisions": lambda it: it.alice.patch(it.path, revisions_visible=False),
    # ── marks ───
    "they have it": lambda it: it.carol.post("sync/", cursors={}, me=0),
    "they have read it": lambda it: it.bob.post(f"{it.path}read/", seq=5),
    "they have read all": lambda it: it.bob.post(f"{it.path}read/", seq=10**6),
    "somebody else has": lambda it: it.carol.post(f"{it.path}read/", seq=10**6),
    "somebody shows theirs no more": lambda it: it.carol.patch("me/", show_receipts="nobody"),
    "they show theirs again": lambda it: it.carol.patch("me/", show_receipts="everyone"),
    "I show mine no more here": lambda it: it.mine(receipts=False),
    "and I again": lambda it: it.mine(receipts=True),
    # ── what is mine ───
    "a draft of another device": lambda it: it.mine(draft="half a sentence"),
    "it is sent there": lambda it: it.mine(draft=""),
    "muted": lambda it: it.mine(muted=True),
    "a favourite": lambda it: it.mine(favourite=True, muted=False),
    "mentions alone": lambda it: it.mine(level="mentions"),
    "all again": lambda it: it.mine(level="all"),
    "archived": lambda it: it.mine(archived=True),
    "brought back": lambda it: it.mine(archived=False),
    # ── elsewhere ───
    "news of elsewhere": lambda it: it.bob.send(it.direct_conversation, "over here"),
    "more of it, and to me": lambda it: it.bob.send(it.direct_conversation, "@alice, are you there?"),
    "it is muted": lambda it: it.alice.patch(f"conversations/{it.direct_conversation}/mine/", muted=True),
    "I read it elsewhere": lambda it: it.alice.post(f"conversations/{it.direct_conversation}/read/", seq=10**6),
    "I mark it unread": lambda it: it.alice.post(f"conversations/{it.direct_conversation}/read/", seq=1, back=True),
    "a draft there": lambda it: it.alice.patch(
        f"conversations/{it.direct_conversation}/mine/", draft="an answer begun"
    ),
    "it is archived": lambda it: it.alice.patch(
        f"conversations/{it.direct_conversation}/mine/", archived=True, draft=""
    ),
    "news bring it back": lambda it: it.bob.send(it.direct_conversation, "still there?"),
    "I am added to a group": _a_group_of_bobs,
    "somebody writes there": lambda it: it.carol.send(it.kept["bobs"], "hello alice"),
    "the group there has a picture": lambda it: it.bob.picture(f"conversations/{it.kept['bobs']}/avatar/", "olive"),
    "I am made an admin there": lambda it: it.bob.patch(
        f"conversations/{it.kept['bobs']}/members/{it.alice.pk}/", role="admin"
    ),
    "I am removed from it": lambda it: it.bob.delete(f"conversations/{it.kept['bobs']}/members/{it.alice.pk}/"),
    "I begin a conversation elsewhere": lambda it: it.alice.post("conversations/", kind="direct", user_id=it.carol.pk),
    # ── people ───
    "somebody has another name": lambda it: it.bob.patch("me/", name="Robert"),
    "and a picture": lambda it: it.bob.picture("me/avatar/", "navy"),
    "they take it off": lambda it: it.bob.delete("me/avatar/"),
    "I have another name": lambda it: it.alice.patch("me/", name="Alice of Rooms", bio="Rooms."),
    "and yet another": lambda it: it.alice.patch("me/", name="Alice", bio="Rooms and gardens."),
    "and I a picture": lambda it: it.alice.picture("me/avatar/", "gold"),
    "the dark": lambda it: it.alice.patch("me/", theme="dark"),
    "strangers have to ask me": lambda it: it.alice.patch("me/", write_to_me="contacts", add_me="contacts"),
    "somebody asks to be in my list": lambda it: it.dave.put(f"contacts/{it.alice.pk}/"),
    "I accept": lambda it: it.alice.put(f"contacts/{it.dave.pk}/"),
    "I block somebody": lambda it: it.alice.put(f"blocks/{it.carol.pk}/"),
    "they write here": lambda it: it.send(it.carol, "folded away"),
    "I unblock them": lambda it: it.alice.delete(f"blocks/{it.carol.pk}/"),
    # ── who is here ───
    "somebody comes": lambda it: it.bob.come(),
    "they look at this": lambda it: it.bob.look(it.group),
    "somebody else does too": lambda it: it.carol.look(it.group),
    "they type": lambda it: it.bob.post(f"{it.path}typing/", active=True),
    "the other does": lambda it: it.carol.post(f"{it.path}typing/", active=True),
    "they type to me alone": lambda it: it.bob.post(f"conversations/{it.direct_conversation}/typing/", active=True),
    "they look elsewhere": lambda it: it.bob.look(it.direct_conversation),
    "the other goes": lambda it: it.carol.go(),
    "they go": lambda it: it.bob.go(),
    "the line was cut": _here_again,
    # ── the end ───
    "marked unread": lambda it: it.alice.post(f"{it.path}read/", seq=6, back=True),
    "I give the group away": lambda it: it.alice.patch(f"{it.path}members/{it.bob.pk}/", role="owner"),
    "I am removed": lambda it: it.bob.delete(f"{it.path}members/{it.alice.pk}/"),
}


@pytest.fixture
async def environment(make_site, browser_for):
    site = make_site(WORKER="on")
    await asyncio.to_thread(site.start)
    people = {user.username: user.pk for user in site.create_users("alice", "bob", "carol", "dave")}
    it = Environment(site, await browser_for(site, "alice"))
    devices = {name: await device(site, name, pk) for name, pk in people.items()}
    vars(it).update(devices)
    group = await it.alice.post("conversations/", kind="group", title="Room", user_ids=[it.bob.pk, it.carol.pk])
    it.group = group["id"]
    it.direct_conversation = (await it.alice.post("conversations/", kind="direct", user_id=it.bob.pk))["id"]
    await it.bob.post(
        "conversations/", kind="direct", user_id=it.alice.pk
    )  # else it exists for bob from its first message
    await it.send(it.alice, "hello")
    it.plain = await browser_for(site, "alice", scripts=False)
    # Stylesheets are not needed: only the HTML of this page is compared.
    await it.plain.route(re.compile(r"\.css(\?|$)"), lambda route: route.fulfill(body="", content_type="text/css"))
    it.fresh = await it.page.context.new_page()
    yield it
    for each in devices.values():
        await each.end()


def _in_groups(rows: list) -> list[tuple[int, list]]:
    """Splits ROWS (the list of changes to test) into groups.

    Returns for each group a pair: the index of its last row in ROWS, and its rows. The pages are compared only after
    each group, because comparing takes time. This finds nearly as many errors as comparing after each row, since most
    changes stay visible on the page.
    """
    return [
        (min(start + ROWS_COMPARED_TOGETHER, len(rows)) - 1, rows[start : start + ROWS_COMPARED_TOGETHER])
        for start in range(0, len(rows), ROWS_COMPARED_TOGETHER)
    ]


async def test_reload_changes_nothing(environment, page_errors):
    page_errors.allow("status of 404")  # alice is removed from a conversation while a request for it is under way
    page = environment.page
    await page.goto(f"/c/{environment.group}/?panel=members")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    differ: dict[str, str] = {}
    sentences: set[str] = set()
    for last, rows in _in_groups(list(ROWS.items())):
        for _what, change in rows:
            await page.bring_to_front()  # new messages are read only in a visible page
            await change(environment)
            sentences |= set(
                await page.eval_on_selector_all("message-log .system", "all => all.map((each) => each.dataset.event)")
            )
        found = await _differences(environment)
        for how, lines in found.items():
            where = f"{last}. {' / '.join(what for what, _ in rows)}: {how}"
            differ[where] = lines
            print(f"\n{where}\n{lines}", flush=True)
        if found:
            await page.reload()
            await page.wait_for_selector("live-socket[data-state=open]", state="attached")
        sentences |= set(
            await page.eval_on_selector_all("message-log .system", "all => all.map((each) => each.dataset.event)")
        )
    assert not differ, "\n\n".join(f"{where}\n{lines}" for where, lines in differ.items())
    # The others count as online for a while after their last request. Their "last seen" time is sent only after that.
    last_look = asyncio.get_running_loop().time() + 60
    while _untold(environment.told) and asyncio.get_running_loop().time() < last_look:
        await asyncio.sleep(1)
    missing = _untold(environment.told) | {f"the sentence {each}" for each in set(SENTENCES) - sentences - NEVER_SAID}
    assert not missing, f"no row brings {sorted(missing)}"


# Changes while alice has her direct conversation with bob open.
async def _bob_deletes_his_account(it: Environment) -> None:
    """Deletes the account of bob through the web pages of the running server, not in the process of the test.

    Some events of this deletion are not stored in the database, so only the server process can send them to WebSockets.
    """
    page = await it.kept["browser_for"](it.site, "bob")
    await page.goto("/settings/delete/")
    if await page.locator("main input[name=password]").count():
        await page.fill("main input[name=password]", PASSWORD)
        await page.press("main input[name=password]", "Enter")
    await page.fill("main input[name=username]", "bob")
    await page.click("main .btn.danger")
    await page.wait_for_url("**/goodbye/")
    await it.page.wait_for_function("() => document.title.includes('Deleted account')")


IN_A_PAIR: dict[str, Callable[[Environment], Awaitable[Any]]] = {
    "he has the last word in the group": lambda it: it.send(it.bob, "good night all"),
    "I write to him": lambda it: it.alice.send(it.direct_conversation, "are you there?"),
    "he has read it": lambda it: it.bob.post(f"conversations/{it.direct_conversation}/read/", seq=10**6),
    "he has another name": lambda it: it.bob.patch("me/", name="e $& <Robert>"),
    "and a picture": lambda it: it.bob.picture("me/avatar/", "navy"),
    "he takes it off": lambda it: it.bob.delete("me/avatar/"),
    "and another": lambda it: it.bob.patch("me/", name="Bobby"),
    "he has the last word here": lambda it: it.bob.send(it.direct_conversation, "I am"),
    "I answer": lambda it: it.alice.send(it.direct_conversation, "good"),
    "he has read that": lambda it: it.bob.post(f"conversations/{it.direct_conversation}/read/", seq=10**6),
    "he deletes his account": _bob_deletes_his_account,
}


async def test_reload_changes_nothing_in_a_pair(environment, browser_for):
    page = environment.page
    environment.kept["browser_for"] = browser_for
    await page.goto(f"/c/{environment.direct_conversation}/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    differ: dict[str, str] = {}
    for what, change in IN_A_PAIR.items():
        await page.bring_to_front()
        await change(environment)
        for how, found in (await _differences(environment)).items():
            differ[f"{what}: {how}"] = found
    assert not differ, "\n\n".join(f"{where}\n{lines}" for where, lines in differ.items())


async def _differences(it: Environment) -> dict[str, str]:
    """Compares the open page of alice, which scripts have updated, with the same page loaded anew: without and with scripts.

    Waits up to 8 seconds (PATIENCE) until the pages are equal. Returns the differences that remain, as a dictionary
    from the part of the page to the differing HTML.
    """
    found = await _compare(it, it.plain, served=True)
    return found | await _compare(it, it.fresh, served=False)


async def _compare(it: Environment, other: Page, served: bool) -> dict[str, str]:
    last = asyncio.get_running_loop().time() + PATIENCE
    while True:
        # Only the HTML is needed: images and stylesheets need not be loaded.
        await other.goto(it.page.url, wait_until="domcontentloaded" if served else "commit")
        if not served:
            await other.wait_for_selector("live-socket[data-state=open]", state="attached")
            await other.wait_for_function(BEGUN)
        for _ in range(1 if served else 8):
            live, afresh = await it.page.evaluate(SHOWN, served), await other.evaluate(SHOWN, served)
            if live == afresh:
                await other.goto("about:blank")
                return {}
            await asyncio.sleep(0.15)
        if asyncio.get_running_loop().time() > last:
            break
    await other.goto("about:blank")
    name = "served" if served else "opened"
    return {f"{name} {part}": _difference(live[part], afresh[part]) for part in live if live[part] != afresh[part]}


def _difference(live: list[str], afresh: list[str]) -> str:
    """Returns the tags and texts that only one of two pages has, each marked with - or +.

    The mark - means the page that was updated live, + means the newly loaded page.
    """
    one, other = (re.split(r"(?=<)", "\n".join(lines)) for lines in (live, afresh))
    said = []
    for how, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if how != "equal":
            said += [f"  {''.join(one[max(a - 2, 0) : a])}", f"- {''.join(one[a:b])}", f"+ {''.join(other[c:d])}"]
    return "\n".join(line[:400] for line in said)


# ── Completeness of the rows ───────────────────────────────────────────────────────────────────────────────────────
# Event types that change nothing on a page.
NOT_NEWS = {"pong", "error"}
# Fields of events that have the same value during the whole test, with the reason.
ALWAYS_ALIKE = {
    "ProfileSchema.id", "ProfileSchema.username", "ProfileSchema.email", "ProfileSchema.created_at",  # of alice
    "ProfileSchema.language", "ProfileSchema.time_zone",  # a page does not change its language while it is open
    *(f"ProfileSchema.{name}" for name in ("find_me", "show_presence", "show_last_seen", "show_receipts")),
    "ViewersSchema.conversation_id",  # viewers are sent only for the open conversation
    "Welcome.user_id", "Welcome.heartbeat", "Heartbeat.interval", "Heartbeat.timeout",
}  # fmt: skip


# Kinds of system message that no action makes: for unknown events, and for members who joined without an actor.
NEVER_SAID = {"changed", "joined"}


def _untold(told: list[dict]) -> set[str]:
    """Returns what the frames (messages that the page has received over its WebSocket) do not test.

    These are the names of the event types that do not occur, and of the event fields that have the same value in all
    frames.
    """
    events = contract.events()
    missing = {name for name in events if name not in {frame["type"] for frame in told} | NOT_NEWS}
    values: dict[str, set[str]] = defaultdict(set)
    for frame in told:
        if (struct := events.get(frame["type"])) and frame["type"] not in NOT_NEWS:
            _walk(msgspec.convert(frame["payload"], struct, str_keys=True), values)
    return missing | {field for field, seen in values.items() if len(seen) < 2} - ALWAYS_ALIKE


def _walk(told: Any, values: dict[str, set[str]]) -> None:
    if isinstance(told, msgspec.Struct):
        for field in told.__struct_fields__:
            value = getattr(told, field)
            values[f"{type(told).__name__}.{field}"].add(repr(value))
            _walk(value, values)
    elif isinstance(told, list):
        for each in told:
            _walk(each, values)


def test_a_field_that_no_row_changes_is_found():
    frame = {"type": "typing", "payload": {"conversation_id": 1, "user_id": 2, "active": True}}
    untold = _untold([frame, {**frame, "payload": {**frame["payload"], "active": False, "user_id": 3}}])
    assert "TypingSchema.conversation_id" in untold and "TypingSchema.active" not in untold
    assert "message.created" in untold
