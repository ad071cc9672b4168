"""Tests of the API for members of a conversation: all members (several pages of a list), and those who are online."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from chat import actions, selectors
from chat.models import Membership
from presence import tracker
from tests.api.conftest import assert_error

NAMES = ["zoë", "Änne", "anna", "Anna", "Bert", "bert", "陈小明", "𠮷野家", "_x", "Ω", "Zed"]


@pytest.fixture
def members(alice, group):
    users = [User.objects.create_user(f"guest{number}", name=name) for number, name in enumerate(NAMES)]
    actions.add_members(alice.pk, group.pk, [user.pk for user in users])
    actions.set_role(alice.pk, group.pk, users[4].pk, "admin")
    return users


def test_all_pages_together_are_the_whole_list_in_order(each_database, api, alice, group, members):
    whole = [member.user.name for member in selectors.list_members(alice.pk, group.pk)]
    assert whole[:3] == ["Alice", "Bert", "_x"] and whole[-1] == "𠮷野家"
    names, url = [], f"conversations/{group.pk}/members/?limit=3"
    while url:
        page = api(alice).get(url).json()
        assert len(page["results"]) <= 3
        names += [member["user"]["name"] for member in page["results"]]
        url = page["next"]
    assert names == whole


def test_members_are_found_by_name(api, alice, mallory, group, members):
    found = api(alice).get(f"conversations/{group.pk}/members/", QUERY_STRING="q=bert").json()["results"]
    assert {member["user"]["name"] for member in found} == {"Bert", "bert"}
    assert {member["role"] for member in found} == {"admin", "member"}
    ids = f"{members[0].pk},{mallory.pk}"
    some = api(alice).get(f"conversations/{group.pk}/members/?user_ids={ids}").json()["results"]
    assert [member["user"]["id"] for member in some] == [members[0].pk]
    assert_error(api(mallory).get(f"conversations/{group.pk}/members/?q=bert"), "not_found", 404)


@pytest.mark.parametrize(
    "query", ["before=x", "before=3_1_a", "before=0_1", "before=1_x_a", "user_ids=a", "user_ids=,"]
)
def test_an_invalid_cursor(api, alice, group, query):
    response = api(alice).get(f"conversations/{group.pk}/members/?{query}")
    if query != "before=0_1":  # an empty name is valid: it sorts before all names
        assert_error(response, "invalid", 400, query.partition("=")[0])


def test_online_members(api, alice, bob, mallory, group, members):
    tracker.set_tracker(tracker.PresenceTracker())
    try:
        tracker.get_tracker().record_heartbeat(f"u:{bob.pk}")
        tracker.get_tracker().record_heartbeat(f"u:{members[0].pk}")
        tracker.get_tracker().record_heartbeat(f"u:{mallory.pk}")
        User.objects.filter(pk=members[0].pk).update(show_presence=False)
        head_count = api(alice).get(f"conversations/{group.pk}/here/").json()
        # alice may be online, too: an API request counts as activity
        assert set(head_count["user_ids"]) - {alice.pk} == {bob.pk}
        assert head_count["count"] == len(head_count["user_ids"])
        assert_error(api(mallory).get(f"conversations/{group.pk}/here/"), "not_found", 404)
    finally:
        tracker.set_tracker(None)


def test_a_page_of_members_takes_as_many_queries_for_many_as_for_few(alice, group, members):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            selectors.find_members(alice.pk, group.pk, limit=5)
        return len(asked)

    few = queries()
    users = User.objects.bulk_create([User(username=f"many{number}") for number in range(300)])
    Membership.objects.bulk_create(
        [Membership(conversation=group, user=user, joined_at=group.created_at) for user in users]
    )
    assert queries() == few <= 2


def test_former_members_are_found_by_id(api, alice, bob, group):
    """The list of members contains former members only if the request names their ids.

    Clients need the names of former members for system messages (such as "Ann left") and reactions.
    """
    actions.remove_member(bob.pk, group.pk, bob.pk)
    (row,) = api(alice).get(f"conversations/{group.pk}/members/?user_ids={bob.pk},4711").json()["results"]
    assert row["user"]["name"] == "Bob" and row["left_at"]
    assert [
        each["user"]["name"] for each in api(alice).get(f"conversations/{group.pk}/members/").json()["results"]
    ] == ["Alice"]
