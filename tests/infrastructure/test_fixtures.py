"""The cast stands on whichever database a test asks for."""

import threading

import pytest
from django.db import connection

from accounts.models import User
from tests.servers import PASSWORD


def test_the_cast_without_asking(alice, bob):
    assert connection.vendor == "sqlite"
    assert alice.check_password(PASSWORD)
    assert User.objects.count() == 2


def test_the_cast_on_each_database(each_database, alice, carol):
    assert connection.vendor == {"sqlite": "sqlite", "postgres": "postgresql"}[each_database]
    seen: list[object] = []

    def look():
        seen.extend([connection.vendor, User.objects.count()])
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [connection.vendor, 2]


@pytest.mark.django_db
def test_afterwards_the_database_is_the_tests_own_again():
    assert connection.vendor == "sqlite"
    assert User.objects.count() == 0


def test_another_database_does_not_disturb_a_transaction(alice, site):
    site.people("bob", "carol")
    with site.orm():
        assert set(User.objects.values_list("username", flat=True)) == {"bob", "carol"}
    assert list(User.objects.values_list("username", flat=True)) == ["alice"]


def test_room_and_pair(transactional_db, room, pair, alice, bob):
    assert (room.kind, room.owner_id, room.member_count) == ("group", alice.pk, 2)
    assert (pair.kind, pair.member_count) == ("direct", 2)
