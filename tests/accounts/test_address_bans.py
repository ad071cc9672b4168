"""Tests that banned addresses and networks open neither pages nor sockets, and who bans them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import actions, address_bans
from accounts.address_bans import AddressBanFilter, is_banned
from accounts.models import AddressBan
from audit.models import AuditEntry
from messenger.core.errors import ApplicationError
from tests.admin.conftest import admin_session, moderator  # noqa: F401


@pytest.fixture(autouse=True)
def no_bans_afterwards(db):
    yield
    AddressBan.objects.all().delete()
    address_bans.refresh()


def ban(user, network: str, **options) -> AddressBan:
    row = actions.ban_address(user.pk, network, **options)
    address_bans.refresh()
    return row


def test_addresses_and_networks_are_banned_until_the_ban_ends(moderator):  # noqa: F811
    one = ban(moderator, "203.0.113.7", reason="spam")
    ban(moderator, "198.51.100.0/24")
    ban(moderator, "2001:db8:1:2::9")  # the whole /64 of this customer
    banned = ("203.0.113.7", "198.51.100.255", "::ffff:203.0.113.7", "2001:db8:1:2:3::1", "2001:db8:1:2::/64")
    free = ("203.0.113.8", "198.51.101.0", "2001:db8:1:3::9", "127.0.0.1", "", "nonsense")
    assert [is_banned(address) for address in banned] == [True] * len(banned)
    assert [is_banned(address) for address in free] == [False] * len(free)
    ban(moderator, "203.0.113.7", until=timezone.now() - timedelta(seconds=1))  # replaces the end
    assert not is_banned("203.0.113.7") and AddressBan.objects.count() == 3
    ban(moderator, "203.0.113.7")
    actions.lift_ban(moderator.pk, one.pk, "moved")
    actions.lift_ban(moderator.pk, one.pk)
    address_bans.refresh()
    assert not is_banned("203.0.113.7") and is_banned("198.51.100.1")
    acts = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert acts == ["address.ban"] * 5 + ["address.lift"]


@pytest.mark.parametrize("network", ["", "here", "300.1.1.1", "0.0.0.0/0", "10.0.0.0/8", "2001::/16", "1.2.3.4/99"])
def test_what_is_no_network_or_too_large_is_refused(network, moderator):  # noqa: F811
    with pytest.raises(ApplicationError, match="invalid"):
        actions.ban_address(moderator.pk, network)


def test_moderators_ban_in_the_admin_but_not_themselves(moderator, alice, admin_session):  # noqa: F811
    session = admin_session(moderator)
    url = "/admin/accounts/addressban/add/"
    assert (
        "You are using this address yourself." in session.client.post(url, {"network": "127.0.0.0/24"}).content.decode()
    )
    assert session.client.post(url, {"network": "203.0.113.9", "reason": "spam"}).status_code == 302
    row = AddressBan.objects.get()
    assert (row.network, row.reason, row.moderator) == ("203.0.113.9/32", "spam", moderator)
    assert session.client.get(f"/admin/accounts/addressban/{row.pk}/change/").status_code == 200
    session.client.post(f"/admin/accounts/addressban/{row.pk}/act/", {"act": "lift", "reason": "moved"})
    assert AddressBan.objects.get().lifted_at
    for attempt in (lambda: actions.ban_address(alice.pk, "203.0.113.1"), lambda: actions.lift_ban(alice.pk, row.pk)):
        with pytest.raises(ApplicationError, match="forbidden"):
            attempt()


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_banned_address_gets_403_over_http_and_socket(kind, monkeypatch):
    monkeypatch.setattr(address_bans, "_networks", [address_bans.ip_network("203.0.113.0/24")])
    monkeypatch.setattr(address_bans, "_start_refreshing", lambda: None)
    reached, sent = [], []

    async def application(scope, receive, send):
        reached.append(scope["client"][0])

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    extensions = {"websocket.http.response": {}}
    for address in ("203.0.113.5", "192.0.2.1"):
        scope = {"type": kind, "client": (address, 1), "headers": [], "extensions": extensions, "subprotocols": []}
        await AddressBanFilter(application)(scope, receive, send)
    assert reached == ["192.0.2.1"] and sent[0]["status"] == 403
