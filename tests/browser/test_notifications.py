"""Tests of notifications in a real browser: the service worker (push messages, clicks, signing out), and their offer.

The browser of the tests (headless shell) has no notifications, so the functions of the browser that show and list them are
replaced in the service worker. Everything else is real: its registration, its scope, its requests and its policy.
"""

from __future__ import annotations

import asyncio
import uuid

import pytest
from playwright.async_api import Page, Worker, expect

from chat import actions
from tests.servers import Site

pytestmark = pytest.mark.browser

FAKE_NOTIFICATIONS = """
() => {
  // The headless shell has no service for the number on the icon, and ends a service worker that asks for it.
  for (const name of ["setAppBadge", "clearAppBadge"]) {
    Object.defineProperty(navigator, name, { value: async (count) => (globalThis.badge = count ?? 0), configurable: true });
  }
  globalThis.shown = [];
  globalThis.showCount = 0;
  const registration = globalThis.registration;
  registration.showNotification = async (title, options) => {
    globalThis.shown = globalThis.shown.filter((each) => each.tag !== options.tag);
    const close = () => (globalThis.shown = globalThis.shown.filter((each) => each.tag !== options.tag));
    globalThis.shown.push({ title, ...options, close });
    globalThis.showCount += 1;
  };
  registration.getNotifications = async ({ tag } = {}) => globalThis.shown.filter((each) => !tag || each.tag === tag);
}
"""
PUSH = """
async (content) => {
  const pending = [];
  const event = new PushEvent("push", { data: JSON.stringify(content) });
  event.waitUntil = (promise) => pending.push(promise);
  dispatchEvent(event);
  await Promise.all(pending);
  return globalThis.shown.map(({ title, body, renotify, silent, actions }) => ({ title, body, renotify, silent, actions }));
}
"""
REGISTERED = "() => navigator.serviceWorker.getRegistration('/').then((each) => Boolean(each?.active))"


@pytest.fixture
async def bobs(site: Site, browser_for):
    """Returns bob's page, whose service worker is active, with the id of a group that alice has created."""
    await asyncio.to_thread(site.start)
    alice, bob = site.create_users("alice", "bob")
    group_id = await asyncio.to_thread(create_group, site, alice.pk, bob.pk)
    page = await browser_for(site, "bob")
    await page.goto("/settings/notifications/")
    await expect_registered(page)
    return page, group_id


def create_group(site: Site, owner_id: int, member_id: int) -> int:
    with site.orm():
        group_id = actions.create_group(owner_id, "Room", [member_id]).id
        actions.send_message(owner_id, group_id, uuid.uuid4(), "hello")
        return group_id


async def expect_registered(page: Page, registered: bool = True) -> None:
    async with asyncio.timeout(20):
        while await page.evaluate(REGISTERED) is not registered:
            await asyncio.sleep(0.2)


def push_content(group_id: int, **fields) -> dict:
    content = {"type": "show", "tag": f"conversation-{group_id}", "title": "Room", "conversation_id": group_id}
    actions = [
        {"action": "reply", "title": "Reply", "placeholder": "Write"},
        {"action": "read", "title": "Mark as read"},
    ]
    return {**content, "body": "one", "message_ids": [1], "seq": 2, "unread": 1, "actions": actions,
            "url": f"/c/{group_id}/?at=2#m-2", **fields}  # fmt: skip


async def get_worker(page: Page) -> Worker:
    [worker] = page.context.service_workers
    await worker.evaluate(FAKE_NOTIFICATIONS)
    return worker


async def test_push_messages_of_a_conversation_are_one_notification_that_is_removed_when_read(bobs):
    page, group_id = bobs
    worker = await get_worker(page)
    [first] = await worker.evaluate(PUSH, push_content(group_id))
    assert (first["title"], first["body"], first["silent"]) == ("Room", "one", True)
    assert [action["action"] for action in first["actions"]] == ["reply", "read"]
    [grown] = await worker.evaluate(PUSH, push_content(group_id, body="one\ntwo", message_ids=[1, 2]))
    assert grown["body"] == "one\ntwo" and grown["renotify"]
    [edited] = await worker.evaluate(PUSH, push_content(group_id, body="one\nTWO", message_ids=[1, 2]))
    assert edited["body"] == "one\nTWO" and not edited["renotify"], "an edit makes no sound"
    await worker.evaluate(PUSH, push_content(group_id, body="one\nTWO", message_ids=[1, 2]))
    assert await worker.evaluate("() => globalThis.showCount") == 3, "a repetition after a kill changes nothing"
    clear = {"type": "clear", "tag": f"conversation-{group_id}"}
    assert await worker.evaluate("() => globalThis.badge") == 1
    assert await worker.evaluate(PUSH, clear) == []
    assert await worker.evaluate("() => globalThis.badge") == 0


async def test_a_click_opens_the_message_in_the_open_tab(bobs):
    page, group_id = bobs
    worker = await get_worker(page)
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await worker.evaluate("(push) => handleClick('', undefined, push)", push_content(group_id))
    await page.wait_for_url(f"**/c/{group_id}/**")
    await expect(page.locator("message-log")).to_contain_text("hello")
    assert len(page.context.pages) == 1


async def test_a_reply_and_mark_as_read_work_from_the_notification(bobs):
    page, group_id = bobs
    worker = await get_worker(page)
    await worker.evaluate("(push) => handleClick('read', undefined, push)", push_content(group_id))
    path = f"/api/v1/conversations/{group_id}/"
    conversation = await page.evaluate("(path) => fetch(path).then((response) => response.json())", path)
    assert conversation["mine"]["unread_count"] == 0
    await worker.evaluate("(push) => handleClick('reply', 'from the notification', push)", push_content(group_id))
    conversation = await page.evaluate("(path) => fetch(path).then((response) => response.json())", path)
    assert conversation["last_message"]["body"] == "from the notification"
    assert page.url.endswith("/settings/notifications/")


async def test_signing_out_removes_the_service_worker(bobs):
    page, _group_id = bobs
    await page.goto("/accounts/logout/")
    await page.click("form[data-sign-out] button")
    await page.wait_for_url("**/accounts/login/")
    await expect_registered(page, False)


# ── The offer of notifications ──────────────────────────────────────────────────────────────────────────────────
# A browser that has not been asked yet. The test says whether the page is visible and has the focus.
UNDECIDED = """
  window.permission = "default";
  window.isVisible = true;
  window.isFocused = false;
  window.isWatching = false;
  window.requestCount = 0;
  Object.defineProperty(Notification, "permission", { get: () => window.permission });
  Notification.requestPermission = async () => { window.requestCount += 1; return (window.permission = "denied") };
  Object.defineProperty(document, "visibilityState", { get: () => (window.isVisible ? "visible" : "hidden") });
  document.hasFocus = () => window.isVisible && window.isFocused;
  const register = navigator.serviceWorker.register.bind(navigator.serviceWorker);
  navigator.serviceWorker.register = (...options) => { window.isWatching = true; return register(...options) };
"""
SET_VISIBLE = """
(isVisible) => {
  window.isVisible = isVisible;
  document.dispatchEvent(new Event("visibilitychange"));
}
"""
OFFER = "toast-stack .toast:has([data-act=allow])"
ANSWER = "() => localStorage.getItem('messenger.notification-prompt')"


@pytest.fixture
async def away(open_pages):
    """Returns alice's page of the group, and bob's list of mentions in a window that is visible, but without focus."""
    alice, bob = await open_pages()
    await bob.page.add_init_script(UNDECIDED)
    await open_mentions(bob.page)
    return alice, bob.page


async def open_mentions(page: Page) -> None:
    await page.goto("/mentions/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await page.wait_for_function("() => window.isWatching")


async def say_and_decide(alice, text: str, page: Page) -> None:
    """Makes alice send a message, and waits until bob's page has asked the server whether it notifies bob."""
    async with page.expect_response("**/api/v1/messages/*/notification/", timeout=20_000):
        await alice.say(text)
    await page.evaluate("() => fetch('/healthz').then((response) => response.text())")


def get_direct_url(site: Site) -> str:
    from accounts.models import User

    with site.orm():
        alice, bob = (User.objects.get(username=name).pk for name in ("alice", "bob"))
        return f"/c/{actions.open_direct_conversation(alice, bob)[0].id}/"


def mute(site: Site, url: str, is_muted: bool) -> None:
    from accounts.models import User

    with site.orm():
        bob = User.objects.get(username="bob").pk
        actions.update_member_state(bob, int(url.split("/")[2]), {"muted": is_muted})


async def test_notifications_are_offered_after_a_mention_but_not_after_other_messages(away, open_pages):
    alice, bob = away
    asked: list[str] = []
    bob.on("request", lambda request: "/notification/" in request.url and asked.append(request.url))
    await alice.say("nothing special")
    await asyncio.to_thread(mute, open_pages.site, alice.url, True)
    await say_and_decide(alice, "@bob in a muted chat", bob)
    await expect(bob.locator(OFFER)).to_have_count(0)
    await asyncio.to_thread(mute, open_pages.site, alice.url, False)
    await say_and_decide(alice, "@bob look", bob)
    await expect(bob.locator(OFFER)).to_be_visible()
    assert len(asked) == 2, "the server is not asked about a message that concerns everyone alike"
    assert await bob.locator(OFFER).locator("button").all_inner_texts() == ["Turn on", "Not now"]
    assert await bob.evaluate("() => window.requestCount") == 0, "the browser asks only after a click"


async def test_the_offer_is_remembered_when_it_is_answered(away, open_pages):
    alice, bob = away
    alice.url = await asyncio.to_thread(get_direct_url, open_pages.site)
    await alice.open()
    await say_and_decide(alice, "psst", bob)
    await expect(bob.locator(OFFER)).to_be_visible()
    assert await bob.evaluate(ANSWER) is None
    await open_mentions(bob)
    await say_and_decide(alice, "are you there?", bob)
    await bob.locator(OFFER).get_by_role("button", name="Not now").click()
    await expect(bob.locator(OFFER)).to_have_count(0)
    assert await bob.evaluate(ANSWER) == "true"
    assert await bob.evaluate("() => window.requestCount") == 0


async def test_a_hidden_page_offers_notifications_when_the_user_comes_back(away):
    alice, bob = away
    await bob.evaluate(SET_VISIBLE, False)
    await say_and_decide(alice, "@bob look", bob)
    await expect(bob.locator(OFFER)).to_have_count(0)
    await bob.evaluate(SET_VISIBLE, True)
    await bob.locator(OFFER).get_by_role("button", name="Turn on").click()
    await expect(bob.locator(OFFER)).to_have_count(0)
    assert await bob.evaluate("() => window.requestCount") == 1
    assert await bob.evaluate(ANSWER) == "true"
