"""Tests of invite links of groups: who may create and use them, how often and how long they work.

A link works only as long as the user who created it may add people to the group.
"""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from chat import actions
from chat.actions.groups.invites import join_by_invite
from chat.models import Invite, Membership, Message
from messenger.core.errors import ApplicationError
from tests.api.conftest import assert_error


def is_member(group, user) -> bool:
    return Membership.objects.filter(conversation=group, user=user, left_at=None).exists()


@pytest.fixture
def link(api, alice, group):
    """Returns a function that creates an invite link as alice, and returns the token (the secret part) of the link."""

    def make(**fields) -> str:
        return api(alice).post(f"conversations/{group.pk}/invites/", fields).json()["token"]

    return make


def test_joining_by_a_link_adds_a_system_message_with_its_creator(api, alice, carol, group, link, settings):
    made = api(alice).post(f"conversations/{group.pk}/invites/", {"max_uses": 3})
    assert made.status_code == 201
    body = made.json()
    assert body["url"] == f"{settings.SITE_URL}/i/{body['token']}/" and len(body["token"]) == 32
    assert (body["uses"], body["max_uses"], body["expires_at"], body["created_by"]["username"]) == (0, 3, None, "alice")
    seen = api(carol).get(f"invites/{body['token']}/").json()
    assert (seen["title"], seen["member_count"], seen["conversation_id"]) == ("Room", 2, None)
    assert not is_member(group, carol)  # looking at the preview does not join the group
    came = api(carol).post(f"invites/{body['token']}/")
    assert came.status_code == 201 and came.json()["mine"]["role"] == "member"
    event = Message.objects.get(kind="system").event
    assert (event["name"], event["actor_id"], event["user_ids"], event["by_id"]) == (
        "joined",
        carol.pk,
        [carol.pk],
        alice.pk,
    )
    assert api(carol).get(f"conversations/{group.pk}/").json()["mine"]["unread_count"] == 0
    again = api(carol).post(f"invites/{body['token']}/")
    assert again.status_code == 200 and again.json()["id"] == group.pk
    assert Invite.objects.get().uses == 1  # opening the link as a member does not count as a use


def test_all_unusable_links_return_the_same_error(api, alice, carol, group, link):
    revoked, used, expired, dead_group = link(), link(max_uses=1), link(), link()
    number = api(alice).get(f"conversations/{group.pk}/invites/").json()["results"][-1]["id"]
    assert api(alice).delete(f"conversations/{group.pk}/invites/{number}/").status_code == 204
    assert_error(api(alice).delete(f"conversations/{group.pk}/invites/{number}/"), "not_found", 404)
    Invite.objects.filter(token=used).update(uses=1)
    Invite.objects.filter(token=expired).update(expires_at=timezone.now())
    responses = [api(carol).get(f"invites/{token}/") for token in (revoked, used, expired, "x" * 32)]
    responses += [api(carol).post(f"invites/{token}/") for token in (revoked, used, expired, "x" * 32)]
    assert {response.status_code for response in responses} == {404}
    assert len({response.content for response in responses}) == 1
    actions.delete_group(alice.pk, group.pk)
    assert api(carol).post(f"invites/{dead_group}/").content == responses[0].content
    assert not is_member(group, carol)


def test_who_may_create_and_list_links(api, alice, bob, mallory, group, direct_conversation):
    path = f"conversations/{group.pk}/invites/"
    assert api(bob).post(path).status_code == 201  # members may add people in this group
    hers = api(alice).post(path).json()
    assert [each["created_by"]["username"] for each in api(alice).get(path).json()["results"]] == ["alice", "bob"]
    assert [each["created_by"]["username"] for each in api(bob).get(path).json()["results"]] == ["bob"]
    assert_error(api(bob).delete(f"{path}{hers['id']}/"), "not_found", 404)
    assert_error(api(mallory).get(path), "not_found", 404)
    assert_error(api(mallory).post(path), "not_found", 404)
    actions.update_group(alice.pk, group.pk, {"members_may_add": False})
    assert_error(api(bob).get(path), "forbidden", 403)
    assert_error(api(bob).post(path), "forbidden", 403)
    assert_error(api(alice).post(f"conversations/{direct_conversation.pk}/invites/"), "forbidden", 403)


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"max_uses": 0}, "max_uses"),
        ({"max_uses": -1}, "max_uses"),
        ({"max_uses": 10**7}, "max_uses"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_link_options_are_validated(api, alice, group, fields, wrong):
    assert_error(api(alice).post(f"conversations/{group.pk}/invites/", fields), "invalid", 400, wrong)


def test_a_link_works_while_its_creator_may_add_members(api, alice, bob, carol, make_user, group):
    dave = make_user("dave")
    token = api(bob).post(f"conversations/{group.pk}/invites/").json()["token"]
    actions.update_group(alice.pk, group.pk, {"members_may_add": False})
    assert_error(api(carol).post(f"invites/{token}/"), "not_found", 404)
    actions.update_group(alice.pk, group.pk, {"members_may_add": True})
    assert api(carol).post(f"invites/{token}/").status_code == 201
    actions.remove_member(alice.pk, group.pk, bob.pk)
    assert_error(api(dave).post(f"invites/{token}/"), "not_found", 404)


def test_a_removed_member_needs_a_newer_link(api, alice, bob, group, link):
    before = link()
    actions.remove_member(alice.pk, group.pk, bob.pk)
    assert_error(api(bob).post(f"invites/{before}/"), "not_found", 404)
    assert_error(api(bob).get(f"invites/{before}/"), "not_found", 404)
    assert api(bob).post(f"invites/{link()}/").status_code == 201
    actions.remove_member(bob.pk, group.pk, bob.pk)  # a member who left may join again by any link
    assert api(bob).post(f"invites/{before}/").status_code == 201


def test_guessing_links_is_rate_limited(api, carol, group, link, settings):
    settings.LIMITS = True
    token = link()
    for _ in range(40):  # usable links are not rate-limited
        assert api(carol).get(f"invites/{token}/").status_code == 200
    statuses = [api(carol).get(f"invites/{'x' * 31}{number % 10}/").status_code for number in range(12)]
    assert statuses.count(404) == 10 and statuses[-1] == 429


def test_a_link_expires(alice, carol, group):
    invite = actions.create_invite(alice.pk, group.pk, expires_at=timezone.now() + timedelta(hours=1))
    assert Invite.objects.get().is_open() and not Invite.objects.get().is_open(timezone.now() + timedelta(hours=2))
    actions.join_by_invite(carol.pk, invite.token)
    assert is_member(group, carol)


def test_twenty_parallel_joins_by_a_link_for_five(each_database, alice, make_user, group):
    token = actions.create_invite(alice.pk, group.pk, max_uses=5).token
    people = [make_user(f"guest{number}") for number in range(20)]
    gate, came = threading.Barrier(len(people)), []

    def come(user) -> None:
        gate.wait()
        try:
            came.append(join_by_invite(user.pk, token)[1])
        except ApplicationError as refusal:
            came.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=come, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, came)) == ["True"] * 5 + ["not_found"] * 15
    group.refresh_from_db()
    assert (Invite.objects.get().uses, group.member_count) == (5, 7)
    assert Membership.objects.filter(conversation=group, left_at=None).count() == 7
    assert Message.objects.filter(kind="system").count() == 5
