"""Tests that a database of version 0.1.0 can be upgraded: `tests/data/0.1.0.sqlite3.gz` and `0.1.0.postgres.sql.gz`.

`WRITE_DUMPS=1 pytest tests/test_upgrade.py -k write` has written the two files. They are never written again.
"""

import gzip
import os
import subprocess
import uuid
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.actions import contacts
from accounts.auth import tokens
from accounts.models import Relationship, SignIn, User
from chat import actions, selectors
from chat.models import Attachment, Conversation, File, Invite, Membership, Message, Report, SearchEntry
from tests.databases import using_database

DATA = Path(__file__).parent / "data"
SQLITE, POSTGRES = DATA / "0.1.0.sqlite3.gz", DATA / "0.1.0.postgres.sql.gz"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path, django_db_blocker):
    """Provides a new empty database, as its URL, and makes Django use it."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    url = postgres.create() if postgres else f"sqlite:///{tmp_path}/messenger.sqlite3"
    with django_db_blocker.unblock(), using_database(url):
        yield url
    if postgres:
        postgres.drop(url)


def write_dump(database):
    call_command("migrate", verbosity=0, interactive=False)
    alice, bob = (User.objects.create_user(name, f"{name}@example.com", "correct horse 7") for name in ("alice", "bob"))
    group = actions.create_group(alice.pk, "Walkers", [bob.pk])
    for body in ("Shall we walk on Sunday?", "我们星期天去爬山", "Here is the map"):
        message, _ = actions.send_message(alice.pk, group.id, uuid.uuid4(), body)
    file = File.objects.create(
        key="map.png", owner=alice, size=7, sha256="0" * 64, content_type="image/png", width=30, height=20
    )
    Attachment.objects.create(
        file=file, owner=alice, message_id=message.id, conversation_id=group.id, kind="image", name="map.png",
        created_at=timezone.now(),
    )  # fmt: skip
    actions.set_reaction(bob.pk, message.id, "👍", True)
    actions.set_pinned(alice.pk, message.id, True)
    pair, _ = actions.open_direct_conversation(alice.pk, bob.pk)
    for body in ("Tea at five?", "This is withdrawn"):
        private, _ = actions.send_message(alice.pk, pair.id, uuid.uuid4(), body)
    actions.edit_message(alice.pk, private.id - 1, "Tea at six?")
    actions.delete_message(alice.pk, private.id)
    actions.report_message(bob.pk, private.id - 1, "Too early")
    actions.create_invite(alice.pk, group.id, max_uses=5)
    contacts.add_contact(alice.pk, bob.pk)
    contacts.block_user(bob.pk, User.objects.create_user("mallory", "mallory@example.com", "correct horse 7").pk)
    tokens.issue_token_pair(alice)
    actions.mark_read(bob.pk, group.id, message.seq - 1)
    if database.startswith("sqlite"):
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        SQLITE.write_bytes(gzip.compress(Path(database.removeprefix("sqlite:///")).read_bytes(), mtime=0))
    else:
        command = ["pg_dump", "--no-owner", "--no-privileges", "--inserts", database]
        dump = subprocess.run(command, check=True, capture_output=True).stdout
        POSTGRES.write_bytes(gzip.compress(dump, mtime=0))


if "WRITE_DUMPS" in os.environ:

    def test_write_the_dumps(database):
        write_dump(database)


def restore(database: str) -> None:
    if database.startswith("sqlite"):
        connection.close()
        Path(database.removeprefix("sqlite:///")).write_bytes(gzip.decompress(SQLITE.read_bytes()))
    else:
        # Commands of psql itself, which newer versions of pg_dump write, are left out.
        lines = gzip.decompress(POSTGRES.read_bytes()).decode().splitlines(keepends=True)
        sql = "".join(line for line in lines if not line.startswith(("\\", "SET transaction_timeout")))
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%"))
        connection.close()


def test_a_database_of_version_0_1_0_is_upgraded_and_keeps_its_data(database):
    restore(database)
    call_command("migrate", verbosity=0, interactive=False)
    alice, bob = User.objects.get(username="alice"), User.objects.get(username="bob")
    assert alice.check_password("correct horse 7")
    group = Conversation.objects.get(title="Walkers")
    assert set(Membership.objects.filter(conversation=group).values_list("user_id", flat=True)) == {alice.pk, bob.pk}
    messages = Message.objects.filter(conversation=group, body__gt="").order_by("seq")
    assert [message.body for message in messages] == ["Shall we walk on Sunday?", "我们星期天去爬山", "Here is the map"]
    (attachment,) = Attachment.objects.select_related("file")
    assert (attachment.name, attachment.message_id, attachment.file.size) == ("map.png", messages[2].pk, 7)
    (reaction,) = messages[2].reactions.all()
    assert (reaction.user_id, reaction.emoji) == (bob.pk, "👍")
    assert selectors.get_membership(bob.pk, group.pk).read_seq == messages[1].seq
    assert messages[2].pinned_at and messages[0].pinned_at is None
    tea, withdrawn = Message.objects.filter(conversation__kind="direct").order_by("seq")
    assert (tea.body, withdrawn.body) == ("Tea at six?", "")
    assert tea.edited_at and withdrawn.deleted_at
    (report,) = Report.objects.select_related("case")
    assert (report.reporter_id, report.reason, report.body, report.kind) == (
        bob.pk,
        "Too early",
        "Tea at six?",
        "other",
    )
    assert (report.case.message_id, report.case.user_id, report.case.settled_at) == (tea.pk, alice.pk, None)
    actions.report_message(bob.pk, tea.pk, "Still too early")  # the same case
    assert Report.objects.get().case.report_count == 1
    assert [invite.max_uses for invite in Invite.objects.all()] == [5]
    assert sorted(summary.unread for summary in selectors.list_conversation_summaries(bob.pk)) == [1, 2]
    assert SignIn.objects.filter(user=alice).count() == 1
    assert Relationship.objects.get(user=alice, person=bob).state == "contact"
    assert Relationship.objects.get(user=bob, person__username="mallory").blocked_at
    assert SearchEntry.objects.count() == 4
    client = APIClient()
    client.force_authenticate(bob)
    for words in ("Sunday", "爬山"):
        found = client.get("/api/v1/search/", {"q": words, "kind": "messages"}).json()["messages"]["results"]
        assert len(found) == 1, words
    message, _ = actions.send_message(bob.pk, group.pk, uuid.uuid4(), "See you there")
    assert message.seq == messages[2].seq + 1
