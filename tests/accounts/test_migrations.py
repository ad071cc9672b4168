"""Tests that migrations from version 0.1.0 keep rows, content types and permissions of renamed models."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Relationship, RetiredUsername, User

ACTIONS = ("add", "change", "delete", "view")


def migrate(*target: str) -> None:
    """Runs the command `manage.py migrate` up to a given migration.

    Django's MigrationExecutor alone would not rename the content types of renamed models; only the command does so.
    """
    call_command("migrate", *target, verbosity=0, interactive=False)


@pytest.fixture
def first_release(transactional_db):
    migrate("accounts", "0001_initial")
    yield MigrationExecutor(connection).loader.project_state([("accounts", "0001_initial")]).apps
    migrate()


def codenames() -> set[str]:
    return set(Permission.objects.filter(content_type__app_label="accounts").values_list("codename", flat=True))


@pytest.mark.django_db(transaction=True)
def test_renamed_models_keep_rows_content_types_and_permissions(first_release):
    old_relationship = first_release.get_model("accounts", "Tie")
    old_username = first_release.get_model("accounts", "SpentName")
    alice, bob = (
        first_release.get_model("accounts", "User").objects.create(
            username=name, username_key=name, username_capitals=name.upper()
        )
        for name in ("alice", "bob")
    )
    row = old_relationship.objects.create(user_id=alice.pk, person_id=bob.pk, state="contact", me_version=7)
    old_username.objects.create(digest="d" * 64)
    type_ids = dict(
        ContentType.objects.filter(app_label="accounts", model__in=("tie", "spentname")).values_list("model", "pk")
    )
    assert {f"{action}_{model}" for action in ACTIONS for model in ("tie", "spentname")} <= codenames()
    permission = Permission.objects.get(content_type__app_label="accounts", codename="view_tie")
    group = Group.objects.create(name="Auditors")
    group.permissions.add(permission)

    migrate()

    kept = Relationship.objects.get(pk=row.pk)
    assert (kept.user_id, kept.person_id, kept.state, kept.me_version) == (alice.pk, bob.pk, "contact", 7)
    assert list(User.objects.get(pk=alice.pk).relationships.all()) == [kept]
    assert RetiredUsername.objects.filter(digest="d" * 64).exists()
    assert {"accounts_relationship", "accounts_retiredusername"} <= set(connection.introspection.table_names())
    ContentType.objects.clear_cache()
    assert ContentType.objects.get_for_model(Relationship).pk == type_ids["tie"]
    assert ContentType.objects.get_for_model(RetiredUsername).pk == type_ids["spentname"]
    assert not ContentType.objects.filter(app_label="accounts", model__in=("tie", "spentname")).exists()
    assert list(group.permissions.values_list("codename", "pk")) == [("view_relationship", permission.pk)]
    wanted = {f"{action}_{model}" for action in ACTIONS for model in ("relationship", "retiredusername")}
    assert wanted <= codenames() and not any(name.endswith(("_tie", "_spentname")) for name in codenames())
    assert Permission.objects.filter(content_type__app_label="accounts").count() == len(codenames())
    names = Permission.objects.filter(codename="view_retiredusername").values_list("name", flat=True)
    assert list(names) == ["Can view retired username"]


@pytest.mark.django_db(transaction=True)
def test_the_migration_can_be_reversed(first_release):
    assert "view_tie" in codenames() and "view_relationship" not in codenames()
    assert "accounts_tie" in connection.introspection.table_names()


def test_no_raw_sql_names_an_old_table(db):
    tables = {model._meta.db_table for model in apps.get_app_config("accounts").get_models()}
    assert {"accounts_relationship", "accounts_retiredusername"} <= tables
    assert not tables & {"accounts_tie", "accounts_spentname"}


@pytest.mark.django_db(transaction=True)
def test_names_with_a_dot_above_i_get_new_keys_unless_they_are_taken(make_user):
    migrate("accounts", "0004_browser_time_zone")
    try:
        alice = make_user("alice")
        for name in ("ALİCE", "İbrahim"):
            user = make_user(f"{name[-3:]}2")
            old_keys = {"username_key": f"{name} i\u0307", "username_capitals": f"{name} I\u0307"}
            User.objects.filter(pk=user.pk).update(username=name, **old_keys)
    finally:
        migrate()
    assert User.objects.get_by_natural_key("ibrahim").username == "İbrahim"
    assert User.objects.get_by_natural_key("alice") == alice
    assert User.objects.get(username="ALİCE").username_key == "ALİCE i\u0307"
