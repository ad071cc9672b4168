"""Addresses of the admin that make no sense lead to a list, never to a fault."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("each_database")

YEARS = ["0", "-1", "9" * 20, "9" * 400, "9" * 5000]


@pytest.mark.parametrize(
    "path,name",
    [
        ("/admin/chat/message/", "created_at__year"),
        ("/admin/accounts/user/", "date_joined__year"),
    ],
)
def test_years_that_no_calendar_has(desk, superuser, path, name):
    client = desk(superuser).client
    for year in YEARS:
        assert client.get(path, {name: year}, follow=True).status_code == 200, year[:30]


def test_characters_that_no_database_stores(desk, superuser):
    client = desk(superuser).client
    for path in ("/admin/chat/message/", "/admin/chat/conversation/"):
        assert client.get(path, {"kind__exact": "\0"}, follow=True).status_code == 200
    assert client.get("/admin/accounts/user/", {"username": "\0"}, follow=True).status_code == 200


def test_a_number_that_is_no_id_finds_nothing(desk, superuser, room):
    at = desk(superuser)
    assert at.rows("conversation", q="9" * 5000) == []
    assert at.rows("conversation", q=str(room.pk)) == [room]


def test_what_is_not_the_fault_of_the_address_is_still_a_fault(desk, superuser, monkeypatch):
    from chat.admin.messages import MessageAdmin

    def broken(*_):
        raise ValueError("ours")

    monkeypatch.setattr(MessageAdmin, "get_search_results", broken)
    with pytest.raises(ValueError, match="ours"):
        desk(superuser).client.get("/admin/chat/message/", {"q": "x"}, follow=True)
