"""Tests that the migrations of the current version keep the rows of a database of version 0.1.0."""

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from chat.models import DataExport, Reaction, ReceiptHistory
from tests.databases import using_database


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request, tmp_path, django_db_blocker):
    """Makes Django use a new database without tables. The test runs twice: with SQLite and with PostgreSQL."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    url = postgres.create() if postgres else f"sqlite:///{tmp_path}/old.sqlite3"
    with django_db_blocker.unblock(), using_database(url):
        yield
    if postgres:
        postgres.drop(url)


def migrate(*target: str) -> None:
    call_command("migrate", *target, verbosity=0, interactive=False)


def test_renamed_models_keep_rows_permissions_and_log_entries(empty_database):
    migrate("chat", "0001")
    migrate("admin")
    loader = MigrationExecutor(connection).loader
    old = loader.project_state([("chat", "0001_initial"), *loader.graph.leaf_nodes("admin")]).apps
    now = timezone.now()
    user = old.get_model("accounts", "User").objects.create(username="alice")
    conversation = old.get_model("chat", "Conversation").objects.create(kind="group", created_at=now, active_at=now)
    old.get_model("chat", "Mark").objects.create(conversation=conversation, user=user, kind="read", seq=7, at=now)
    archive = old.get_model("chat", "Archive").objects.create(owner=user, state="ready", asked_at=now, key="export.zip")
    content_type = old.get_model("contenttypes", "ContentType").objects.get(app_label="chat", model="archive")
    permission = old.get_model("auth", "Permission").objects.get(content_type=content_type, codename="view_archive")
    user.user_permissions.add(permission)
    old.get_model("admin", "LogEntry").objects.create(
        user=user, content_type=content_type, object_id=str(archive.pk), object_repr="an export", action_flag=2
    )

    migrate()

    history, export = ReceiptHistory.objects.get(), DataExport.objects.get()
    assert (history.conversation_id, history.user_id, history.kind, history.seq) == (
        conversation.pk,
        user.pk,
        "read",
        7,
    )
    assert (export.owner_id, export.state, export.key) == (user.pk, "ready", "export.zip")
    assert export.owner.has_perm("chat.view_dataexport") and not export.owner.has_perm("chat.view_archive")
    assert LogEntry.objects.get().get_edited_object() == export
    assert DataExport.objects.filter(owner=user.pk).update(state="failed") == 1


def test_reactions_with_forms_of_the_same_emoji_become_one(empty_database):
    migrate("chat", "0003")
    migrate("accounts")
    loader = MigrationExecutor(connection).loader
    old = loader.project_state([("chat", "0003_verbose_names"), *loader.graph.leaf_nodes("accounts")]).apps
    now = timezone.now()
    alice, bob = (
        old.get_model("accounts", "User").objects.create(username=name, username_key=name, username_capitals=name)
        for name in ("alice", "bob")
    )
    conversation = old.get_model("chat", "Conversation").objects.create(kind="group", created_at=now, active_at=now)
    message = old.get_model("chat", "Message").objects.create(
        conversation=conversation, sender=alice, seq=1, version=1, first_version=1, text_count=1, created_at=now
    )
    for user, emoji in ((alice, "❤"), (alice, "❤️"), (bob, "❤"), (bob, "👁‍🗨"), (bob, "👁️‍🗨"), (bob, "👍")):
        old.get_model("chat", "Reaction").objects.create(message=message, user=user, emoji=emoji)

    migrate()

    kept = list(Reaction.objects.order_by("user_id", "emoji").values_list("user_id", "emoji"))
    assert kept == sorted([(alice.pk, "❤️"), (bob.pk, "❤️"), (bob.pk, "👁️‍🗨️"), (bob.pk, "👍")])
