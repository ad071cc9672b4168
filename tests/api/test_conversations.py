"""Pairs, groups, members and what is one's own, through the token API."""

from __future__ import annotations

import pytest

from chat.models import Conversation
from tests.api.conftest import refused

pytestmark = pytest.mark.usefixtures("transactional_db")


# ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_pair_is_made_once_from_either_side(api, alice, bob):
    made = api(alice).post("conversations/", {"kind": "direct", "user_id": bob.pk})
    assert made.status_code == 201
    assert made.json()["kind"] == "direct" and made.json()["peer"]["username"] == "bob"
    for caller, other in ((api(alice), bob), (api(bob), alice)):
        again = caller.post("conversations/", {"kind": "direct", "user_id": other.pk})
        assert again.status_code == 200
        assert again.json()["id"] == made.json()["id"] and again.json()["peer"]["id"] == other.pk


def test_a_pair_needs_somebody_else_who_is_there(api, alice):
    refused(api(alice).post("conversations/", {"kind": "direct", "user_id": alice.pk}), "invalid", 400, "user_id")
    refused(api(alice).post("conversations/", {"kind": "direct", "user_id": 999_999}), "not_found", 404)


@pytest.mark.parametrize("kind", [None, "", "system", "GROUP", 5, [], {}])
def test_a_conversation_is_direct_or_a_group(api, alice, bob, kind):
    refused(api(alice).post("conversations/", {"kind": kind, "user_id": bob.pk}), "invalid", 400, "kind")


def test_a_new_group_has_its_maker_as_owner(api, alice, bob, carol):
    body = {"kind": "group", "title": "  Trip \n to  the lake ", "user_ids": [bob.pk, carol.pk, bob.pk, alice.pk]}
    made = api(alice).post("conversations/", body)
    assert made.status_code == 201
    group = made.json()
    assert (group["title"], group["owner_id"], group["member_count"]) == ("Trip to the lake", alice.pk, 3)
    assert group["mine"]["role"] == "owner" and group["peer"] is None
    assert api(bob).get(f"conversations/{group['id']}/").json()["mine"]["role"] == "member"


def test_a_group_of_people_who_are_not_there_is_not_made(api, alice):
    body = {"kind": "group", "title": "x", "user_ids": [999_999]}
    refused(api(alice).post("conversations/", body), "invalid", 400, "user_ids")
    assert not Conversation.objects.exists()


# ── Reading and changing ─────────────────────────────────────────────────────────────────────────────────────────
def test_shared_fields_change_for_all(api, alice, bob, room):
    path = f"conversations/{room.pk}/"
    changes = {"title": "New", "description": "About", "announcement": "Read this", "members_may_add": False}
    answer = api(alice).patch(path, changes)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in changes} == changes
    seen = api(bob).get(path).json()
    assert {name: seen[name] for name in changes} == changes
    same = api(alice).patch(path, changes).json()
    assert same["version"] == answer.json()["version"], "a change of nothing takes no number"
    assert api(alice).patch(path, {}).json()["version"] == same["version"]


def test_members_may_not_change_a_group(api, alice, bob, room):
    refused(api(bob).patch(f"conversations/{room.pk}/", {"title": "Mine"}), "forbidden", 403)
    refused(api(bob).delete(f"conversations/{room.pk}/"), "forbidden", 403)
    assert Conversation.objects.get().title == "Room"


def test_a_pair_stays_as_it_is(api, alice, bob, carol, pair):
    path = f"conversations/{pair.pk}/"
    refused(api(alice).patch(path, {"title": "x"}), "forbidden", 403)
    refused(api(alice).delete(path), "forbidden", 403)
    refused(api(alice).post(path + "members/", {"user_ids": [carol.pk]}), "forbidden", 403)
    refused(api(alice).delete(f"{path}members/{bob.pk}/"), "forbidden", 403)


def test_what_the_server_owns_cannot_be_patched(api, alice, bob, room):
    before = api(alice).get(f"conversations/{room.pk}/").json()
    forged = {"id": 1, "kind": "direct", "owner_id": bob.pk, "last_seq": 99, "version": 1, "mine": {"role": "owner"}}
    assert api(alice).patch(f"conversations/{room.pk}/", forged).json() == before


def test_a_deleted_group_is_gone_for_everybody(api, alice, bob, room):
    assert api(alice).delete(f"conversations/{room.pk}/").status_code == 204
    for user in (alice, bob):
        refused(api(user).get(f"conversations/{room.pk}/"), "not_found", 404)
        assert api(user).get("conversations/").json() == {"results": [], "next": None}
    refused(api(alice).delete(f"conversations/{room.pk}/"), "not_found", 404)


def test_mine_is_ones_own(api, alice, bob, room):
    path = f"conversations/{room.pk}/mine/"
    changes = {"muted": True, "level": "mentions", "favourite": True, "archived": True, "draft": "  half a\nthought "}
    answer = api(bob).patch(path, changes)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in changes} == changes
    assert api(bob).patch(path, changes).json()["me_version"] == answer.json()["me_version"]
    hers = api(alice).get(f"conversations/{room.pk}/").json()["mine"]
    assert (hers["muted"], hers["draft"]) == (False, "")
    forged = {"role": "owner", "read_seq": 99, "unread_count": 0, "me_version": 0}
    assert api(bob).patch(path, forged).json() == answer.json()


@pytest.mark.parametrize(
    ("field", "wrong"), [("level", "loud"), ("level", None), ("draft", "x" * 4001), ("draft", None), ("draft", "\x00")]
)
def test_mine_is_checked(api, bob, room, field, wrong):
    refused(api(bob).patch(f"conversations/{room.pk}/mine/", {field: wrong}), "invalid", 400, field)


# ── Members ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_members_are_listed_owner_first(api, alice, bob, room):
    answer = api(bob).get(f"conversations/{room.pk}/members/").json()
    assert answer["next"] is None
    assert [(m["user"]["username"], m["role"]) for m in answer["results"]] == [("alice", "owner"), ("bob", "member")]
    assert not {"email", "password"} & set(answer["results"][0]["user"])


def test_adding_tells_who_is_new(api, alice, bob, carol, room):
    path = f"conversations/{room.pk}/members/"
    answer = api(bob).post(path, {"user_ids": [bob.pk, carol.pk]})
    assert answer.status_code == 200
    assert [member["user"]["id"] for member in answer.json()["results"]] == [carol.pk]
    assert api(bob).post(path, {"user_ids": [carol.pk]}).json()["results"] == []
    assert api(carol).get(f"conversations/{room.pk}/").status_code == 200
    refused(api(bob).post(path, {"user_ids": [999_999]}), "invalid", 400, "user_ids")
    refused(api(bob).post(path, {"user_ids": []}), "invalid", 400, "user_ids")
    api(alice).patch(f"conversations/{room.pk}/", {"members_may_add": False})
    refused(api(bob).post(path, {"user_ids": [carol.pk]}), "forbidden", 403)


def test_roles_are_the_owners_to_give(api, alice, bob, carol, room):
    path = f"conversations/{room.pk}/members/"
    api(alice).post(path, {"user_ids": [carol.pk]})
    refused(api(bob).patch(f"{path}{bob.pk}/", {"role": "admin"}), "forbidden", 403)
    assert api(alice).patch(f"{path}{bob.pk}/", {"role": "admin"}).json()["role"] == "admin"
    refused(api(bob).patch(f"{path}{carol.pk}/", {"role": "admin"}), "forbidden", 403)
    refused(api(alice).patch(f"{path}{carol.pk}/", {"role": "king"}), "invalid", 400, "role")
    refused(api(alice).patch(f"{path}999999/", {"role": "admin"}), "not_found", 404)


def test_a_group_changes_hands(api, alice, bob, room):
    path = f"conversations/{room.pk}/members/"
    refused(api(alice).delete(f"{path}{alice.pk}/"), "forbidden", 403)  # never without an owner
    refused(api(alice).patch(f"{path}{alice.pk}/", {"role": "member"}), "forbidden", 403)
    assert api(alice).patch(f"{path}{bob.pk}/", {"role": "owner"}).json()["role"] == "owner"
    roles = {m["user"]["id"]: m["role"] for m in api(alice).get(path).json()["results"]}
    assert roles == {alice.pk: "admin", bob.pk: "owner"}
    assert api(alice).get(f"conversations/{room.pk}/").json()["owner_id"] == bob.pk
    assert api(alice).delete(f"{path}{alice.pk}/").status_code == 204


def test_removing_goes_by_rank_and_ends_everything(api, alice, bob, carol, room):
    path = f"conversations/{room.pk}/members/"
    api(alice).post(path, {"user_ids": [carol.pk]})
    message = api(alice).send(room.pk, "hi @carol").json()
    refused(api(bob).delete(f"{path}{carol.pk}/"), "forbidden", 403)
    api(alice).patch(f"{path}{bob.pk}/", {"role": "admin"})
    refused(api(bob).delete(f"{path}{alice.pk}/"), "forbidden", 403)
    assert api(bob).delete(f"{path}{carol.pk}/").status_code == 204
    refused(api(bob).delete(f"{path}{carol.pk}/"), "not_found", 404)
    for path in (f"conversations/{room.pk}/", f"conversations/{room.pk}/messages/", f"messages/{message['id']}/"):
        refused(api(carol).get(path), "not_found", 404)
    refused(api(carol).send(room.pk), "not_found", 404)
    assert api(carol).get("mentions/").json()["results"] == []


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_people_are_found_by_name_and_never_by_email(api, alice, person):
    person("dave", name="David Example", email="secret@example.org")
    found = api(alice).get("users/", query_params={"q": "dav"}).json()
    assert found["next"] is None
    (dave,) = found["results"]
    assert dave == {"id": dave["id"], "username": "dave", "name": "David Example", "avatar_url": None}
    for q in ("secret", "secret@example.org", "example.org"):
        assert api(alice).get("users/", query_params={"q": q}).json()["results"] == []


def test_people_of_a_conversation_are_its_members(api, alice, bob, carol, mallory, room):
    found = api(alice).get("users/", query_params={"conversation": room.pk}).json()["results"]
    assert [user["username"] for user in found] == ["bob"]
    found = api(alice).get("users/", query_params={"conversation": room.pk, "q": "carol"}).json()["results"]
    assert found == []
    for conversation in (room.pk, 999_999):
        answer = api(mallory).get("users/", query_params={"conversation": conversation})
        refused(answer, "not_found", 404)


@pytest.mark.parametrize(
    "query", [{"conversation": "x"}, {"conversation": 0}, {"limit": 0}, {"limit": "x"}, {"q": "\x00"}]
)
def test_a_search_for_people_is_checked(api, alice, query):
    refused(api(alice).get("users/", query_params=query), "invalid", 400, *query)
