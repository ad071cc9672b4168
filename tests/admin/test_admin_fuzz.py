"""Tests that invalid values in URLs of the admin pages cause no server error (500).

Also tests that the code which handles invalid values does not hide errors with other causes, such as faults in the
code.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("each_database")

YEARS = ["0", "-1", "9" * 20, "9" * 400, "9" * 5000]


@pytest.mark.parametrize(
    "path,name",
    [
        ("/admin/chat/message/", "created_at__gte"),
        ("/admin/accounts/user/", "date_joined__year"),
    ],
)
def test_invalid_years(admin_session, superuser, path, name):
    client = admin_session(superuser).client
    for year in YEARS:
        assert client.get(path, {name: year}, follow=True).status_code == 200, year[:30]


def test_characters_that_the_database_cannot_store(admin_session, superuser):
    client = admin_session(superuser).client
    for path in ("/admin/chat/message/", "/admin/chat/conversation/"):
        assert client.get(path, {"kind__exact": "\0"}, follow=True).status_code == 200
    assert client.get("/admin/accounts/user/", {"q": "\0"}, follow=True).status_code == 200


def test_a_number_that_is_too_large_finds_nothing(admin_session, superuser, group):
    session = admin_session(superuser)
    assert session.rows("conversation", q="9" * 5000) == []
    assert session.rows("conversation", q=str(group.pk)) == [group]


def test_other_errors_are_raised(admin_session, superuser, monkeypatch):
    from chat.admin.messages import MessageAdmin

    def broken(*_):
        raise ValueError("ours")

    monkeypatch.setattr(MessageAdmin, "get_search_results", broken)
    with pytest.raises(ValueError, match="ours"):
        admin_session(superuser).client.get("/admin/chat/message/", {"q": "x"}, follow=True)
