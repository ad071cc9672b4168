"""Tests that user search finds users by name, never by e-mail address, and finds no suspended users."""

import uuid
from importlib import import_module

import pytest
from django.apps import apps

from accounts import actions
from accounts.actions import contacts
from accounts.models import SearchKey, User
from accounts.schemas import UserSchema, user_schema
from accounts.selectors.user_search import search_users
from chat.actions import create_group, open_direct_conversation, send_message
from messenger.core.errors import ApplicationError


@pytest.fixture
def searchable_users(make_user):
    return {
        name: make_user(name, name=shown, email=f"{name}@secret.example")
        for name, shown in [
            ("alice", "Alice Liddell"),
            ("alina", "Lina"),
            ("bob", "Robert"),
            ("wang", "王小明"),
            ("malice", ""),
        ]
    }


def names(user, q, **options) -> list[str]:
    return [found.username for found in search_users(user.pk, q, **options)]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("ali", ["alice", "alina"]),
        ("ALICE", ["alice"]),
        ("alice lid", ["alice"]),
        ("xiaoming", ["wang"]),
        ("wang xiao", ["wang"]),
        ("wxm", ["wang"]),
        ("xm", ["wang"]),
        ("@alice", ["alice"]),
        ("lidd", ["alice"]),
        ("小明", ["wang"]),
        ("王", ["wang"]),
        ("rob", ["bob"]),
        ("b0b", ["bob"]),
        ("secret.example", []),
        ("alice@secret.example", []),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("a\0li", ["alice", "alina"]),
        ("\ud800", ["wang", "alice"]),
        ("x" * 5000, []),
    ],
)
def test_search_is_by_name_only(searchable_users, make_user, q, found):
    me = make_user("mallory")
    if q == "\ud800":  # invalid text is treated as an empty query, which returns the newest users
        assert names(me, q)[0] == "malice"
    else:
        assert names(me, q) == found


def test_search_excludes_the_own_and_suspended_users(searchable_users):
    User.objects.filter(username="alina").update(is_active=False)
    assert names(searchable_users["alice"], "ali") == []


def test_an_empty_query_returns_the_newest_users(searchable_users):
    assert names(searchable_users["alice"], "") == ["malice", "wang", "bob", "alina"]
    assert names(searchable_users["alice"], "  ", limit=2) == ["malice", "wang"]


@pytest.mark.usefixtures("transactional_db")
def test_an_empty_query_suggests_members_of_my_groups_before_strangers(make_user, django_assert_max_num_queries):
    """A user search without a search text suggests users, in a fixed order.

    First come partners in direct conversations, then members of the user's groups (those who wrote last first), then
    all other users.
    """
    alice, bob, carol, dave, erin = (make_user(name) for name in ("alice", "bob", "carol", "dave", "erin"))
    make_user("stranger")
    for title, members in (("old", [carol, dave]), ("new", [dave, erin])):
        group = create_group(alice.pk, title, [member.pk for member in members])
    for writer in (dave, erin):
        send_message(writer.pk, group.id, uuid.uuid4(), "hello")
    direct = open_direct_conversation(alice.pk, bob.pk)[0]
    send_message(alice.pk, direct.id, uuid.uuid4(), "hello")
    with django_assert_max_num_queries(4):
        assert names(alice, "") == ["bob", "erin", "dave", "carol", "stranger"]


def test_a_changed_name_replaces_its_search_keys(searchable_users):
    actions.update_profile(searchable_users["bob"].pk, {"name": "单小强"})
    for q in ("单", "shan", "sxq", "小强", "xiaoq", "bob"):
        assert names(searchable_users["alice"], q) == ["bob"], q
    assert names(searchable_users["alice"], "rob") == []


def test_saving_only_the_name_updates_the_search_keys(searchable_users):
    searchable_users["bob"].name = "Zoë"
    searchable_users["bob"].save(update_fields=["name"])
    assert names(searchable_users["alice"], "zoe") == ["bob"]


def test_contacts_come_first_then_conversation_partners(transactional_db, searchable_users, make_user):
    me = searchable_users["bob"]
    for name in ("anna", "anton", "andy"):
        make_user(name)
    contacts.add_contact(me.pk, User.objects.get(username="anton").pk)
    shape, _new = open_direct_conversation(me.pk, User.objects.get(username="andy").pk)
    send_message(me.pk, shape.id, uuid.uuid4(), "hello")
    assert names(me, "an") == ["anton", "andy", "anna"]
    assert names(me, "")[:2] == ["anton", "andy"]


def test_members_are_ordered_by_their_last_message(transactional_db, searchable_users):
    alice, alina, malice = (searchable_users[name] for name in ("alice", "alina", "malice"))
    group = create_group(alice.pk, "Room", [alina.pk, malice.pk])
    send_message(malice.pk, group.id, uuid.uuid4(), "hello")
    assert names(alice, "", conversation_id=group.id) == ["malice", "alina"]
    assert names(alice, "ali", conversation_id=group.id) == ["alina"]
    with pytest.raises(ApplicationError) as error:
        names(searchable_users["bob"], "ali", conversation_id=group.id)
    assert error.value.code == "not_found"


def test_members_find_each_other_regardless_of_find_me(searchable_users):
    alice, alina = searchable_users["alice"], searchable_users["alina"]
    group = create_group(alice.pk, "Room", [alina.pk])
    actions.update_profile(alina.pk, {"find_me": "nobody"})
    assert names(alice, "alina") == []
    assert names(alice, "alina", conversation_id=group.id) == ["alina"]


@pytest.mark.parametrize(
    ("setting", "contact", "found"),
    [("contacts", False, False), ("contacts", True, True), ("nobody", False, False), ("nobody", True, False)],
)
def test_find_me_limits_search(searchable_users, setting, contact, found):
    alice, bob = searchable_users["alice"], searchable_users["bob"]
    if contact:
        contacts.add_contact(alice.pk, bob.pk)
    actions.update_profile(alice.pk, {"find_me": setting})
    assert names(bob, "alice") == (["alice"] if found else [])


def test_search_excludes_users_that_one_blocks_but_not_the_blocker(searchable_users):
    alice, bob = searchable_users["alice"], searchable_users["bob"]
    contacts.block_user(alice.pk, bob.pk)
    assert names(alice, "bob") == []
    assert names(bob, "alice") == ["alice"]


def test_search_makes_the_same_queries_for_any_number_of_matches(
    searchable_users, make_user, django_assert_num_queries
):
    User.objects.bulk_create([User(username=f"al{n}", name="Al") for n in range(700)])
    for limit in (5, 100):
        with django_assert_num_queries(2):
            assert len(search_users(searchable_users["bob"].pk, "al", limit=limit)) == limit


def test_names_with_letters_like_l_with_stroke_are_found_by_what_people_type(make_user):
    alice, lukasz, _soren = make_user("alice"), make_user("lk", name="Łukasz"), make_user("sk", name="Søren Æbleø")
    for q, found in (("lukasz", ["lk"]), ("łUKASZ", ["lk"]), ("soren ae", ["sk"]), ("ableo", []), ("aebleo", ["sk"])):
        assert names(alice, q) == found, q
    # Keys that an older version has stored are computed again by the upgrade.
    User.objects.filter(pk=lukasz.pk).update(search_keys="łukasz lk")
    SearchKey.objects.filter(user=lukasz).update(key="łukasz")
    assert names(alice, "lukasz") == []
    import_module("accounts.migrations.0006_search_letters").compute_search_keys(apps, None)
    assert names(alice, "lukasz") == ["lk"] == names(alice, "lk")


def test_a_contact_is_found_among_many_similar_names(searchable_users, make_user):
    friend = make_user("zz", name="Al Zett")
    User.objects.bulk_create([User(username=f"al{n}", name="Al") for n in range(700)])
    contacts.add_contact(searchable_users["bob"].pk, friend.pk)
    assert names(searchable_users["bob"], "al", limit=1) == ["zz"]


def test_others_see_these_fields_of_a_user_only(searchable_users):
    assert UserSchema.__struct_fields__ == ("id", "username", "name", "avatar_url", "initials")
    assert "secret" not in repr(user_schema(searchable_users["alice"]))
