"""Tests that the page of a conversation is accessible too while something is open over it, such as a menu."""

from __future__ import annotations

import pytest

from tests.browser.soundness import SMALL, each_size, faults_as_it_is

pytestmark = pytest.mark.browser

EXCUSED = {"members to mention": ["aria-allowed-role"], "menu of a message": ["region"]}


@each_size
async def test_what_opens_over_a_conversation_is_sound(demo, browser_for, size):
    """The page of a conversation is accessible too while a menu, panel, picker or dialog is open on it."""
    phone = size is SMALL
    page = await browser_for(demo.site, "alice", phone=phone, **size)
    ways = {
        "menu of the conversation": ["click [popovertarget=conversation-menu]"],
        "members": ["click .conversation-open" if phone else "click .tools [data-view=members]"],
        "pinned": ["click .pin-tool"],
        "switcher": ["press Control+k", "type a"],
        "search in the conversation": ["press Control+f", "type the", "press Enter"],
        "members to mention": ["click #say", "type @"],
        "emoji": [*(["click .composer > .add"] if phone else []), "click .composer [data-act=emoji]"],
        "keys": ["press ?"],
        "menu of a message": ["menu .msg.mine"],
        "send later": ["click #say", "type x", "click .composer .later"],
    }
    found = []
    for name, steps in ways.items():
        await page.goto(f"/c/{demo.ids['group']}/")
        await page.locator("message-log[data-live]").wait_for()
        for step in steps:
            how, _, what = step.partition(" ")
            if how == "click":
                await page.locator(what).first.click()
            elif how == "menu":
                await page.locator(what).first.dispatch_event("contextmenu", {"clientX": 100, "clientY": 100})
            else:
                await (page.keyboard.press if how == "press" else page.keyboard.type)(what)
        await page.wait_for_timeout(600)  # wait for the opening animation
        # Excused: the textarea has the role combobox while it offers members; a menu is outside all landmarks.
        found += await faults_as_it_is(page, name, but=EXCUSED.get(name, ()))
        await page.locator("#say").evaluate("field => (field.value = '')")
    assert not found, "\n".join(found)
