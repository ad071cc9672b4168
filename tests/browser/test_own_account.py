"""Tests of signing in and account security in a real browser: passkeys, second factors, codes and links by e-mail."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.processes import free_port
from tests.servers import PASSWORD

pytestmark = pytest.mark.browser
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def site_at_localhost(make_shared_site):
    port = free_port()
    return make_shared_site(port, SITE_URL=f"http://localhost:{port}")


@pytest.fixture
async def home(borrow_site, site_at_localhost):
    """Provides a running site with the host name `localhost`.

    Browsers allow passkeys for host names only, not for IP addresses.
    """
    site = await borrow_site(site_at_localhost)
    site.create_users("alice")
    return site


async def page_of(browser_for, site, **options) -> Page:
    return await browser_for(site, base_url=site.environment["SITE_URL"], **options)


async def device_of(page: Page):
    """Adds a simulated passkey device to the browser, through a DevTools session (which controls the browser).

    Returns the DevTools session and the id of the device.
    """
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("WebAuthn.enable")
    made = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return cdp, made["authenticatorId"]


async def type_password(page: Page, login: str = "alice") -> None:
    await page.goto("/accounts/login/")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")


async def inside(page: Page) -> bool:
    return (await page.request.get("/api/v1/me/")).ok


async def add_passkey(page: Page, alone: bool) -> None:
    await page.goto("/accounts/2fa/")
    await page.get_by_role("link", name="Add a passkey").click()
    if "/reauthenticate/" in page.url:
        await page.fill("input[name=password]", PASSWORD)
        await page.press("input[name=password]", "Enter")
    await page.fill("input[name=name]", "My laptop")
    await page.locator("input[name=passwordless]").set_checked(alone)
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    await expect(page.locator(".codes li")).to_have_count(10)


async def test_a_passkey_signs_in_by_itself(home, browser_for):
    page = await page_of(browser_for, home)
    await device_of(page)
    await type_password(page)
    await add_passkey(page, alone=True)
    await page.goto("/accounts/2fa/")
    await expect(page.locator(".rows li", has_text="My laptop")).to_contain_text("without a password")
    await page.context.clear_cookies()
    await page.goto("/accounts/login/")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await page.wait_for_url(lambda url: "/accounts/" not in url)
    assert await inside(page)


async def test_a_passkey_is_the_second_step_after_a_password(home, browser_for):
    page = await page_of(browser_for, home)
    await device_of(page)
    await type_password(page)
    await add_passkey(page, alone=False)
    await page.context.clear_cookies()
    await type_password(page)
    assert not await inside(page)
    await page.get_by_role("button", name="Use a passkey").click()
    await page.wait_for_url(lambda url: "/accounts/" not in url)
    assert await inside(page)


async def test_without_the_device_it_says_so_and_leaves_other_ways(home, browser_for):
    page = await page_of(browser_for, home)
    cdp, device = await device_of(page)
    await page.goto("/accounts/login/")
    await cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("alert").filter(has_text="That didn’t work")).to_be_visible()
    await type_password(page)
    await page.wait_for_url(lambda url: "/accounts/" not in url)


async def test_removed_it_opens_nothing_and_another_device_hears_within_a_second(home, browser_for):
    page = await page_of(browser_for, home)
    await device_of(page)
    await type_password(page)
    await add_passkey(page, alone=True)
    # Another browser of alice is signed in and has its socket open.
    other = await page_of(browser_for, home)
    kept = [cookie for cookie in await page.context.cookies() if cookie["name"] == "csrftoken"]
    await other.context.add_cookies(kept)
    codes = await page.locator(".codes li code").all_inner_texts() or [""]
    await type_password(other)
    await other.fill("input[name=code]", codes[0])
    await other.press("input[name=code]", "Enter")
    await other.wait_for_selector("live-socket[data-state=open]", state="attached")
    await page.goto("/accounts/2fa/")
    await page.get_by_role("link", name="Remove").click()
    if "/reauthenticate/" in page.url:
        await page.fill("input[name=password]", PASSWORD)
        await page.press("input[name=password]", "Enter")
    closed = other.wait_for_function("() => !document.querySelector('live-socket[data-state=open]')", timeout=1500)
    await asyncio.gather(page.get_by_role("button", name="Remove").click(), closed)
    assert not await inside(other) and await inside(page)


async def test_an_authenticator_app_without_scripts(home, browser_for):
    from allauth.mfa.totp.internal import auth as totp

    page = await page_of(browser_for, home, scripts=False)
    await type_password(page)
    await page.goto("/accounts/2fa/totp/activate/")
    if "/reauthenticate/" in page.url:
        await page.fill("input[name=password]", PASSWORD)
        await page.press("input[name=password]", "Enter")
    secret = await page.input_value("#secret")

    def code() -> str:
        return totp.format_hotp_value(totp.hotp_value(secret, list(totp.yield_hotp_counters_from_time())[1]))

    await page.fill("input[name=code]", code())
    await page.get_by_role("button", name="Turn on").click()
    codes = await page.locator(".codes li code").all_inner_texts()
    assert len(codes) == 10
    await page.context.clear_cookies()
    await type_password(page)
    await page.fill("input[name=code]", codes[3])
    await page.get_by_role("button", name="Sign in").click()
    assert await inside(page)


async def test_a_code_by_mail(make_site, browser_for, tmp_path):
    """The background worker sends the sign-in code to a mail server, and alice signs in with the code from the mail."""
    from tests.background.test_worker import mail_server

    with mail_server(tmp_path) as (port, mails):
        site = make_site(EMAIL_URL=f"smtp://127.0.0.1:{port}")
        await asyncio.to_thread(site.start, WORKER="on")
        await asyncio.to_thread(_give_alice_an_address, site)
        page = await browser_for(site)
        await page.goto("/accounts/login/")
        await page.get_by_role("link", name="Email me a code").click()
        await page.fill("input[name=email]", "alice@example.org")
        await page.get_by_role("button", name="Send code").click()
        mail = await asyncio.to_thread(_first, mails)
        assert "multipart/alternative" in mail
        code = re.search(r"^([A-Z0-9]{3,}-?[A-Z0-9]*)\s*$", mail.split("\n\n", 1)[1], re.MULTILINE)
        assert code, mail
        await page.fill("input[name=code]", code[1])
        await page.get_by_role("button", name="Confirm").click()
        await page.wait_for_url(lambda url: "/accounts/" not in url)
        assert await inside(page)
        # For an address without account the page looks the same.
        stranger = await browser_for(site)
        await stranger.goto("/accounts/login/code/")
        await stranger.fill("input[name=email]", "nobody@example.org")
        await stranger.get_by_role("button", name="Send code").click()
        await expect(stranger.get_by_text("If nobody@example.org belongs to an account")).to_be_visible()


def _first(mails: Path) -> str:
    from tests.background.test_worker import wait_for

    return wait_for(lambda: [each for each in mails.glob("*.eml")])[0].read_text().replace("\r\n", "\n")


def _give_alice_an_address(site) -> None:
    (alice,) = site.create_users("alice")
    with site.orm():
        from allauth.account.models import EmailAddress

        alice.email = "alice@example.org"
        alice.save()
        EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)


async def test_an_address_is_confirmed_and_a_forgotten_password_set_anew(make_site, browser_for, tmp_path):
    from tests.background.test_worker import mail_server

    with mail_server(tmp_path) as (port, mails):
        site = make_site(EMAIL_URL=f"smtp://127.0.0.1:{port}")
        await asyncio.to_thread(site.start, WORKER="on")
        site.create_users("alice")
        page = await browser_for(site, "alice")
        await page.goto("/accounts/email/")
        await page.fill("input[name=email]:not([type=radio])", "alice@example.org")
        await page.get_by_role("button", name="Add").click()
        if "/reauthenticate/" in page.url:
            await page.fill("input[name=password]", PASSWORD)
            await page.press("input[name=password]", "Enter")
        await expect(page.locator(".rows li", has_text="alice@example.org")).to_contain_text("not confirmed")
        await page.goto(await asyncio.to_thread(_link, mails, "/accounts/confirm-email/"))
        await page.get_by_role("button", name="Confirm").click()
        await page.goto("/accounts/email/")
        row = page.locator(".rows li", has_text="alice@example.org")
        await expect(row).not_to_contain_text("not confirmed")
        # alice resets the forgotten password in another browser.
        elsewhere = await browser_for(site)
        await elsewhere.goto("/accounts/login/")
        await elsewhere.get_by_role("link", name="Forgot password?").click()
        await elsewhere.fill("input[name=email]", "alice@example.org")
        await elsewhere.get_by_role("button", name="Send link").click()
        await elsewhere.goto(await asyncio.to_thread(_link, mails, "/accounts/password/reset/key/"))
        await elsewhere.fill("input[name=password1]", "short")
        await elsewhere.press("input[name=password1]", "Enter")
        await expect(elsewhere.get_by_role("alert").first).to_be_visible()
        for field in ("password1", "password2"):
            if await elsewhere.locator(f"input[name={field}]").count():
                await elsewhere.fill(f"input[name={field}]", "a-better-one-77")
        await elsewhere.get_by_role("button", name="Set password").click()
        await expect(elsewhere.get_by_role("heading", name="Password changed")).to_be_visible()
        await page.goto("/settings/")
        assert "/accounts/login/" in page.url, "signed out there"
        await elsewhere.goto("/accounts/login/")
        await elsewhere.fill("input[name=login]", "alice@example.org")
        await elsewhere.fill("input[name=password]", "a-better-one-77")
        await elsewhere.press("input[name=password]", "Enter")
        await elsewhere.wait_for_url(lambda url: "/accounts/" not in url)
        assert await inside(elsewhere)


def _link(mails: Path, path: str) -> str:
    """Waits for a mail that contains a link to this URL path, and returns the first such link."""
    from tests.background.test_worker import wait_for

    def found() -> list[str]:
        texts = [each.read_bytes().decode("utf-8", "replace").replace("=\r\n", "") for each in mails.glob("*.eml")]
        return [link for text in texts for link in re.findall(rf"http://[^\s\"<]+{path}[^\s\"<]+", text)]

    return wait_for(found)[0]
