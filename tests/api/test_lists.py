"""Tests of lists that the API returns in pages: limits, cursors and `next` (the URL of the next page).

All pages of a list together contain each item exactly once.
"""

from __future__ import annotations

import pytest

from chat.models import Message
from tests import openapi
from tests.api.conftest import assert_error

pytestmark = pytest.mark.usefixtures("transactional_db")


def read_all_pages(caller, path: str, **query) -> list[list[dict]]:
    """Requests all pages of a list and returns a list of pages. Each page is the list of its items.

    The URL of the next page is in the field `next` of each response.
    """
    response = caller.get(path, query_params=query).json()
    pages = [response["results"]]
    while response["next"]:
        assert response["next"].startswith("http://testserver/api/v1/")
        response = caller.get(response["next"]).json()
        pages.append(response["results"])
        assert len(pages) < 100
    return pages


def test_pages_of_conversations_contain_each_once(api, alice):
    made = [api(alice).post("conversations/", {"kind": "group", "title": str(n)}).json()["id"] for n in range(7)]
    api(alice).send(made[2])  # now this group has the newest activity
    pages = read_all_pages(api(alice), "conversations/", limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row["id"] for page in pages for row in page] == [made[2], *(pk for pk in reversed(made) if pk != made[2])]


def test_a_list_that_ends_with_its_page_has_no_next(api, alice):
    for n in range(3):
        api(alice).post("conversations/", {"kind": "group", "title": str(n)})
    response = api(alice).get("conversations/", query_params={"limit": 3}).json()
    assert len(response["results"]) == 3 and response["next"] is None


def test_conversations_of_the_same_time_are_not_skipped(api, alice):
    from chat.models import Conversation

    made = [api(alice).post("conversations/", {"kind": "group", "title": str(n)}).json()["id"] for n in range(5)]
    Conversation.objects.update(active_at=Conversation.objects.first().active_at)
    pages = read_all_pages(api(alice), "conversations/", limit=2)
    assert [row["id"] for page in pages for row in page] == made[::-1]


def test_pages_of_mentions_contain_each_once_newest_first(api, alice, bob, group):
    sent = [api(alice).send(group.pk, f"{n} @bob").json() for n in range(5)]
    api(alice).send(group.pk, "nobody here")
    pages = read_all_pages(api(bob), "mentions/", limit=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row for page in pages for row in page] == sent[::-1]
    assert read_all_pages(api(alice), "mentions/") == [[]]


@pytest.fixture
def long_conversation(api, alice, group):
    """Returns a group with 120 messages."""
    first = api(alice).send(group.pk, "1").json()
    row = Message.objects.get(pk=first["id"])
    rows = []
    for seq in range(2, 121):
        rows.append(
            Message(**{name: getattr(row, name) for name in FIELDS}, seq=seq, version=row.version + seq, text_count=seq)
        )
    Message.objects.bulk_create(rows)
    group.refresh_from_db()
    group.last_seq, group.text_count, group.version = 120, 120, row.version + 120
    group.save()
    return group


FIELDS = ("conversation_id", "kind", "sender_id", "body", "body_html", "created_at", "first_version")


def seqs(response) -> list[int]:
    return [message["seq"] for message in response["results"]]


def test_history_pages_by_seq(api, alice, long_conversation):
    ask = lambda **query: api(alice).get(f"conversations/{long_conversation.pk}/messages/", query_params=query).json()  # noqa: E731
    newest = ask()
    assert seqs(newest) == list(range(71, 121)) and (newest["has_before"], newest["has_after"]) == (True, False)
    assert seqs(ask(limit=3)) == [118, 119, 120]
    before = ask(before=4, limit=10)
    assert seqs(before) == [1, 2, 3] and (before["has_before"], before["has_after"]) == (False, True)
    after = ask(after=118)
    assert seqs(after) == [119, 120] and (after["has_before"], after["has_after"]) == (True, False)
    around = ask(around=60, limit=5)
    assert seqs(around) == [58, 59, 60, 61, 62] and around["has_before"] and around["has_after"]
    assert seqs(ask(before=1)) == seqs(ask(after=120)) == []
    assert seqs(ask(before=2**63 - 1, limit=1)) == [120] and seqs(ask(after=2**63 - 1)) == []


def test_a_limit_above_the_maximum_is_reduced(api, alice, long_conversation):
    ask = lambda **query: api(alice).get(f"conversations/{long_conversation.pk}/messages/", query_params=query).json()  # noqa: E731
    for limit in (100, 101, 10**6, 10**30):
        assert len(ask(limit=limit)["results"]) == 100
    changes = api(alice).get(f"conversations/{long_conversation.pk}/changes/", query_params={"limit": 10**30})
    assert len(changes.json()["messages"]) == 120 and changes.json()["complete"]


def test_history_pages_in_both_directions_contain_each_message_once(api, alice, long_conversation):
    ask = lambda **query: api(alice).get(f"conversations/{long_conversation.pk}/messages/", query_params=query).json()  # noqa: E731
    back, part = [], ask(limit=7)
    back = seqs(part)
    while part["has_before"]:
        part = ask(limit=7, before=back[0])
        back = seqs(part) + back
    assert back == list(range(1, 121))
    forth, part = [], ask(limit=7, after=0)
    forth = seqs(part)
    while part["has_after"]:
        part = ask(limit=7, after=forth[-1])
        forth += seqs(part)
    assert forth == back


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "", str(2**63), "1e3", "\x00", "null"])
def test_a_wrong_number_in_a_query_is_invalid(api, alice, group, wrong):
    for path, name in (
        (f"conversations/{group.pk}/messages/", "before"),
        (f"conversations/{group.pk}/messages/", "after"),
        (f"conversations/{group.pk}/messages/", "around"),
        (f"conversations/{group.pk}/changes/", "after"),
        ("mentions/", "before"),
    ):
        assert_error(api(alice).get(path, query_params={name: wrong}), "invalid", 400, name)


@pytest.mark.parametrize("wrong", ["0", "-5", "x", "", "1.5", "true"])
def test_a_wrong_limit_is_invalid(api, alice, group, wrong):
    for path in (
        "conversations/",
        "mentions/",
        f"conversations/{group.pk}/messages/",
        f"conversations/{group.pk}/changes/",
    ):
        assert_error(api(alice).get(path, query_params={"limit": wrong}), "invalid", 400, "limit")


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        "5",
        "",
        "2026-11-21",
        "2026-11-21T00:00:00+00:00",
        "2026-11-21T00:00:00_5",
        "2026-11-21T00:00:00+00:00_0",
        "2026-11-21T00:00:00+00:00_x",
        f"2026-11-21T00:00:00+00:00_{2**63}",
        "0001-01-01T00:00:00+23:59_5",
        "9999-12-31T23:59:59-23:59_5",
        "2026-11-21T00:00:00+00:00_" + "9" * 5000,
        "\x00_5",
    ],
)
def test_a_tampered_cursor_is_invalid(api, alice, wrong):
    assert_error(api(alice).get("conversations/", query_params={"before": wrong}), "invalid", 400, "before")


def test_a_cursor_of_another_user_shows_only_own_conversations(api, alice, bob):
    for n in range(3):
        api(alice).post("conversations/", {"kind": "group", "title": str(n)})
    following = api(alice).get("conversations/", query_params={"limit": 1}).json()["next"]
    assert api(bob).get(following).json() == {"results": [], "next": None}


def test_only_one_direction_at_a_time(api, alice, group):
    query = {"before": 5, "after": 1}
    assert_error(
        api(alice).get(f"conversations/{group.pk}/messages/", query_params=query), "invalid", 400, "before", "after"
    )


def test_number_of_queries_of_a_list_is_constant(api, alice, bob, carol, group, django_assert_max_num_queries):
    """An API list needs the same number of database queries, whether it has few or many rows.

    For example, in the list of conversations, one query loads the memberships of all rows, and one query loads their
    last messages.
    """
    for n in range(12):
        made = api(alice).post("conversations/", {"kind": "group", "title": str(n), "user_ids": [bob.pk]}).json()["id"]
        message = api(bob).send(made, "hi @alice").json()
        api(alice).put(f"messages/{message['id']}/reactions/👍/")
        api(alice).send(group.pk, "hi", reply_to_id=None)
    api(alice).post("conversations/", {"kind": "direct", "user_id": bob.pk})
    api(alice).post("conversations/", {"kind": "direct", "user_id": carol.pk})
    for path, most in (
        ("conversations/", 8),
        (f"conversations/{group.pk}/messages/", 5),
        (f"conversations/{group.pk}/members/", 4),
        (f"conversations/{group.pk}/changes/", 9),
        ("mentions/", 5),
    ):
        with django_assert_max_num_queries(most):
            assert api(alice).get(path).status_code == 200


def test_limits_of_all_lists_follow_one_rule(api, alice, group, settings):
    """Too large a limit is reduced to the maximum. One below 1, or that is no number, is an error."""
    settings.LIMITS = False
    api(alice).send(group.pk, "hello")
    paths = [
        path.format(conversation_id=group.pk)
        for path, methods in openapi.document()["paths"].items()
        if any(parameter["name"] == "limit" for parameter in methods.get("get", {}).get("parameters", ()))
    ]
    assert len(paths) >= 9 and "/api/v1/search/" in paths
    for path in paths:
        for limit in ("9999", str(2**63)):
            assert api(alice).get(path, query_params={"q": "hello", "limit": limit}).status_code == 200, (path, limit)
        for limit in ("0", "-1", "", "many", "1.5"):
            assert_error(api(alice).get(path, query_params={"q": "hello", "limit": limit}), "invalid", 400, "limit")
