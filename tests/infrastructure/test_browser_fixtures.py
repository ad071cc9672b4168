"""Tests of the fixtures in tests/browsers.py: they provide signed-in browsers and record errors of pages."""

import pytest

from tests.browsers import PHONE

pytestmark = pytest.mark.browser


async def test_a_page_is_signed_in(site, browser_for):
    site.create_users("alice")
    site.start()
    page = await browser_for(site, "alice", phone=True)
    answer = await page.goto("/api/v1/me/")
    assert (await answer.json())["username"] == "alice"
    assert page.viewport_size == PHONE


async def test_two_pages_do_not_share_a_session(site, browser_for):
    site.create_users("alice")
    site.start()
    await browser_for(site, "alice")
    nobody = await browser_for(site)
    answer = await nobody.request.get("/api/v1/me/")
    assert answer.status == 401


async def test_page_errors_are_recorded(site, browser_for, page_errors):
    site.start()
    page = await browser_for(site)
    await page.goto("/accounts/login/")
    assert page_errors.unexpected() == []
    await page.evaluate("console.error('loud')")
    await page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    await page.evaluate("document.head.append(Object.assign(document.createElement('style'), {textContent: 'p {}'}))")
    await page.wait_for_timeout(200)
    kinds = ("logged loud", "threw thrown", "Content Security Policy")
    assert [kind for kind in kinds if any(kind in trouble for trouble in page_errors.unexpected())] == list(kinds)
    page_errors.allow("loud|thrown|Content Security Policy")
    assert page_errors.unexpected() == []
