"""Links into a group: made by who may add, open for so long and so many, worth what their maker may do."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from chat import actions
from chat.actions.invites import join_by
from chat.models import Invite, Membership, Message
from messenger.core.errors import ApplicationError
from tests.api.conftest import refused


def in_(room, user) -> bool:
    return Membership.objects.filter(conversation=room, user=user, left_at=None).exists()


@pytest.fixture
def link(api, alice, room):
    """Makes a link of alice's and gives its token."""

    def make(**fields) -> str:
        return api(alice).post(f"conversations/{room.pk}/invites/", fields).json()["token"]

    return make


def test_somebody_comes_in_by_a_link_and_a_line_says_whose_it_was(api, alice, carol, room, link, settings):
    made = api(alice).post(f"conversations/{room.pk}/invites/", {"max_uses": 3})
    assert made.status_code == 201
    body = made.json()
    assert body["url"] == f"{settings.SITE_URL}/i/{body['token']}/" and len(body["token"]) == 32
    assert (body["uses"], body["max_uses"], body["expires_at"], body["created_by"]["username"]) == (0, 3, None, "alice")
    seen = api(carol).get(f"invites/{body['token']}/").json()
    assert (seen["title"], seen["member_count"], seen["conversation_id"]) == ("Room", 2, None)
    assert not in_(room, carol)  # looking joins nothing
    came = api(carol).post(f"invites/{body['token']}/")
    assert came.status_code == 201 and came.json()["mine"]["role"] == "member"
    event = Message.objects.get(kind="system").event
    assert (event["name"], event["actor_id"], event["user_ids"], event["by_id"]) == (
        "joined",
        carol.pk,
        [carol.pk],
        alice.pk,
    )
    assert api(carol).get(f"conversations/{room.pk}/").json()["mine"]["unread_count"] == 0
    again = api(carol).post(f"invites/{body['token']}/")
    assert again.status_code == 200 and again.json()["id"] == room.pk
    assert Invite.objects.get().uses == 1  # a member who opens it does not use it up


def test_whatever_is_wrong_with_a_link_it_says_the_same(api, alice, carol, room, link):
    revoked, used, expired, dead_group = link(), link(max_uses=1), link(), link()
    number = api(alice).get(f"conversations/{room.pk}/invites/").json()["results"][-1]["id"]
    assert api(alice).delete(f"conversations/{room.pk}/invites/{number}/").status_code == 204
    refused(api(alice).delete(f"conversations/{room.pk}/invites/{number}/"), "not_found", 404)
    Invite.objects.filter(token=used).update(uses=1)
    Invite.objects.filter(token=expired).update(expires_at=timezone.now())
    answers = [api(carol).get(f"invites/{token}/") for token in (revoked, used, expired, "x" * 32)]
    answers += [api(carol).post(f"invites/{token}/") for token in (revoked, used, expired, "x" * 32)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    actions.delete_group(alice.pk, room.pk)
    assert api(carol).post(f"invites/{dead_group}/").content == answers[0].content
    assert not in_(room, carol)


def test_who_may_make_and_see_links(api, alice, bob, mallory, room, pair):
    path = f"conversations/{room.pk}/invites/"
    assert api(bob).post(path).status_code == 201  # members may add here
    hers = api(alice).post(path).json()
    assert [each["created_by"]["username"] for each in api(alice).get(path).json()["results"]] == ["alice", "bob"]
    assert [each["created_by"]["username"] for each in api(bob).get(path).json()["results"]] == ["bob"]
    refused(api(bob).delete(f"{path}{hers['id']}/"), "not_found", 404)
    refused(api(mallory).get(path), "not_found", 404)
    refused(api(mallory).post(path), "not_found", 404)
    actions.update(alice.pk, room.pk, {"members_may_add": False})
    refused(api(bob).get(path), "forbidden", 403)
    refused(api(bob).post(path), "forbidden", 403)
    refused(api(alice).post(f"conversations/{pair.pk}/invites/"), "forbidden", 403)


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
def test_what_a_link_may_not_be(api, alice, room, fields, wrong):
    refused(api(alice).post(f"conversations/{room.pk}/invites/", fields), "invalid", 400, wrong)


def test_a_link_is_worth_what_its_maker_may_do(api, alice, bob, carol, person, room):
    dave = person("dave")
    token = api(bob).post(f"conversations/{room.pk}/invites/").json()["token"]
    actions.update(alice.pk, room.pk, {"members_may_add": False})
    refused(api(carol).post(f"invites/{token}/"), "not_found", 404)
    actions.update(alice.pk, room.pk, {"members_may_add": True})
    assert api(carol).post(f"invites/{token}/").status_code == 201
    actions.remove_member(alice.pk, room.pk, bob.pk)
    refused(api(dave).post(f"invites/{token}/"), "not_found", 404)


def test_whoever_was_removed_needs_a_link_made_since(api, alice, bob, room, link):
    before = link()
    actions.remove_member(alice.pk, room.pk, bob.pk)
    refused(api(bob).post(f"invites/{before}/"), "not_found", 404)
    refused(api(bob).get(f"invites/{before}/"), "not_found", 404)
    assert api(bob).post(f"invites/{link()}/").status_code == 201
    actions.remove_member(bob.pk, room.pk, bob.pk)  # who leaves by themselves may come back by any
    assert api(bob).post(f"invites/{before}/").status_code == 201


def test_guessing_is_slowed(api, carol, room, link, settings):
    settings.LIMITS = True
    token = link()
    for _ in range(40):  # a link that works is not a guess
        assert api(carol).get(f"invites/{token}/").status_code == 200
    statuses = [api(carol).get(f"invites/{'x' * 31}{number % 10}/").status_code for number in range(12)]
    assert statuses.count(404) == 10 and statuses[-1] == 429


def test_a_link_ends_with_its_time(alice, carol, room):
    invite = actions.make_invite(alice.pk, room.pk, expires_at=timezone.now() + timedelta(hours=1))
    assert Invite.objects.get().is_open() and not Invite.objects.get().is_open(timezone.now() + timedelta(hours=2))
    actions.join_by(carol.pk, invite.token)
    assert in_(room, carol)


def test_twenty_at_once_by_a_link_for_five(each_database, alice, person, room):
    token = actions.make_invite(alice.pk, room.pk, max_uses=5).token
    people = [person(f"guest{number}") for number in range(20)]
    gate, came = threading.Barrier(len(people)), []

    def come(user) -> None:
        gate.wait()
        try:
            came.append(join_by(user.pk, token)[1])
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
    room.refresh_from_db()
    assert (Invite.objects.get().uses, room.member_count) == (5, 7)
    assert Membership.objects.filter(conversation=room, left_at=None).count() == 7
    assert Message.objects.filter(kind="system").count() == 5
