"""Tests of the commands `backup` and `restore`, on both databases, with files on the disk and in S3."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import threading
from contextlib import closing

import psycopg
import pytest

from tests.attachments.conftest import make_bytes
from tests.databases import run_manage_with_errors
from tests.services import S3Server

SITES = [
    ("sqlite", "disk"),
    pytest.param("postgres", "disk", marks=pytest.mark.long),
    pytest.param("postgres", "s3", marks=pytest.mark.long),
]
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.long)]


@pytest.fixture
def make_stored_site(make_site, request):
    """Returns a function that creates a site with this database and this storage of files: `disk` or `s3`.

    Each site with S3 gets a bucket of its own.
    """
    buckets: list[str] = []

    def make(database: str, storage: str):
        environment = {}
        if storage == "s3":
            s3: S3Server = request.getfixturevalue("s3")
            buckets.append(f"backup-{len(buckets)}")
            s3.client().create_bucket(Bucket=buckets[-1])
            environment = {**s3.credentials, "STORAGE_URL": s3.url.replace(s3.bucket, buckets[-1], 1)}
        return make_site(database=database, **environment)

    return make


def counts(site) -> dict[str, int]:
    from django.apps import apps

    with site.orm():
        return {model._meta.db_table: model._base_manager.count() for model in apps.get_models()}


@pytest.mark.parametrize(("database", "storage"), SITES)
def test_a_backup_of_a_busy_site_restores_every_acknowledged_message_and_file(
    database,
    storage,
    make_stored_site,
    upload_clients,
    tmp_path,
):
    """alice and bob talk while the backup is written. It contains what was acknowledged before it began."""
    site = make_stored_site(database, storage)
    site.start()
    alice, bob = upload_clients(site, "alice", "bob")
    group = alice.create_group(bob.pk)
    contents = {name: make_bytes(300_000, name.encode()) for name in ("a.bin", "b.bin")}
    for name, data in contents.items():
        alice.send_message(group, alice.upload(data, name), body=name).raise_for_status()
    before = [alice.send_message(group, body=f"before {number}").json()["id"] for number in range(5)]

    stop = threading.Event()

    def talk():
        while not stop.wait(0.05):
            bob.send_message(group, body="meanwhile").raise_for_status()

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        printed = site.manage("backup", str(tmp_path / "backup.tar"))
    finally:
        stop.set()
        talking.join()
    assert "the database and 2 files" in printed
    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup.tar"]  # nothing temporary is left

    other = make_stored_site(database, storage)
    other.manage("restore", str(tmp_path / "backup.tar"))
    other.start()
    alice, bob = upload_clients(other, "alice", "bob")
    messages = bob.http.get(f"/api/v1/conversations/{group}/messages/?after=0&limit=100").json()["results"]
    assert set(before) <= {message["id"] for message in messages}
    files = {file["name"]: file["url"] for message in messages for file in message["attachments"]}
    for name, data in contents.items():
        assert bob.http.get(files[name], follow_redirects=True).content == data
    # New rows get new ids.
    assert alice.send_message(group, body="after").raise_for_status().json()["id"] > max(before)


@pytest.mark.parametrize("database", DATABASES)
def test_a_restore_replaces_a_site_with_users_only_if_told_to(database, make_site, tmp_path):
    site, other = make_site(database=database), make_site(database=database)
    site.create_users("alice")
    site.manage("backup", str(tmp_path / "backup.tar"))
    other.create_users("alice", "mallory")
    unknown = other.folder / "data" / "media" / "unknown.bin"
    unknown.parent.mkdir()
    unknown.write_bytes(b"x")

    with pytest.raises(RuntimeError, match=r"it has 2 users\. With --replace"):
        other.manage("restore", str(tmp_path / "backup.tar"))
    assert unknown.exists()
    other.manage("restore", "--replace", str(tmp_path / "backup.tar"))
    assert not unknown.exists()
    expected = counts(site)
    expected["chat_databaseepoch"] += 1  # so that clients notice it
    assert counts(other) == expected
    assert expected["accounts_user"] == 1


@pytest.mark.parametrize("database", DATABASES)
def test_an_empty_database_without_tables_can_be_restored(database, make_site, tmp_path, postgres):
    site = make_site(database=database)
    site.create_users("alice")
    site.manage("backup", str(tmp_path / "backup.tar"))
    other = make_site(database=database)
    if database == "postgres":
        postgres.drop(other.database_url)
        with postgres.connection() as connection:
            connection.execute(f"CREATE DATABASE {other.database_url.rpartition('/')[2]}")
    else:
        (other.folder / "data" / "messenger.sqlite3").unlink()
    other.manage("restore", str(tmp_path / "backup.tar"))
    assert counts(other)["accounts_user"] == 1


def test_an_incomplete_or_foreign_archive_changes_nothing(make_site, tmp_path):
    site, other = make_site(), make_site()
    site.create_users("alice")
    site.manage("backup", str(tmp_path / "backup.tar"))
    whole = (tmp_path / "backup.tar").read_bytes()
    for name, content in {
        "cut.tar": whole[: len(whole) // 2],
        "text.tar": b"no archive",
        "empty.tar": whole[-10240:],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RuntimeError, match="CommandError"):
            other.manage("restore", str(tmp_path / name))
    _copy_archive(tmp_path / "backup.tar", tmp_path / "damaged.tar", "database.sqlite3", b"x" * 100_000)
    with pytest.raises(RuntimeError, match="CommandError"):
        other.manage("restore", str(tmp_path / "damaged.tar"))
    assert counts(other)["accounts_user"] == 0


def test_a_backup_of_another_database_or_a_newer_version_is_refused(make_site, tmp_path):
    site, other = make_site(), make_site(database="postgres")
    site.manage("backup", str(tmp_path / "backup.tar"))
    with pytest.raises(RuntimeError, match="The backup is of SQLite, and DATABASE_URL is PostgreSQL"):
        other.manage("restore", str(tmp_path / "backup.tar"))

    with tarfile.open(tmp_path / "backup.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
    manifest["migrations"].append("chat.9999_future")
    _copy_archive(tmp_path / "backup.tar", tmp_path / "newer.tar", "manifest.json", json.dumps(manifest).encode())
    with pytest.raises(RuntimeError, match=r"of the newer version .*chat\.9999_future"):
        make_site().manage("restore", str(tmp_path / "newer.tar"))


def test_a_file_name_cannot_lead_out_of_the_storage(make_site, tmp_path):
    site = make_site()
    site.manage("backup", str(tmp_path / "backup.tar"))
    _copy_archive(tmp_path / "backup.tar", tmp_path / "evil.tar", "files/../../evil.bin", b"x")
    with pytest.raises(RuntimeError):
        site.manage("restore", str(tmp_path / "evil.tar"))
    assert not list(site.folder.rglob("evil.bin"))


def test_another_secret_key_is_noticed(make_site, tmp_path, capfd):
    site = make_site()
    site.manage("backup", str(tmp_path / "backup.tar"))
    other = make_site(SECRET_KEY="another key, which is long enough to be accepted at the start")
    assert "not that of the backup" not in _printed_errors(site, "restore", str(tmp_path / "backup.tar"))
    assert "SECRET_KEY is not that of the backup" in _printed_errors(other, "restore", str(tmp_path / "backup.tar"))


@pytest.mark.parametrize("database", DATABASES)
def test_a_database_in_use_is_not_replaced(database, make_site, tmp_path, postgres):
    site = make_site(database=database)
    site.create_users("alice")
    site.manage("backup", str(tmp_path / "backup.tar"))
    site.create_users("bob")
    if database == "postgres":
        connection = psycopg.connect(site.database_url)
        connection.execute("SELECT * FROM accounts_user")  # a transaction that stays open
    else:
        connection = sqlite3.connect(site.folder / "data" / "messenger.sqlite3", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
    with closing(connection), pytest.raises(RuntimeError, match="Stop the server and the worker first"):
        site.manage("restore", "--replace", str(tmp_path / "backup.tar"))
    assert counts(site)["accounts_user"] == 2


def test_a_restore_empties_redis_which_knows_the_old_database(make_site, tmp_path, redis_server):
    site = make_site(redis=True)
    site.manage("backup", str(tmp_path / "backup.tar"))
    with redis_server.client() as client:
        client.set("of the old database", "x")
        site.manage("restore", str(tmp_path / "backup.tar"))
        assert client.dbsize() == 0


def test_clients_notice_a_restored_backup(make_site, tmp_path):
    """A restored site has another epoch, which `welcome` tells to clients."""
    from chat import selectors

    site = make_site()
    with site.orm():
        before = selectors.get_epoch()
    site.manage("backup", str(tmp_path / "backup.tar"))
    site.manage("restore", "--replace", str(tmp_path / "backup.tar"))
    with site.orm():
        assert selectors.get_epoch() not in ("", before)


def _copy_archive(source, target, name: str, content: bytes) -> None:
    """Copies an archive, and replaces or adds the member `name`."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        added = tarfile.TarInfo(name)
        added.size = len(content)
        for member in old:
            if member.name != name:
                new.addfile(member, old.extractfile(member))
        new.addfile(added, io.BytesIO(content))


def _printed_errors(site, *arguments: str) -> str:
    return run_manage_with_errors(*arguments, **site.environment)[1]
