"""Finding people: by name, never by e-mail, never the suspended."""

import uuid

import pytest

from accounts import actions
from accounts.actions import contacts
from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from accounts.selectors.user_search import search_users
from chat.actions import create_group, open_direct_conversation, send_message
from messenger.core.errors import ApplicationError


@pytest.fixture
def crowd(person):
    return {
        name: person(name, name=shown, email=f"{name}@secret.example")
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
def test_by_name_and_nothing_else(crowd, person, q, found):
    me = person("mallory")
    if q == "\ud800":  # what is no text is no question: the newest
        assert names(me, q)[0] == "malice"
    else:
        assert names(me, q) == found


def test_nobody_finds_themselves_or_the_suspended(crowd):
    User.objects.filter(username="alina").update(is_active=False)
    assert names(crowd["alice"], "ali") == []


def test_without_a_question_the_newest(crowd):
    assert names(crowd["alice"], "") == ["malice", "wang", "bob", "alina"]
    assert names(crowd["alice"], "  ", limit=2) == ["malice", "wang"]


def test_a_new_name_is_found_and_the_old_one_not(crowd):
    actions.update_profile(crowd["bob"].pk, {"name": "单小强"})
    for q in ("单", "shan", "sxq", "小强", "xiaoq", "bob"):
        assert names(crowd["alice"], q) == ["bob"], q
    assert names(crowd["alice"], "rob") == []


def test_a_person_s_page_of_keys_is_kept_when_only_the_name_is_saved(crowd):
    crowd["bob"].name = "Zoë"
    crowd["bob"].save(update_fields=["name"])
    assert names(crowd["alice"], "zoe") == ["bob"]


def test_my_contacts_come_first_then_whom_i_talk_with(transactional_db, crowd, person):
    me = crowd["bob"]
    for name in ("anna", "anton", "andy"):
        person(name)
    contacts.add_contact(me.pk, User.objects.get(username="anton").pk)
    shape, _new = open_direct_conversation(me.pk, User.objects.get(username="andy").pk)
    send_message(me.pk, shape.id, uuid.uuid4(), "hello")
    assert names(me, "an") == ["anton", "andy", "anna"]
    assert names(me, "")[:2] == ["anton", "andy"]


def test_members_of_a_conversation_who_wrote_last_first(transactional_db, crowd):
    alice, alina, malice = (crowd[name] for name in ("alice", "alina", "malice"))
    group = create_group(alice.pk, "Room", [alina.pk, malice.pk])
    send_message(malice.pk, group.id, uuid.uuid4(), "hello")
    assert names(alice, "", conversation_id=group.id) == ["malice", "alina"]
    assert names(alice, "ali", conversation_id=group.id) == ["alina"]
    with pytest.raises(ApplicationError) as refused:
        names(crowd["bob"], "ali", conversation_id=group.id)
    assert refused.value.code == "not_found"


def test_members_are_found_in_their_conversation_whatever_strangers_may(crowd):
    alice, alina = crowd["alice"], crowd["alina"]
    group = create_group(alice.pk, "Room", [alina.pk])
    actions.update_profile(alina.pk, {"find_me": "nobody"})
    assert names(alice, "alina") == []
    assert names(alice, "alina", conversation_id=group.id) == ["alina"]


@pytest.mark.parametrize(
    ("setting", "contact", "found"),
    [("contacts", False, False), ("contacts", True, True), ("nobody", False, False), ("nobody", True, False)],
)
def test_who_lets_few_find_them(crowd, setting, contact, found):
    alice, bob = crowd["alice"], crowd["bob"]
    if contact:
        contacts.add_contact(alice.pk, bob.pk)
    actions.update_profile(alice.pk, {"find_me": setting})
    assert names(bob, "alice") == (["alice"] if found else [])


def test_nobody_finds_whom_they_block_and_the_blocked_find_as_before(crowd):
    alice, bob = crowd["alice"], crowd["bob"]
    contacts.block_user(alice.pk, bob.pk)
    assert names(alice, "bob") == []
    assert names(bob, "alice") == ["alice"]


def test_a_question_costs_the_same_however_many_are_called_so(crowd, person, django_assert_num_queries):
    User.objects.bulk_create([User(username=f"al{n}", name="Al") for n in range(700)])
    for limit in (5, 100):
        with django_assert_num_queries(2):
            assert len(search_users(crowd["bob"].pk, "al", limit=limit)) == limit


def test_an_old_contact_is_found_among_very_many_who_are_called_alike(crowd, person):
    friend = person("zz", name="Al Zett")
    User.objects.bulk_create([User(username=f"al{n}", name="Al") for n in range(700)])
    contacts.add_contact(crowd["bob"].pk, friend.pk)
    assert names(crowd["bob"], "al", limit=1) == ["zz"]


def test_others_see_four_things_of_a_person(crowd):
    assert UserSchema.__struct_fields__ == ("id", "username", "name", "avatar_url")
    assert "secret" not in repr(user_schema(crowd["alice"]))
