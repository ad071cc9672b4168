"""Tests that a page that was updated live by scripts shows the same as after a reload.

The open page of alice gets each change in CHANGES over its WebSocket. Then it is compared with the HTML of the server
and with a newly opened page. CHANGES must be complete: the test fails if an event type, an event field or a kind of
system message in the protocol is never sent.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import re

import pytest
from playwright.async_api import Page

from chat.view_models.template_samples import SYSTEM_MESSAGE_KINDS
from tests.browser.event_coverage import UNUSED_SYSTEM_MESSAGE_KINDS, find_untested
from tests.browser.other_devices import sign_in
from tests.browser.page_changes import CHANGES, DIRECT_CONVERSATION_CHANGES, TIMEOUT, Scenario

pytestmark = pytest.mark.browser

CHANGES_PER_COMPARISON = int(os.environ.get("ROWS_COMPARED_TOGETHER", "3"))  # with 1, a failure names a single change

# Returns the HTML of the parts of the page. What may differ is removed: hover buttons, focus, form tokens, and controls
# that scripts add. With `served`, who is online and who views the conversation are removed too: only a socket knows it.
READ_PAGE_PARTS = """
(served) => {
  const clean = (element) => {
    const copy = element.cloneNode(true);
    const addedByScripts = '.acts, .copy-code, .player, noscript, script, input[type=hidden]';
    copy.querySelectorAll(addedByScripts).forEach((element) => element.remove());
    for (const part of ['viewers', 'here-count', 'peer-here']) {
      if (served) copy.querySelectorAll(`[data-part=${part}]`).forEach((element) => element.remove());
    }
    copy.querySelectorAll('.viewers').forEach((element) => element.remove());
    for (const node of [copy, ...copy.querySelectorAll('*')]) {
      node.classList.remove('jumped', 'open', 'new', 'short');
      if (node.matches('.here') && served) node.hidden = true;
      if (node.matches('.call-tool')) node.hidden = false; // shown by scripts
      if (node.matches('.conversation-row')) node.removeAttribute('data-version'); // not visible
      if (node.type === 'checkbox') node.toggleAttribute('checked', false);
      for (const name of ['tabindex', 'aria-expanded', 'style', 'data-keys']) node.removeAttribute(name);
      const names = [...node.attributes].map(({ name }) => name).sort();
      const value = (name) => (name === 'class' ? [...node.classList].sort().join(' ') : node.getAttribute(name));
      const values = names.map(value);
      for (const name of names) node.removeAttribute(name);
      names.forEach((name, index) => (name === 'class' && !values[index]) || node.setAttribute(name, values[index]));
    }
    return copy.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><').replace(/=""/g, '').replace(/ >/g, '>').trim();
  };
  const all = (selector) => [...document.querySelectorAll(selector)].map(clean);
  const html = document.documentElement;
  const log = document.querySelector('message-log');
  return {
    log: all('message-log ol > li'), list: all('conversation-list ul > li:not([hidden])'),
    head: all('.conversation-head, conversation-announcement'),
    navigation: all('.rail a, .list .tabs a'), page: [document.title, html.lang, html.dataset.theme ?? 'system'],
    permissions: ['kind', 'role', 'allows', 'hasBefore', 'hasAfter'].map((name) => log?.dataset[name] ?? '').concat(
      ['blocked', 'name'].map((name) => document.querySelector('live-socket')?.dataset[name] ?? '')),
    composer: all('.composer-note').concat(document.querySelector('message-composer textarea')?.value ?? 'none',
      [...document.querySelectorAll('.log, .composer, .composer textarea')].flatMap((element) =>
        ['aria-label', 'placeholder'].map((name) => element.getAttribute(name) ?? ''))),
    panel: served ? [] : all('.panel li, .panel .panel-head, .panel h3, .panel .panel-act'),
  };
}
"""

LOG_STARTED = "() => ((log) => !log || log.dataset.live !== undefined)(document.querySelector('message-log'))"


@pytest.fixture
async def scenario(make_site, browser_for):
    site = make_site(WORKER="on")
    await asyncio.to_thread(site.start)
    user_ids = {user.username: user.pk for user in site.create_users("alice", "bob", "carol", "dave")}
    scenario = Scenario(site, await browser_for(site, "alice"), browser_for)
    devices = {name: await sign_in(site, name, pk) for name, pk in user_ids.items()}
    vars(scenario).update(devices)
    alice, bob = devices["alice"], devices["bob"]
    group = await alice.post("conversations/", kind="group", title="Room", user_ids=[bob.pk, user_ids["carol"]])
    scenario.group = group["id"]
    scenario.direct_conversation = (await alice.post("conversations/", kind="direct", user_id=bob.pk))["id"]
    await bob.post("conversations/", kind="direct", user_id=alice.pk)  # else bob has it only from its first message
    await scenario.send(alice, "hello")
    scenario.page_without_scripts = await browser_for(site, "alice", scripts=False)
    # Stylesheets are not needed: only the HTML of this page is compared.
    await scenario.page_without_scripts.route(
        re.compile(r"\.css(\?|$)"), lambda route: route.fulfill(body="", content_type="text/css")
    )
    scenario.reloaded_page = await scenario.page.context.new_page()
    yield scenario
    for device in devices.values():
        await device.close()


def _split_into_groups(changes: list) -> list[tuple[int, list]]:
    """Splits a list of changes into groups.

    Returns for each group a pair: the index of its last change in the list, and its changes. The pages are compared only
    after each group, because comparing takes time. This finds nearly as many errors as comparing after each change,
    since most changes stay visible on the page.
    """
    return [
        (min(start + CHANGES_PER_COMPARISON, len(changes)) - 1, changes[start : start + CHANGES_PER_COMPARISON])
        for start in range(0, len(changes), CHANGES_PER_COMPARISON)
    ]


async def _find_system_message_kinds(page: Page) -> set[str]:
    script = "items => items.map((item) => item.dataset.event)"
    return set(await page.eval_on_selector_all("message-log .system", script))


@pytest.mark.long
async def test_reload_changes_nothing(scenario, page_errors):
    page_errors.allow("status of 404")  # alice is removed from a conversation while a request for it is under way
    page = scenario.page
    await page.goto(f"/c/{scenario.group}/?panel=members")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    all_differences: dict[str, str] = {}
    seen_kinds: set[str] = set()
    for last_index, changes in _split_into_groups(list(CHANGES.items())):
        for _name, change in changes:
            await page.bring_to_front()  # new messages are read only in a visible page
            await change(scenario)
            seen_kinds |= await _find_system_message_kinds(page)
        differences = await _find_differences(scenario)
        for part, lines in differences.items():
            title = f"{last_index}. {' / '.join(name for name, _ in changes)}: {part}"
            all_differences[title] = lines
            print(f"\n{title}\n{lines}", flush=True)
        if differences:
            await page.reload()
            await page.wait_for_selector("live-socket[data-state=open]", state="attached")
        seen_kinds |= await _find_system_message_kinds(page)
    assert not all_differences, "\n\n".join(f"{title}\n{lines}" for title, lines in all_differences.items())
    unseen_kinds = set(SYSTEM_MESSAGE_KINDS) - seen_kinds - UNUSED_SYSTEM_MESSAGE_KINDS
    missing = find_untested(scenario.frames) | {f"the system message {kind}" for kind in unseen_kinds}
    assert not missing, f"no change causes {sorted(missing)}"


async def test_reload_changes_nothing_in_a_pair(scenario):
    page = scenario.page
    await page.goto(f"/c/{scenario.direct_conversation}/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    all_differences: dict[str, str] = {}
    for name, change in DIRECT_CONVERSATION_CHANGES.items():
        await page.bring_to_front()
        await change(scenario)
        for part, lines in (await _find_differences(scenario)).items():
            all_differences[f"{name}: {part}"] = lines
    assert not all_differences, "\n\n".join(f"{title}\n{lines}" for title, lines in all_differences.items())


async def _find_differences(scenario: Scenario) -> dict[str, str]:
    """Compares the open page of alice, which scripts have updated, with the same page loaded anew: without and with scripts.

    Waits up to 8 seconds (TIMEOUT) until the pages are equal. Returns the differences that remain, as a dictionary
    from the part of the page to the differing HTML.
    """
    differences = await _compare(scenario, scenario.page_without_scripts, served=True)
    return differences | await _compare(scenario, scenario.reloaded_page, served=False)


async def _compare(scenario: Scenario, other: Page, served: bool) -> dict[str, str]:
    end = asyncio.get_running_loop().time() + TIMEOUT
    while True:
        # Only the HTML is needed: images and stylesheets need not be loaded.
        await other.goto(scenario.page.url, wait_until="domcontentloaded" if served else "commit")
        if not served:
            await other.wait_for_selector("live-socket[data-state=open]", state="attached")
            await other.wait_for_function(LOG_STARTED)
        for _ in range(1 if served else 8):
            live = await scenario.page.evaluate(READ_PAGE_PARTS, served)
            reloaded = await other.evaluate(READ_PAGE_PARTS, served)
            if live == reloaded:
                await other.goto("about:blank")
                return {}
            await asyncio.sleep(0.15)
        if asyncio.get_running_loop().time() > end:
            break
    await other.goto("about:blank")
    name = "served" if served else "opened"
    return {f"{name} {part}": _diff(live[part], reloaded[part]) for part in live if live[part] != reloaded[part]}


def _diff(live: list[str], reloaded: list[str]) -> str:
    """Returns the tags and texts that only one of two pages has, each marked with - or +.

    The mark - means the page that was updated live, + means the newly loaded page.
    """
    old, new = (re.split(r"(?=<)", "\n".join(lines)) for lines in (live, reloaded))
    marked = []
    for operation, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if operation != "equal":
            marked += [f"  {''.join(old[max(a - 2, 0) : a])}", f"- {''.join(old[a:b])}", f"+ {''.join(new[c:d])}"]
    return "\n".join(line[:400] for line in marked)


def test_a_field_that_never_changes_is_found():
    frame = {"type": "typing", "payload": {"conversation_id": 1, "user_id": 2, "active": True}}
    untested = find_untested([frame, {**frame, "payload": {**frame["payload"], "active": False, "user_id": 3}}])
    assert "TypingSchema.conversation_id" in untested and "TypingSchema.active" not in untested
    assert "message.created" in untested
