"""Tests of `import_sqlite`, which moves a site from SQLite to PostgreSQL."""

from __future__ import annotations

import datetime

import pytest
from django.apps import apps

from tests.attachments.conftest import make_bytes

NOT_COMPARED = {"chat_searchentry", "django_session"}


def rows_of(site) -> dict[str, list[dict]]:
    """Returns all rows of all tables except the search index."""
    with site.orm():
        return {
            model._meta.db_table: list(model._base_manager.order_by("pk").values())
            for model in apps.get_models(include_auto_created=True)
            if model._meta.db_table not in NOT_COMPARED
        }


def test_a_site_moves_to_postgresql_with_all_rows_files_and_sign_ins(make_site, upload_clients):
    old = make_site(DEBUG="on")
    old.manage("demo")
    old.start()
    alice, bob = upload_clients(old, "alice", "bob")
    group = alice.create_group(bob.pk)
    data = make_bytes(100_000)
    sent = alice.send_message(group, alice.upload(data, "a.bin"), body="Needle in 中文").raise_for_status().json()
    old.servers[0].stop()

    new = make_site(database="postgres")
    printed = new.manage("import_sqlite", str(old.folder / "data" / "messenger.sqlite3"))
    before, after = rows_of(old), rows_of(new)
    before.pop("chat_searchbackfill"), after.pop("chat_searchbackfill")
    assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}
    assert after == before
    assert f"{len(before['chat_message']):>10} chat_message" in printed

    (old.folder / "data" / "media").rename(new.folder / "data" / "media")  # as docs/running.md says
    new.start()
    for client in (alice, bob):
        client.http.base_url = new.url  # the same tokens
    found = bob.http.get("/api/v1/search/", params={"q": "needle"}).raise_for_status().json()
    assert [hit["message"]["id"] for hit in found["messages"]["results"]] == [sent["id"]]
    assert bob.http.get(sent["attachments"][0]["url"]).content == data
    # New rows get new ids in every table.
    assert alice.send_message(group, body="after").raise_for_status().json()["id"] > sent["id"]
    assert alice.create_group(bob.pk) > group
    new.create_users("dave")


@pytest.mark.parametrize(
    ("database", "message"), [("sqlite", "not the new PostgreSQL database"), ("postgres", "not empty: it has 1 users")]
)
def test_only_an_empty_postgresql_database_is_filled(database, message, make_site):
    old, new = make_site(), make_site(database=database)
    new.create_users("mallory")
    with pytest.raises(RuntimeError, match=message):
        new.manage("import_sqlite", str(old.folder / "data" / "messenger.sqlite3"))


def test_a_database_of_another_version_is_refused(make_site):
    from django.db import connection

    old, new = make_site(), make_site(database="postgres")
    file = str(old.folder / "data" / "messenger.sqlite3")
    with old.orm(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('chat', '9999_x', %s)",
                       [datetime.datetime.now()])  # fmt: skip
    with pytest.raises(RuntimeError, match=r"of a newer version \(migration chat\.9999_x\)"):
        new.manage("import_sqlite", file)
    with old.orm(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'chat'")
    with pytest.raises(RuntimeError, match="of an older version"):
        new.manage("import_sqlite", file)
    with pytest.raises(RuntimeError, match="There is no file"):
        new.manage("import_sqlite", "nowhere.sqlite3")
