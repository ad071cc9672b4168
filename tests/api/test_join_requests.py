"""Tests of requests to join a group whose admins approve new members: who asks, who decides, and what a link counts."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from audit.models import AuditEntry
from chat import actions, selectors
from chat.actions.groups.join_decisions import approve_request
from chat.models import Invite, JoinRequest, Membership, Message
from messenger.core.errors import ApplicationError
from tests.api.conftest import assert_error


@pytest.fixture(autouse=True)
def approval(alice, group):
    actions.update_group(alice.pk, group.pk, {"joins_need_approval": True})


@pytest.fixture
def link(alice, group):
    """Returns a function that creates an invite link as alice, and returns the token (the secret part) of the link."""
    return lambda **options: actions.create_invite(alice.pk, group.pk, **options).token


def is_member(group, user) -> bool:
    return Membership.objects.filter(conversation=group, user=user, left_at=None).exists()


def test_who_follows_a_link_waits_until_an_admin_decides(api, alice, carol, group, link):
    token = link()
    assert api(carol).get(f"invites/{token}/").json()["needs_approval"] is True
    for _ in range(2):  # asking again changes nothing
        asked = api(carol).post(f"invites/{token}/")
        assert asked.status_code == 202
        assert asked.json()["asked_at"] and asked.json()["conversation_id"] is None
    assert not is_member(group, carol)
    assert_error(api(carol).get(f"conversations/{group.pk}/"), "not_found", 404)
    assert api(alice).get(f"conversations/{group.pk}/").json()["join_request_count"] == 1
    (request,) = api(alice).get(f"conversations/{group.pk}/join-requests/").json()["results"]
    assert (request["user"]["username"], request["invited_by"]["username"]) == ("carol", "alice")
    assert Invite.objects.get().uses == 0
    for _ in range(2):  # another admin may have been faster
        approved = api(alice).put(f"conversations/{group.pk}/join-requests/{carol.pk}/")
        assert approved.status_code == 200 and approved.json()["user"]["username"] == "carol"
    assert is_member(group, carol) and Invite.objects.get().uses == 1
    assert api(carol).get(f"conversations/{group.pk}/").json()["join_request_count"] == 0
    assert Message.objects.get(kind="system").event["name"] == "joined"
    assert AuditEntry.objects.filter(action="member.approve").count() == 1
    assert not JoinRequest.objects.exists()


def test_members_and_others_neither_see_nor_decide_requests(api, bob, carol, mallory, group, link):
    actions.join_by_invite(carol.pk, link())
    path = f"conversations/{group.pk}/join-requests/"
    for user, refusal in ((bob, ("forbidden", 403)), (mallory, ("not_found", 404)), (carol, ("not_found", 404))):
        assert_error(api(user).get(path), *refusal)
        assert_error(api(user).put(f"{path}{carol.pk}/"), *refusal)
        assert_error(api(user).delete(f"{path}{carol.pk}/"), *refusal)
    assert not is_member(group, carol) and JoinRequest.objects.filter(JoinRequest.WAITING).count() == 1


def test_two_admins_who_approve_at_the_same_time_let_one_person_in(each_database, alice, bob, carol, group, link):
    actions.set_role(alice.pk, group.pk, bob.pk, "admin")
    actions.join_by_invite(carol.pk, link(max_uses=5))
    gate, results = threading.Barrier(2), []

    def approve(admin) -> None:
        gate.wait()
        try:
            results.append(approve_request(admin.pk, group.pk, carol.pk).user.id)
        except ApplicationError as refusal:
            results.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=approve, args=(admin,)) for admin in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [carol.pk, carol.pk]
    group.refresh_from_db()
    assert (Invite.objects.get().uses, group.member_count, group.join_request_count) == (1, 3, 0)
    assert Membership.objects.filter(conversation=group, user=carol).count() == 1
    joined = [message for message in Message.objects.filter(kind="system") if message.event["name"] == "joined"]
    assert len(joined) == 1


def test_a_link_lets_in_as_many_people_as_it_allows(api, alice, carol, make_user, group, link):
    dave, token = make_user("dave"), link(max_uses=1)
    for user in (carol, dave):  # who waits is no use of the link
        assert api(user).post(f"invites/{token}/").status_code == 202
    path = f"conversations/{group.pk}/join-requests/"
    assert api(alice).put(f"{path}{carol.pk}/").status_code == 200
    assert_error(api(alice).put(f"{path}{dave.pk}/"), "conflict", 409)
    assert not is_member(group, dave) and Invite.objects.get().uses == 1
    actions.add_members(alice.pk, group.pk, [dave.pk])  # who is added by a member does not wait any more
    group.refresh_from_db()
    assert group.join_request_count == 0 and not JoinRequest.objects.exists()


def test_a_declined_person_needs_a_newer_link(api, alice, carol, group, link):
    first, second = link(), link()
    actions.join_by_invite(carol.pk, first)
    path = f"conversations/{group.pk}/join-requests/{carol.pk}/"
    assert api(alice).delete(path).status_code == 204
    assert_error(api(alice).delete(path), "not_found", 404)
    assert_error(api(alice).put(path), "not_found", 404)
    for token in (first, second):
        assert_error(api(carol).get(f"invites/{token}/"), "not_found", 404)
        assert_error(api(carol).post(f"invites/{token}/"), "not_found", 404)
    actions.update_group(alice.pk, group.pk, {"joins_need_approval": False})
    assert_error(api(carol).post(f"invites/{first}/"), "not_found", 404)
    assert api(carol).post(f"invites/{link()}/").status_code == 201
    assert AuditEntry.objects.filter(action="member.decline").count() == 1


def test_a_request_is_taken_back(api, alice, carol, group, link):
    token = link()
    assert_error(api(carol).delete(f"invites/{token}/"), "not_found", 404)
    api(carol).post(f"invites/{token}/")
    (invite,) = selectors.list_invites(alice.pk, group.pk)
    actions.revoke_invite(alice.pk, group.pk, invite.id)
    assert api(carol).get(f"invites/{token}/").json()["asked_at"]  # who waits sees it although the link is revoked
    assert api(carol).delete(f"invites/{token}/").status_code == 204
    group.refresh_from_db()
    assert group.join_request_count == 0
    assert_error(api(alice).put(f"conversations/{group.pk}/join-requests/{carol.pk}/"), "not_found", 404)


def test_who_becomes_an_admin_sees_the_requests(client, api, alice, bob, carol, group, link):
    actions.join_by_invite(carol.pk, link())
    client.force_login(bob)
    assert 'data-part="join-requests"' in client.get(f"/c/{group.pk}/").content.decode()
    assert client.get(f"/c/{group.pk}/requests/").status_code == 403
    actions.set_role(alice.pk, group.pk, bob.pk, "admin")
    assert "Carol" in client.get(f"/c/{group.pk}/requests/").content.decode()
    client.post(f"/c/{group.pk}/requests/{carol.pk}/")
    assert is_member(group, carol)
