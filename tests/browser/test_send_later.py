"""Tests of sending later and of reminders in a real browser: the dialogs, and what they leave in the open page."""

from __future__ import annotations

import asyncio

import pytest
from django.utils import timezone
from playwright.async_api import expect

from scheduling import reminders
from scheduling.models import Reminder
from tests.browser.conftest import FIELD, type_in
from tests.servers import Site

pytestmark = pytest.mark.browser


async def test_a_message_is_scheduled_and_a_reminder_set_without_leaving_the_chat(open_pages, page_errors):
    page_errors.allow("status of 422")  # the form without a time
    alice, bob = await open_pages()
    await bob.say("buy bread")
    await alice.sees("buy bread")
    await type_in(alice, "good morning")
    await alice.page.click(".composer .later")
    dialog = alice.page.locator("dialog.over")
    await expect(dialog.locator("textarea")).to_have_value("good morning")
    await dialog.locator(".time-other button").click()
    await expect(dialog.locator(".error")).to_be_visible()
    await expect(dialog.locator("textarea")).to_have_value("good morning")
    await dialog.locator(".times button").first.click()
    await expect(alice.page.locator("toast-stack")).to_contain_text("Will be sent")
    await expect(dialog).to_have_count(0)
    await expect(alice.page.locator(FIELD)).to_have_value("")

    await alice.line("buy bread").hover()
    await alice.line("buy bread").locator("[data-act=more]").click()
    await alice.page.click("#message-menu a[data-page]")
    await dialog.locator(".times button").first.click()
    await expect(alice.page.locator("toast-stack")).to_contain_text("You’ll be reminded")
    await expect(dialog).to_have_count(0)
    await alice.page.reload()
    assert await alice.written() == ""
    await expect(alice.page.locator(".scheduled-note")).to_have_text("1 scheduled message")

    await asyncio.to_thread(let_the_time_come, open_pages.site)
    toast = alice.page.locator(".toast:has([data-act=snooze])")
    await expect(toast).to_be_visible(timeout=20_000)
    await expect(alice.page.locator("[data-total=later] .badge [aria-hidden]").first).to_have_text("1")
    await toast.locator("[data-act=open]").click()
    await alice.page.wait_for_url("**/c/*/?at=*")
    await expect(toast).to_have_count(0)


def let_the_time_come(site: Site) -> None:
    with site.orm():
        Reminder.objects.update(remind_at=timezone.now())
        reminders.notify_due()
