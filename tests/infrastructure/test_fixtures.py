"""Tests that the shared fixtures create users and conversations in the database that a test has chosen.

A test chooses either SQLite or PostgreSQL.
"""

import threading

import pytest
from django.db import connection

from accounts.models import User
from tests.servers import PASSWORD


def test_users_are_in_sqlite_by_default(alice, bob):
    assert connection.vendor == "sqlite"
    assert alice.check_password(PASSWORD)
    assert User.objects.count() == 2


def test_users_are_in_each_database(each_database, alice, carol):
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
def test_the_default_database_is_restored_after_a_test():
    assert connection.vendor == "sqlite"
    assert User.objects.count() == 0


def test_another_database_does_not_disturb_a_transaction(alice, site):
    site.create_users("bob", "carol")
    with site.orm():
        assert set(User.objects.values_list("username", flat=True)) == {"bob", "carol"}
    assert list(User.objects.values_list("username", flat=True)) == ["alice"]


def test_group_and_direct_conversation(transactional_db, group, direct_conversation, alice, bob):
    assert (group.kind, group.owner_id, group.member_count) == ("group", alice.pk, 2)
    assert (direct_conversation.kind, direct_conversation.member_count) == ("direct", 2)
