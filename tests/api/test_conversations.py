"""Tests of direct conversations, groups and members through the API.

Also tests what a conversation stores for each member only, for example whether the member has muted it.
"""

from __future__ import annotations

import pytest

from chat.models import Conversation
from tests.api.conftest import assert_error

pytestmark = pytest.mark.usefixtures("transactional_db")


# ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_direct_conversation_is_created_once_from_either_side(api, alice, bob):
    made = api(alice).post("conversations/", {"kind": "direct", "user_id": bob.pk})
    assert made.status_code == 201
    assert made.json()["kind"] == "direct" and made.json()["peer"]["username"] == "bob"
    for caller, other, status in ((api(alice), bob, 200), (api(bob), alice, 201), (api(bob), alice, 200)):
        again = caller.post("conversations/", {"kind": "direct", "user_id": other.pk})
        assert again.status_code == status
        assert again.json()["id"] == made.json()["id"] and again.json()["peer"]["id"] == other.pk


def test_a_direct_conversation_exists_for_the_other_user_from_its_first_message(api, alice, bob):
    made = api(alice).post("conversations/", {"kind": "direct", "user_id": bob.pk}).json()
    path = f"conversations/{made['id']}/"
    presence = f"presence/?user_ids={alice.pk}"
    assert api(bob).get("conversations/").json()["results"] == []
    assert api(bob).post("sync/", {"cursors": {}, "me": 0}).json()["conversations"] == []
    assert api(bob).get(presence).json()["results"] == []
    for each in (path, f"{path}messages/", f"{path}members/", f"{path}changes/?after=0", f"{path}receipts/"):
        assert_error(api(bob).get(each), "not_found", 404)
    assert_error(api(bob).send(made["id"], "hello"), "not_found", 404)
    members = api(alice).get(f"{path}members/").json()["results"]
    assert [member["user"]["id"] for member in members] == [alice.pk, bob.pk]
    assert api(alice).send(made["id"], "hello").status_code == 201
    (listed,) = api(bob).get("conversations/").json()["results"]
    assert (listed["id"], listed["peer"]["id"], listed["mine"]["unread_count"]) == (made["id"], alice.pk, 1)
    (synced,) = api(bob).post("sync/", {"cursors": {}, "me": 0}).json()["conversations"]
    assert synced["conversation"] == listed
    assert [row["user_id"] for row in api(bob).get(presence).json()["results"]] == [alice.pk]


def test_a_direct_conversation_needs_another_existing_user(api, alice):
    assert_error(api(alice).post("conversations/", {"kind": "direct", "user_id": alice.pk}), "invalid", 400, "user_id")
    assert_error(api(alice).post("conversations/", {"kind": "direct", "user_id": 999_999}), "not_found", 404)


@pytest.mark.parametrize("kind", [None, "", "system", "GROUP", 5, [], {}])
def test_a_conversation_is_direct_or_a_group(api, alice, bob, kind):
    assert_error(api(alice).post("conversations/", {"kind": kind, "user_id": bob.pk}), "invalid", 400, "kind")


def test_a_new_group_has_its_creator_as_owner(api, alice, bob, carol):
    body = {"kind": "group", "title": "  Trip \n to  the lake ", "user_ids": [bob.pk, carol.pk, bob.pk, alice.pk]}
    made = api(alice).post("conversations/", body)
    assert made.status_code == 201
    group = made.json()
    assert (group["title"], group["owner_id"], group["member_count"]) == ("Trip to the lake", alice.pk, 3)
    assert group["mine"]["role"] == "owner" and group["peer"] is None
    assert api(bob).get(f"conversations/{group['id']}/").json()["mine"]["role"] == "member"


def test_a_group_with_unknown_users_is_not_created(api, alice):
    body = {"kind": "group", "title": "x", "user_ids": [999_999]}
    assert_error(api(alice).post("conversations/", body), "invalid", 400, "user_ids")
    assert not Conversation.objects.exists()


# ── Reading and changing ─────────────────────────────────────────────────────────────────────────────────────────
def test_shared_fields_change_for_all(api, alice, bob, group):
    path = f"conversations/{group.pk}/"
    changes = {"title": "New", "description": "About", "announcement": "Read this", "members_may_add": False}
    response = api(alice).patch(path, changes)
    assert response.status_code == 200
    assert {name: response.json()[name] for name in changes} == changes
    seen = api(bob).get(path).json()
    assert {name: seen[name] for name in changes} == changes
    same = api(alice).patch(path, changes).json()
    assert same["version"] == response.json()["version"], "a change of nothing takes no number"
    assert api(alice).patch(path, {}).json()["version"] == same["version"]


def test_members_may_not_change_a_group(api, alice, bob, group):
    assert_error(api(bob).patch(f"conversations/{group.pk}/", {"title": "Mine"}), "forbidden", 403)
    assert_error(api(bob).delete(f"conversations/{group.pk}/"), "forbidden", 403)
    assert Conversation.objects.get().title == "Room"


def test_a_direct_conversation_cannot_be_changed(api, alice, bob, carol, direct_conversation):
    path = f"conversations/{direct_conversation.pk}/"
    assert_error(api(alice).patch(path, {"title": "x"}), "forbidden", 403)
    assert_error(api(alice).delete(path), "forbidden", 403)
    assert_error(api(alice).post(path + "members/", {"user_ids": [carol.pk]}), "forbidden", 403)
    assert_error(api(alice).delete(f"{path}members/{bob.pk}/"), "forbidden", 403)


def test_read_only_fields_cannot_be_patched(api, alice, bob, group):
    before = api(alice).get(f"conversations/{group.pk}/").json()
    forged = {"id": 1, "kind": "direct", "owner_id": bob.pk, "last_seq": 99, "version": 1, "mine": {"role": "owner"}}
    assert api(alice).patch(f"conversations/{group.pk}/", forged).json() == before


def test_a_deleted_group_is_not_found_by_anybody(api, alice, bob, group):
    assert api(alice).delete(f"conversations/{group.pk}/").status_code == 204
    for user in (alice, bob):
        assert_error(api(user).get(f"conversations/{group.pk}/"), "not_found", 404)
        assert api(user).get("conversations/").json() == {"results": [], "next": None}
    assert_error(api(alice).delete(f"conversations/{group.pk}/"), "not_found", 404)


def test_member_state_belongs_to_one_member(api, alice, bob, group):
    path = f"conversations/{group.pk}/mine/"
    changes = {"muted": True, "level": "mentions", "favourite": True, "archived": True, "draft": "  half a\nthought "}
    response = api(bob).patch(path, changes)
    assert response.status_code == 200
    assert {name: response.json()[name] for name in changes} == changes
    assert api(bob).patch(path, changes).json()["me_version"] == response.json()["me_version"]
    hers = api(alice).get(f"conversations/{group.pk}/").json()["mine"]
    assert (hers["muted"], hers["draft"]) == (False, "")
    forged = {"role": "owner", "read_seq": 99, "unread_count": 0, "me_version": 0}
    assert api(bob).patch(path, forged).json() == response.json()


@pytest.mark.parametrize(
    ("field", "wrong"), [("level", "loud"), ("level", None), ("draft", "x" * 4001), ("draft", None), ("draft", "\x00")]
)
def test_member_state_is_validated(api, bob, group, field, wrong):
    assert_error(api(bob).patch(f"conversations/{group.pk}/mine/", {field: wrong}), "invalid", 400, field)


# ── Members ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_members_are_listed_owner_first(api, alice, bob, group):
    response = api(bob).get(f"conversations/{group.pk}/members/").json()
    assert response["next"] is None
    assert [(m["user"]["username"], m["role"]) for m in response["results"]] == [("alice", "owner"), ("bob", "member")]
    assert not {"email", "password"} & set(response["results"][0]["user"])


def test_adding_returns_the_new_members(api, alice, bob, carol, group):
    path = f"conversations/{group.pk}/members/"
    response = api(bob).post(path, {"user_ids": [bob.pk, carol.pk]})
    assert response.status_code == 200
    assert [member["user"]["id"] for member in response.json()["results"]] == [carol.pk]
    assert api(bob).post(path, {"user_ids": [carol.pk]}).json()["results"] == []
    assert api(carol).get(f"conversations/{group.pk}/").status_code == 200
    assert_error(api(bob).post(path, {"user_ids": [999_999]}), "invalid", 400, "user_ids")
    assert_error(api(bob).post(path, {"user_ids": []}), "invalid", 400, "user_ids")
    api(alice).patch(f"conversations/{group.pk}/", {"members_may_add": False})
    assert_error(api(bob).post(path, {"user_ids": [carol.pk]}), "forbidden", 403)


def test_only_the_owner_changes_roles(api, alice, bob, carol, group):
    path = f"conversations/{group.pk}/members/"
    api(alice).post(path, {"user_ids": [carol.pk]})
    assert_error(api(bob).patch(f"{path}{bob.pk}/", {"role": "admin"}), "forbidden", 403)
    assert api(alice).patch(f"{path}{bob.pk}/", {"role": "admin"}).json()["role"] == "admin"
    assert_error(api(bob).patch(f"{path}{carol.pk}/", {"role": "admin"}), "forbidden", 403)
    assert_error(api(alice).patch(f"{path}{carol.pk}/", {"role": "king"}), "invalid", 400, "role")
    assert_error(api(alice).patch(f"{path}999999/", {"role": "admin"}), "not_found", 404)


def test_ownership_is_transferred(api, alice, bob, group):
    path = f"conversations/{group.pk}/members/"
    assert_error(api(alice).delete(f"{path}{alice.pk}/"), "forbidden", 403)  # a group always has an owner
    assert_error(api(alice).patch(f"{path}{alice.pk}/", {"role": "member"}), "forbidden", 403)
    assert api(alice).patch(f"{path}{bob.pk}/", {"role": "owner"}).json()["role"] == "owner"
    roles = {m["user"]["id"]: m["role"] for m in api(alice).get(path).json()["results"]}
    assert roles == {alice.pk: "admin", bob.pk: "owner"}
    assert api(alice).get(f"conversations/{group.pk}/").json()["owner_id"] == bob.pk
    assert api(alice).delete(f"{path}{alice.pk}/").status_code == 204


def test_members_are_removed_by_higher_roles_and_lose_access(api, alice, bob, carol, group):
    path = f"conversations/{group.pk}/members/"
    api(alice).post(path, {"user_ids": [carol.pk]})
    message = api(alice).send(group.pk, "hi @carol").json()
    assert_error(api(bob).delete(f"{path}{carol.pk}/"), "forbidden", 403)
    api(alice).patch(f"{path}{bob.pk}/", {"role": "admin"})
    assert_error(api(bob).delete(f"{path}{alice.pk}/"), "forbidden", 403)
    assert api(bob).delete(f"{path}{carol.pk}/").status_code == 204
    assert_error(api(bob).delete(f"{path}{carol.pk}/"), "not_found", 404)
    for path in (f"conversations/{group.pk}/", f"conversations/{group.pk}/messages/", f"messages/{message['id']}/"):
        assert_error(api(carol).get(path), "not_found", 404)
    assert_error(api(carol).send(group.pk), "not_found", 404)
    assert api(carol).get("mentions/").json()["results"] == []


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_users_are_found_by_name_and_not_by_email(api, alice, make_user):
    make_user("dave", name="David Example", email="secret@example.org")
    found = api(alice).get("users/", query_params={"q": "dav"}).json()
    assert found["next"] is None
    (dave,) = found["results"]
    initials = {"initial": "D", "second": "E", "lang": "en", "hue": dave["id"] % 10}
    assert dave == {
        "id": dave["id"], "username": "dave", "name": "David Example", "avatar_url": None, "initials": initials,
    }  # fmt: skip
    for q in ("secret", "secret@example.org", "example.org"):
        assert api(alice).get("users/", query_params={"q": q}).json()["results"] == []


def test_user_search_in_a_conversation_returns_its_members(api, alice, bob, carol, mallory, group):
    found = api(alice).get("users/", query_params={"conversation": group.pk}).json()["results"]
    assert [user["username"] for user in found] == ["bob"]
    found = api(alice).get("users/", query_params={"conversation": group.pk, "q": "carol"}).json()["results"]
    assert found == []
    for conversation in (group.pk, 999_999):
        response = api(mallory).get("users/", query_params={"conversation": conversation})
        assert_error(response, "not_found", 404)


@pytest.mark.parametrize(
    "query", [{"conversation": "x"}, {"conversation": 0}, {"limit": 0}, {"limit": "x"}, {"q": "\x00"}]
)
def test_user_search_is_validated(api, alice, query):
    assert_error(api(alice).get("users/", query_params=query), "invalid", 400, *query)
