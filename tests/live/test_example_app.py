"""Tests that an app adds listeners, a command, an admin page and a settings page without a change in `chat`.

The app is tests/example_app. It is installed in a running server.
"""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from messenger.live.commands import command
from messenger.live.consumer import LiveConsumer
from tests.client import Client, CommandError
from tests.servers import PASSWORD, _run_in_thread


@pytest.fixture
def example_site(make_site):
    site = make_site(DJANGO_SETTINGS_MODULE="tests.example_app.settings")
    site.manage("migrate", "example_app", "--verbosity", "0")
    site.create_users("alice", "bob", "mallory")
    site.start()
    return site


@asynccontextmanager
async def signed_in_browser(site, name: str):
    headers = {"Referer": site.url}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=30, follow_redirects=True) as browser:
        await browser.get("/accounts/login/")
        form = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert (await browser.post("/accounts/login/", data=form)).status_code == 200
        yield browser


async def create_group(site, title: str, *user_ids: int) -> int:
    headers = {"Authorization": f"Bearer {site.create_token('alice')}"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers) as http:
        group = {"kind": "group", "title": title, "user_ids": user_ids}
        return (await http.post("/api/v1/conversations/", json=group)).json()["id"]


async def test_an_app_above_chat_hears_of_messages_and_answers_a_command(example_site):
    _alice, bob, _mallory = example_site.create_users("alice", "bob", "mallory")
    group_id = await create_group(example_site, "Room", bob.pk)
    tokens = {name: example_site.create_token(name) for name in ("alice", "bob", "mallory")}
    async with (
        Client(example_site.ws_url, tokens["alice"]) as alices,
        Client(example_site.ws_url, tokens["bob"]) as bobs,
        Client(example_site.ws_url, tokens["mallory"]) as mallorys,
    ):
        # The app's second listener raises an exception for each message.
        sent = [(await alices.send(group_id, f"{number}"))["id"] for number in range(3)]
        await bobs.wait_for(lambda state: state.bodies(group_id) == ["0", "1", "2"])
        assert (await bobs.command("notice.list"))["message_ids"] == sent
        assert (await alices.command("notice.list"))["message_ids"] == []
        assert (await mallorys.command("notice.list"))["message_ids"] == []
        with pytest.raises(CommandError, match="invalid"):
            await bobs.command("notice.unknown")


async def test_an_app_above_chat_has_a_settings_page_and_an_admin_page(example_site):
    (alice,) = example_site.create_users("alice")

    def make_superuser():
        with example_site.orm():
            User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)

    _run_in_thread(make_superuser)
    async with signed_in_browser(example_site, "alice") as browser:
        page = (await browser.get("/settings/notices/")).text
        assert "Notices so far: 0" in page
        entries = page[page.index('<nav class="nav"') : page.index("Notices so far")]
        assert 'href="/settings/notices/" aria-current="page"' in entries
        assert entries.index("/settings/privacy/") < entries.index("/settings/notices/") < entries.index("/email/")
        assert 'href="/settings/notices/"' in (await browser.get("/settings/")).text
        assert "/admin/example_app/notice/" in (await browser.get("/admin/")).text
        assert (await browser.get("/admin/example_app/notice/")).status_code == 200


def test_two_apps_cannot_handle_the_same_command():
    from messenger.consumers import MessengerConsumer

    class Payload(msgspec.Struct):
        """Nothing."""

    class OtherConsumer(LiveConsumer):
        @command("message.send", Payload)
        async def send(self, payload):
            """Would take the messages of chat."""

    with pytest.raises(ImproperlyConfigured, match=r"message\.send"):
        type("Both", (OtherConsumer, MessengerConsumer), {})
