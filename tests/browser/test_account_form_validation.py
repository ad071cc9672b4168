"""Tests that account forms check their fields in the browser before they are sent, in the language of the reader."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError
from playwright.async_api import Page, expect

from accounts.usernames.rules import clean_username
from tests.browsers import sign_in
from tests.servers import PASSWORD

pytestmark = pytest.mark.browser
NAMES = (
    *(
        "bob",
        "a1",
        "千泷",
        "小千",
        "Zoë",
        "z.o-e",
        "_x_",
        "o_o",
        "Ｗｉｄｅ",
        "e\u0301a",
        "ⅷi",
        "ー々",
        "नमस्ते",
        "مريم",
        "ab\n",
        " bob ",
    ),
    *(
        "x" * 30,
        "x" * 31,
        "a",
        "",
        "..",
        ".a",
        "a.",
        "a b",
        "a/b",
        "a\u202eb",
        "😀😀",
        "__",
        "\u0301a",
        "٣٣",
        "②a",
        "<b>",
    ),
)


@pytest.fixture
async def site(get_shared_site):
    site = await get_shared_site()
    site.create_users("alice")
    return site


async def expect_error(page: Page, name: str, text: str) -> None:
    """Expects that the field has this error, which screen readers announce and read with the field."""
    field = page.locator(f"[name={name}]")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.locator(f"#id_{name}-error")).to_have_text(text)
    await expect(page.locator(f"#id_{name}-error")).to_have_attribute("role", "alert")
    described_by = await field.get_attribute("aria-describedby") or ""
    assert f"id_{name}-error" in described_by.split()


def watch_posts(page: Page) -> list[str]:
    """Returns a list to which the URL of each form that the page sends is added. Presence is no form."""
    posts: list[str] = []

    def note(request) -> None:
        if request.method == "POST" and "/api/" not in request.url:
            posts.append(request.url)

    page.on("request", note)
    return posts


async def test_sign_up_is_not_sent_while_a_field_is_wrong(site, browser_for):
    page = await browser_for(site)
    posts = watch_posts(page)
    await page.goto("/accounts/signup/")
    await page.fill("[name=username]", "a")
    await page.press("[name=username]", "Tab")
    await expect_error(page, "username", "A username must have 2 to 30 characters.")
    await page.press("[name=password1]", "Enter")
    await expect_error(page, "password1", "This field is required.")
    await expect(page.locator("[name=username]")).to_be_focused()
    await page.fill("[name=username]", "carol k")
    await expect_error(page, "username", "A username can only contain letters, the digits 0 to 9, and _ . -")
    await page.fill("[name=username]", "carol")
    await expect(page.locator("[name=username]")).not_to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#id_username-error")).to_be_hidden()
    await page.fill("[name=email]", "nonsense")
    await page.fill("[name=password1]", "1234567")
    await page.press("[name=password1]", "Enter")
    await expect_error(page, "email", "Enter a valid email address.")
    await expect_error(page, "password1", "This password is too short. It must contain at least 8 characters.")
    await page.fill("[name=password1]", "12345678")
    await expect_error(page, "password1", "This password is entirely numeric.")
    assert not posts
    await page.fill("[name=email]", "")
    await page.fill("[name=password1]", "correct horse battery")
    await page.press("[name=password1]", "Enter")
    await page.wait_for_url(site.url + "/")
    assert len(posts) == 1


async def test_the_messages_are_in_the_language_of_the_reader(site, browser_for):
    page = await browser_for(site, locale="zh-CN")
    await page.goto("/accounts/login/")
    await page.press("[name=password]", "Enter")
    await expect_error(page, "login", "这一项必填。")
    await page.goto("/accounts/signup/")
    await page.fill("[name=password1]", "short")
    await page.press("[name=password1]", "Tab")
    await expect_error(page, "password1", "密码太短，至少需要 8 个字符。")


async def test_a_new_password_is_repeated_correctly(site, browser_for):
    page = await browser_for(site)
    await sign_in(page.context, "alice")
    posts = watch_posts(page)
    await page.goto("/accounts/password/change/")
    await page.fill("[name=oldpassword]", PASSWORD)
    await page.fill("[name=password1]", "correct horse battery")
    await page.fill("[name=password2]", "correct horse batterie")
    await page.press("[name=password2]", "Enter")
    await expect_error(page, "password2", "You must type the same password each time.")
    assert not posts
    await page.fill("[name=password2]", "correct horse battery")
    await page.press("[name=password2]", "Enter")
    await expect(page.locator("text=Password")).not_to_have_count(0)
    assert len(posts) == 1


async def test_the_profile_checks_the_username_and_keeps_errors_of_the_server_until_the_value_changes(
    site, browser_for, page_errors
):
    page_errors.allow("422")  # the server answers so to the taken name
    site.create_users("bob")
    page = await browser_for(site, "alice")
    await page.goto("/settings/")
    await page.fill("[name=username]", ".alice")
    await page.press("[name=username]", "Enter")
    await expect_error(page, "username", "A username must begin and end with a letter, a digit or _.")
    await page.fill("[name=username]", "bob")
    await page.press("[name=username]", "Enter")
    await page.wait_for_load_state()
    taken = page.locator("#id_username-error")
    await expect(taken).to_contain_text("taken")
    await expect(page.locator("[name=username]")).to_be_focused()
    await page.press("[name=username]", "Tab")
    await expect(taken).to_be_visible()
    await page.fill("[name=username]", "alicia")
    await expect(taken).to_be_hidden()


async def test_without_scripts_the_server_shows_the_errors_at_the_fields(site, browser_for):
    page = await browser_for(site, scripts=False)
    await page.goto("/accounts/signup/")
    await page.fill("[name=username]", "a")
    await page.fill("[name=password1]", "123")
    await page.click("main form button:not([type=button])")
    await expect_error(page, "username", "A username must have 2 to 30 characters.")
    await expect(page.locator("#id_password1-error")).to_contain_text("too short")
    await expect(page.locator("#id_email-error")).to_be_hidden()


async def test_the_page_rejects_no_username_that_the_server_accepts(site, browser_for):
    page = await browser_for(site)
    await page.goto("/accounts/signup/")
    checks = json.loads(await page.get_attribute("[name=username]", "data-checks") or "")
    rejected = await page.evaluate(
        "([checks, names]) => names.filter((name) => checks.some(([pattern]) =>"
        " !new RegExp(pattern, 'su').test(name.trim().normalize('NFKC'))))",
        [checks, NAMES],
    )

    def is_accepted(name: str) -> bool:
        try:
            return bool(clean_username(name))
        except ValidationError:
            return False

    assert [name for name in rejected if is_accepted(name)] == []
    assert {"a", "", "..", ".a", "a.", "a b", "a/b", "😀😀", "__", "x" * 31, "<b>"} <= set(rejected)


async def test_time_zones_are_found_by_country_in_the_language_of_the_reader_and_by_city(site, browser_for):
    page = await browser_for(site, "alice", locale="zh-CN", timezone_id="Europe/Zurich")
    await page.goto("/settings/")
    zones, search = page.locator("[name=time_zone]"), page.locator("[data-part=time-zone] [type=search]")
    await expect(zones.locator("option").first).to_contain_text("Zurich (UTC+")
    count = await zones.locator("option").count()
    await search.fill("阿根廷 buenos")
    await expect(zones.locator("option")).to_have_count(2)  # the chosen one and the one that was found
    await search.fill("nowhere")
    await expect(page.locator("[data-part=time-zone] [data-part=none]")).to_be_visible()
    await search.fill("sao paulo")
    await search.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(zones).to_have_value("America/Sao_Paulo")
    await expect(zones.locator("option")).to_have_count(count)
    await expect(zones.locator("optgroup")).to_have_count(11)
    await page.click("footer.save button")
    await expect(page.locator("[name=time_zone]")).to_have_value("America/Sao_Paulo")
