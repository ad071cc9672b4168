"""Tests of signing in with Google, GitHub and WeChat in a real browser, up to the first message.

Local fake servers replace the three providers.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.processes import free_port
from tests.providers.fake_github_wechat import GitHub, Provider, WeChat
from tests.providers.fake_google import PASSWORD as AT_GOOGLE
from tests.providers.fake_google import Google

pytestmark = pytest.mark.browser
MOST_HOPS = 10


class ProviderEnvironment:
    """Three fake providers, and the settings of a site on `port` where users can sign in with them.

    Google takes long to start, so only tests that use it start it.
    """

    def __init__(self, folder: Path):
        self.port = free_port()
        self.google = Google(folder, f"http://127.0.0.1:{self.port}/accounts/google/login/callback/")
        self.github, self.wechat = GitHub(), WeChat()

    def settings(self) -> dict[str, str]:
        return self.google.our_settings() | self.github.our_settings() | self.wechat.our_settings()

    async def start_google(self) -> None:
        if not self.google.running:
            await asyncio.to_thread(self.google.fill)
            await asyncio.to_thread(self.google.start)

    def end(self) -> None:
        self.google.kill()
        self.github.stop()
        self.wechat.stop()


@pytest.fixture(scope="module")
def module_environment(tmp_path_factory):
    environment = ProviderEnvironment(tmp_path_factory.mktemp("google"))
    yield environment
    environment.end()


@pytest.fixture
def environment(module_environment):
    """Returns the fake providers, as `ProviderEnvironment` has created them."""
    module_environment.github.reset()
    module_environment.wechat.reset()
    return module_environment


@pytest.fixture(scope="module")
def module_site(make_shared_site, module_environment):
    return make_shared_site(module_environment.port, **module_environment.settings())


@pytest.fixture
async def site(borrow_site, module_site, environment):
    """Provides a running site where users can sign in with the three providers."""
    return await borrow_site(module_site)


class Redirects:
    """Records the URLs to which a browser page navigates. Each redirect counts too.

    `fit` raises AssertionError if no URL, or more than ten URLs, were recorded since the last call of `fit`.
    """

    def __init__(self, page: Page):
        self.seen: list[str] = []
        page.on("request", lambda asked: self.seen.append(asked.url) if asked.is_navigation_request() else None)

    def assert_no_loop(self) -> None:
        assert 0 < len(self.seen) <= MOST_HOPS, self.seen
        self.seen.clear()


def inside(site):
    """Returns a function that tells whether a URL belongs to this site.

    For sign-in and account pages of the site it returns False.
    """
    return lambda url: url.startswith(site.url) and "/accounts/" not in url


async def press(page: Page, provider: str) -> None:
    await page.goto("/accounts/login/")
    await page.get_by_role("button", name=f"Continue with {provider}").click()


async def sign_in_at_google(page: Page, login: str) -> None:
    await press(page, "Google")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", AT_GOOGLE)
    await page.press("input[name=password]", "Enter")
    await page.locator("button[value=grant]").click()


async def first_message(site, page: Page, username: str, name: str) -> None:
    """Checks that the user of the page is signed in with this user name and display name.

    Then sends a message to alice.
    """
    await page.wait_for_url(inside(site))
    me = await (await page.request.get("/api/v1/me/")).json()
    assert (me["username"], me["name"]) == (username, name)
    (alice,) = site.create_users("alice")
    await page.goto("/settings/")
    token = await page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    answer = await page.request.post(
        "/api/v1/conversations/",
        data={"kind": "direct", "user_id": alice.pk},
        headers={"X-CSRFToken": token, "Referer": page.url},
    )
    assert answer.ok, await answer.text()
    await page.goto(f"/c/{(await answer.json())['id']}/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await page.fill("message-composer textarea", "hello, I am new")
    await page.press("message-composer textarea", "Enter")
    await expect(page.locator("message-log li.msg .msg-text", has_text="hello, I am new")).to_be_visible()
    await expect(page.locator("message-log .msg.pending")).to_have_count(0)


async def test_with_github(site, browser_for):
    page = await browser_for(site)
    redirects = Redirects(page)
    await press(page, "GitHub")
    await page.click("#yes")
    await page.wait_for_url(site.url + "/**")
    redirects.assert_no_loop()
    await first_message(site, page, "octo-cat", "Mona Octo")
    me = await (await page.request.get("/api/v1/me/")).json()
    assert me["email"] == "mona@example.org"


async def test_with_wechat_which_tells_no_e_mail(environment, make_site, browser_for):
    """WeChat does not tell the site the e-mail address of a user.

    Such users can sign in even if the site requires a confirmed e-mail address. If they sign in again with WeChat, they
    get the same account.
    """
    site = make_site(**environment.settings(), EMAIL_URL="smtp://127.0.0.1:9")
    await asyncio.to_thread(site.start)
    page = await browser_for(site)
    redirects = Redirects(page)
    await press(page, "WeChat")
    await page.click("#yes")
    await page.wait_for_url(site.url + "/**")
    redirects.assert_no_loop()
    await first_message(site, page, "小明", "小明🎉")
    again = await browser_for(site)
    await press(again, "WeChat")
    await again.click("#yes")
    await again.wait_for_url(inside(site))
    me = await (await again.request.get("/api/v1/me/")).json()
    assert (me["username"], me["email"]) == ("小明", "")


async def test_with_google(environment, site, browser_for):
    await environment.start_google()
    page = await browser_for(site)
    redirects = Redirects(page)
    await sign_in_at_google(page, "gina")
    await page.wait_for_url(site.url + "/**")
    redirects.assert_no_loop()
    await first_message(site, page, "Gina_Google", "Gina Google")
    me = await (await page.request.get("/api/v1/me/")).json()
    assert me["email"] == "gina@example.org"


async def test_an_e_mail_that_google_has_not_verified_is_not_taken_over(environment, site, browser_for):
    await environment.start_google()
    await asyncio.to_thread(_give_alice_an_address, site)
    page = await browser_for(site)
    await sign_in_at_google(page, "loose")
    await page.wait_for_url(inside(site))
    me = await (await page.request.get("/api/v1/me/")).json()
    assert me["username"] != "alice" and me["email"] == ""


def _give_alice_an_address(site, verified: bool = True) -> None:
    (alice,) = site.create_users("alice")
    with site.orm():
        from allauth.account.models import EmailAddress

        alice.email = "alice@example.org"
        alice.save()
        EmailAddress.objects.create(user=alice, email=alice.email, verified=verified, primary=True)


async def test_a_verified_one_that_is_somebodys_says_how_to_connect_the_two(environment, site, browser_for):
    await asyncio.to_thread(_give_alice_an_address, site)
    environment.github.emails = [{"email": "alice@example.org", "primary": True, "verified": True}]
    page = await browser_for(site)
    await press(page, "GitHub")
    await page.click("#yes")
    await expect(page.get_by_text("An account with your email address already exists")).to_be_visible()
    assert (await page.request.get("/api/v1/me/")).status == 401
    # alice signs in with her password, connects GitHub, and can then sign in with GitHub.
    hers = await browser_for(site, "alice")
    await connect(hers, "GitHub")
    await expect(hers.get_by_text("octo-cat")).to_be_visible()
    await press(page, "GitHub")
    await page.click("#yes")
    await page.wait_for_url(inside(site))
    assert (await (await page.request.get("/api/v1/me/")).json())["username"] == "alice"


async def connect(page: Page, provider: str) -> None:
    await page.goto("/accounts/3rdparty/")
    await page.get_by_role("button", name=provider, exact=True).click()
    await page.click("#yes")
    if "/reauthenticate/" in page.url:
        await page.fill("input[name=password]", "let-me-talk")
        await page.press("input[name=password]", "Enter")
    await page.wait_for_url("**/accounts/3rdparty/")


async def test_several_are_linked_and_unlinked_but_never_the_last_way_in(site, browser_for):
    page = await browser_for(site)
    await press(page, "WeChat")
    await page.click("#yes")
    await page.wait_for_url(inside(site))
    await connect(page, "GitHub")
    await expect(page.locator(".rows li")).to_have_count(2)
    await page.locator(".rows li", has_text="小明").get_by_role("button", name="Remove").click()
    await expect(page.locator(".rows li")).to_have_count(1)
    await page.locator(".rows li").get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator(".rows li")).to_have_count(1)


# ── Errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def assert_not_signed_in(page: Page, redirects: Redirects) -> None:
    await expect(page.locator("h1")).to_be_visible()
    redirects.assert_no_loop()
    assert (await page.request.get("/api/v1/me/")).status == 401


async def test_denied_and_errors_end_on_a_page_that_says_so(environment, site, browser_for, page_errors):
    page_errors.allow("status of 401")
    page = await browser_for(site)
    redirects = Redirects(page)
    both: list[tuple[str, Provider]] = [("GitHub", environment.github), ("WeChat", environment.wechat)]
    for name, provider in both:
        await press(page, name)
        await page.click("#no")
        await assert_not_signed_in(page, redirects)
        await press(page, name)
        await page.click("#oops")
        await expect(page.get_by_role("heading", name="That didn’t work")).to_be_visible()
        await assert_not_signed_in(page, redirects)
        provider.broken = True
        await press(page, name)
        await page.click("#yes")
        await expect(page.get_by_role("heading", name="That didn’t work")).to_be_visible()
        await assert_not_signed_in(page, redirects)
        provider.broken = False


async def test_a_callback_without_session_or_used_twice_opens_nothing(site, browser_for, page_errors):
    page_errors.allow("status of 401")
    page = await browser_for(site)
    redirects = Redirects(page)
    for name in ("google", "github", "weixin"):
        await page.goto(f"/accounts/{name}/login/callback/?code=x&state=y")
        await expect(page.get_by_role("heading", name="That didn’t work")).to_be_visible()
        await assert_not_signed_in(page, redirects)
    await press(page, "GitHub")
    used = await page.get_attribute("#yes", "href")
    stranger = await browser_for(site)  # the session of the stranger did not start this sign-in
    await stranger.goto(used)
    assert (await stranger.request.get("/api/v1/me/")).status == 401
    await page.click("#yes")
    await page.wait_for_url(inside(site))
    await page.context.clear_cookies()
    await page.goto(used)  # code and state are used up
    await expect(page.get_by_role("heading", name="That didn’t work")).to_be_visible()
    assert (await page.request.get("/api/v1/me/")).status == 401


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/accounts/login/"])
async def test_next_leads_to_our_own_pages_and_never_in_circles(site, browser_for, there):
    page = await browser_for(site)
    redirects = Redirects(page)
    await page.goto("/accounts/login/")
    await page.evaluate(
        "there => { const form = document.querySelector('form[action*=github]');"
        " const field = document.createElement('input');"
        " field.name = 'next'; field.value = there; form.append(field) }",
        there,
    )
    await page.get_by_role("button", name="Continue with GitHub").click()
    await page.click("#yes")
    await page.wait_for_url(site.url + "/**")
    await expect(page.locator("live-socket")).to_be_attached()
    redirects.assert_no_loop()
    assert (await (await page.request.get("/api/v1/me/")).json())["username"] == "octo-cat"
