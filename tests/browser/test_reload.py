"""Reload changes nothing: after each kind of change that there is, what alice's page shows is what the server draws afresh."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from playwright.async_api import Page

from chat import actions
from chat.actions.sending import Send, send_many

pytestmark = pytest.mark.browser

# The log, the list, the head and the title, without what is no part of what they say: where the pointer is, what has
# the focus, tokens of forms. Rows of the list whose conversation is hidden by a filter count too.
SHOWN = """
() => {
  const clean = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll('.acts, .copy-code, .viewers, [popover], input[type=hidden]').forEach((each) => each.remove());
    for (const each of [copy, ...copy.querySelectorAll('*')]) {
      each.classList.remove('jumped', 'open', 'new');
      if (!each.getAttribute('class')) each.removeAttribute('class');
      for (const name of ['tabindex', 'aria-expanded', 'style']) each.removeAttribute(name);
    }
    return copy.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><').trim();
  };
  const all = (selector) => [...document.querySelectorAll(selector)].map(clean);
  return {
    log: all('message-log ol > li'), list: all('conversation-list ul > li'), head: all('.talk-head, .talk > .pinned'),
    title: document.title, draft: document.querySelector('message-composer textarea').value,
  };
}
"""
KNOWN = "(id) => { const it = document.querySelector('live-socket').replica; return [it.version(id), it.me]; }"


class Room:
    """alice looks at it; what the others do, they do elsewhere."""

    def __init__(self, people: dict[str, int], pk: int, other: int):
        self.pk, self.other, self.people = pk, other, people
        self.said: dict[str, int] = {}

    def send(self, who: str, body: str, **options) -> None:
        (sent,) = send_many([Send(self.people[who], self.pk, uuid.uuid4(), body, **options)])
        self.said[body] = sent.message.id

    def mark(self, **options) -> None:
        actions.set_mine(self.people["alice"], self.pk, options)

    def seq(self, body: str) -> int:
        from chat.models import Message

        return Message.objects.get(pk=self.said[body]).seq

    def rename(self, who: str, name: str) -> None:
        from accounts import actions as accounts

        accounts.update_profile(self.people[who], {"name": name})


CHANGES = {
    "somebody says something": lambda it: it.send("bob", "something new"),
    "and once more": lambda it: it.send("bob", "and **more** of it, with `code`"),
    "I do, elsewhere": lambda it: it.send("alice", "from my other device"),
    "an answer": lambda it: it.send("bob", "an answer", reply_to_id=it.said["from my other device"]),
    "a mention of me": lambda it: it.send("carol", "@alice, look"),
    "Chinese": lambda it: it.send("carol", "晚上见，记得带钥匙"),
    "an edit": lambda it: actions.edit(it.people["bob"], it.said["something new"], "something newer"),
    "what is quoted is edited": lambda it: actions.edit(it.people["alice"], it.said["from my other device"], "changed"),
    "a reaction": lambda it: actions.react(it.people["bob"], it.said["from my other device"], "👍", True),
    "mine beside it": lambda it: actions.react(it.people["alice"], it.said["from my other device"], "👍", True),
    "a reaction is taken back": lambda it: actions.react(
        it.people["bob"], it.said["from my other device"], "👍", False
    ),
    "a pin": lambda it: actions.pin(it.people["alice"], it.said["something new"], True),
    "it is unpinned": lambda it: actions.pin(it.people["alice"], it.said["something new"], False),
    "a recall": lambda it: actions.delete(it.people["bob"], it.said["and **more** of it, with `code`"]),
    "mine is deleted, which was quoted": lambda it: actions.delete(it.people["alice"], it.said["from my other device"]),
    "somebody comes in": lambda it: actions.add_members(it.people["alice"], it.pk, [it.people["dave"]]),
    "somebody leaves": lambda it: actions.remove_member(it.people["dave"], it.pk, it.people["dave"]),
    "somebody is made an admin": lambda it: actions.set_role(it.people["alice"], it.pk, it.people["bob"], "admin"),
    "another title": lambda it: actions.update(it.people["alice"], it.pk, {"title": "Another room"}),
    "an announcement": lambda it: actions.update(it.people["bob"], it.pk, {"announcement": "Tonight at ten."}),
    "it is taken down": lambda it: actions.update(it.people["bob"], it.pk, {"announcement": ""}),
    "another description": lambda it: actions.update(it.people["alice"], it.pk, {"description": "About rooms"}),
    "somebody has another name": lambda it: it.rename("bob", "Robert"),
    "they have read it": lambda it: actions.read(it.people["bob"], it.pk, it.seq("晚上见，记得带钥匙")),
    "a draft of another device": lambda it: it.mark(draft="half a sentence"),
    "it is sent there": lambda it: it.mark(draft=""),
    "muted": lambda it: it.mark(muted=True),
    "a favourite": lambda it: it.mark(favourite=True, muted=False),
    "marked unread": lambda it: actions.read(it.people["alice"], it.pk, it.seq("an answer"), back=True),
    "news of elsewhere": lambda it: send_many([Send(it.people["bob"], it.other, uuid.uuid4(), "over here")]),
}


@pytest.fixture
async def looking(make_site, browser_for):
    site = make_site(LIMITS="off")
    await asyncio.to_thread(site.start)

    def room() -> Room:
        people = {user.username: user.pk for user in site.people("alice", "bob", "carol", "dave")}
        with site.orm():
            first = actions.create_group(people["alice"], "Room", [people["bob"], people["carol"]]).id
            it = Room(people, first, actions.open_direct(people["alice"], people["bob"])[0].id)
            it.send("alice", "hello")
            return it

    async def do(act, *arguments):
        def inside():
            with site.orm():
                return act(*arguments)

        return await asyncio.to_thread(inside)

    it = await asyncio.to_thread(room)
    return await browser_for(site, "alice"), it, do


def versions(it: Room) -> list[int]:
    from accounts.models import User
    from chat.models import Conversation

    return [Conversation.objects.get(pk=it.pk).version, User.objects.get(pk=it.people["alice"]).me_version]


async def settled(page: Page, it: Room, do) -> None:
    """The page knows all that there is, and has told what it has to tell."""
    for _ in range(100):
        if await page.evaluate(KNOWN, it.pk) == await do(versions, it):
            break
        await page.wait_for_timeout(200)
    else:
        raise AssertionError("the page does not come to know it")
    await page.wait_for_timeout(1_500)  # marks are told at most once a second


async def test_reload_changes_nothing(looking):
    page, it, do = looking

    async def load() -> None:
        await page.goto(f"/c/{it.pk}/")
        await page.wait_for_selector("live-socket[data-state=open]", state="attached")
        await settled(page, it, do)

    await load()
    differ = {}
    for what, change in CHANGES.items():
        await do(change, it)
        await settled(page, it, do)
        before = await page.evaluate(SHOWN)
        await load()
        after = await page.evaluate(SHOWN)
        for part in before:
            if before[part] != after[part]:
                differ[f"{what}: {part}"] = _difference(before[part], after[part])
    assert not differ, "\n\n".join(f"{where}\n{lines}" for where, lines in differ.items())


def _difference(before: list[str] | str, after: list[str] | str) -> str:
    if isinstance(before, str):
        return f"- {before}\n+ {after}"
    gone, come = ([line for line in one if line not in other] for one, other in ((before, after), (after, before)))
    return "\n".join([*(f"- {line}" for line in gone), *(f"+ {line}" for line in come)]) or "another order"
