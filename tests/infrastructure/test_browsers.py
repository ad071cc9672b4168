"""Browsers are real, signed in where asked, and their troubles are noticed."""

import pytest

from tests.browsers import PHONE

pytestmark = pytest.mark.browser


async def test_a_signed_in_page(site, browser_for):
    site.people("alice")
    site.start()
    page = await browser_for(site, "alice", phone=True)
    answer = await page.goto("/api/v1/me/")
    assert (await answer.json())["username"] == "alice"
    assert page.viewport_size == PHONE


async def test_people_share_nothing(site, browser_for):
    site.people("alice")
    site.start()
    await browser_for(site, "alice")
    nobody = await browser_for(site)
    answer = await nobody.request.get("/api/v1/me/")
    assert answer.status == 401


async def test_troubles_are_noticed(site, browser_for, troubles):
    site.start()
    page = await browser_for(site)
    await page.goto("/accounts/login/")
    assert troubles.left() == []
    await page.evaluate("console.error('loud')")
    await page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    await page.evaluate("document.head.append(Object.assign(document.createElement('style'), {textContent: 'p {}'}))")
    await page.wait_for_timeout(200)
    kinds = ("logged loud", "threw thrown", "Content Security Policy")
    assert [kind for kind in kinds if any(kind in trouble for trouble in troubles.left())] == list(kinds)
    troubles.allow("loud|thrown|Content Security Policy")
    assert troubles.left() == []
