"""One's own data as one archive: built in the background, for its owner alone, for some days."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from chat import actions
from chat.actions import account_deletion as chat_farewell
from chat.attachments import uploads
from chat.export import actions as export_actions
from chat.export import builder
from chat.models import Conversation, DataExport
from messenger.core.errors import ApplicationError
from tests.servers import PASSWORD


def say(person, room, text="hello", **more):
    return actions.send_message(person.pk, room.pk, uuid.uuid4(), text, **more)[0]


def page_of(person) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def bytes_of(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def opened(client: Client) -> zipfile.ZipFile:
    answer = client.get("/settings/data/archive/")
    assert answer.status_code == 200 and answer["Content-Type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(bytes_of(answer)))


class Links(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_password_is_asked_for_and_what_was_asked_goes_on_by_itself(alice, work, transactional_db):
    client = Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    answer = client.post("/settings/data/")
    assert "/reauthenticate/" in answer.url and not DataExport.objects.exists()
    client.post(answer.url, {"password": PASSWORD})
    assert DataExport.objects.get().owner == alice


def test_asked_for_twice_it_is_built_once(alice, work, transactional_db):
    client = page_of(alice)
    for _twice in range(2):
        assert client.post("/settings/data/").url == "/settings/data/"
    assert DataExport.objects.count() == 1
    assert 'data-state="building"' in client.get("/settings/data/").content.decode()
    with pytest.raises(ApplicationError, match="not_found"):
        export_actions.get_ready_export(alice.pk)
    work()
    page = client.get("/settings/data/").content.decode()
    assert 'data-state="ready"' in page and 'href="/settings/data/archive/"' in page


def test_three_a_day_are_enough(alice, transactional_db, settings, work):
    from messenger.core import rate_limits

    settings.LIMITS = True
    rate_limits.reset_all()
    for _again in range(3):
        export_actions.request_export(alice.pk)
        work()
    with pytest.raises(ApplicationError, match="rate_limited"):
        export_actions.request_export(alice.pk)
    rate_limits.reset_all()


# ── What is in it ────────────────────────────────────────────────────────────────────────────────────────────────
def test_everything_that_one_can_read_is_in_it_as_pages_and_as_json(
    alice, bob, carol, room, pair, work, transactional_db
):
    mine = uploads.store_upload(alice.pk, "our plan.txt", 4, [b"plan"])
    bobs = uploads.store_upload(bob.pk, "bob's.txt", 5, [b"bob's"])
    first = say(alice, room, "see **this** <script>", attachment_ids=[mine.pk])
    say(bob, room, "and this", attachment_ids=[bobs.pk])
    gone = say(bob, room, "never mind")
    actions.delete_message(bob.pk, gone.id)
    actions.set_reaction(bob.pk, first.id, "👍", True)
    say(bob, pair, "between us")
    elsewhere = Conversation.objects.get(pk=actions.create_group(carol.pk, "Carol's", [alice.pk, bob.pk]).id)
    say(alice, elsewhere, "I was here")
    say(carol, elsewhere, "carol's secret")
    actions.remove_member(alice.pk, elsewhere.pk, alice.pk)
    strangers = Conversation.objects.get(pk=actions.create_group(bob.pk, "Without alice", []).id)
    say(bob, strangers, "about alice")
    client = page_of(alice)
    client.post("/settings/data/")
    work()
    with opened(client) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        everything = "\n".join(archive.read(name).decode() for name in names if not name.startswith("files/"))
        account = json.loads(archive.read("account.json"))
        (text,) = [name for name in names if name.startswith("files/")]
        assert archive.read(text) == b"plan" and text.endswith("our plan.txt")
        talk = next(each for each in account["conversations"] if each["id"] == room.pk)
        said = json.loads(archive.read(f"{talk['folder']}/messages-1.json"))
        page = archive.read(f"{talk['folder']}/messages-1.html").decode()
        for name in names:
            if name.endswith(".html"):
                folder = name.rpartition("/")[0]
                for link in Links(archive.read(name).decode()).found:
                    assert _inside(folder, link) in names, f"{name} leads to {link}"
    assert [each["body"] for each in said if each["kind"] == "text"] == ["see **this** <script>", "and this", ""]
    assert "<strong>this</strong>" in page and "&lt;script&gt;" in page and "<svg" not in page
    assert "bob&#x27;s.txt" in page and "👍 Bob" in page and "never mind" not in everything
    assert "I was here" in everything and "between us" in everything
    assert "carol's secret" not in everything and "about alice" not in everything
    assert account["profile"]["username"] == "alice" and account["files"][0]["sha256"]
    assert alice.password not in everything and "sessionid" not in everything
    for other in (bob, carol):
        assert not other.email or other.email not in everything


def _written(person, work) -> tuple[str, list[dict]]:
    """All words of the archive that is built now, and what it says of conversations."""
    client = page_of(person)
    client.post("/settings/data/")
    work()
    with opened(client) as archive:
        words = [name + archive.read(name).decode() for name in archive.namelist() if not name.startswith("files/")]
        return "\n".join(words), json.loads(archive.read("account.json"))["conversations"]


def test_whoever_was_removed_learns_nothing_of_what_came_after(alice, bob, carol, room, work, transactional_db):
    quoted = say(alice, room, "as it was said")
    answered = say(bob, room, "my answer", reply_to_id=quoted.id)
    actions.update_group(alice.pk, room.pk, {"title": "As he knew it"})
    actions.remove_member(alice.pk, room.pk, bob.pk)
    actions.edit_message(alice.pk, quoted.id, "said after")
    actions.set_reaction(alice.pk, answered.id, "🙈", True)
    for title in ("Secret title", "And another"):
        actions.update_group(alice.pk, room.pk, {"title": title})
    words, conversations = _written(bob, work)
    assert [each["title"] for each in conversations if each["id"] == room.pk] == ["As he knew it"]
    assert "my answer" in words
    for secret in ("said after", "🙈", "Secret title", "And another"):
        assert secret not in words


def test_nor_whoever_is_removed_while_it_is_written(alice, bob, room, work, transactional_db, monkeypatch):
    monkeypatch.setattr(builder, "PAGE_SIZE", 3)
    for number in range(8):
        say(alice, room, f"before {number}")
    usual = builder.ExportBuilder._write_page

    def removed_meanwhile(self, archive, exported, *rest):
        usual(self, archive, exported, *rest)
        if exported.page_count == 1 and exported.conversation.pk == room.pk:
            actions.remove_member(alice.pk, room.pk, bob.pk)
            say(alice, room, "said after")

    monkeypatch.setattr(builder.ExportBuilder, "_write_page", removed_meanwhile)
    words, conversations = _written(bob, work)
    assert "before 0" in words and "said after" not in words
    assert [each["left_at"] for each in conversations if each["id"] == room.pk] != [None]


def _inside(folder: str, link: str) -> str:
    from posixpath import join, normpath
    from urllib.parse import unquote

    return normpath(join(folder, unquote(link)))


def test_many_messages_are_many_pages_and_each_leads_to_the_next(alice, room, work, transactional_db, monkeypatch):
    monkeypatch.setattr(builder, "PAGE_SIZE", 10)
    for number in range(24):
        say(alice, room, f"number {number}")
    client = page_of(alice)
    client.post("/settings/data/")
    work()
    with opened(client) as archive:
        pages = [name for name in archive.namelist() if name.endswith(".html") and "messages" in name]
        assert len(pages) == 3
        bodies = [
            each["body"]
            for name in sorted(pages)
            for each in json.loads(archive.read(name.replace(".html", ".json")))
            if each["kind"] == "text"
        ]
        assert bodies == [f"number {number}" for number in range(24)]
        assert 'href="messages-2.html"' in archive.read(sorted(pages)[0]).decode()


def test_it_is_written_in_its_owners_language_and_time_zone(person, work, transactional_db):
    wei = person("wei", name="小明", language="zh-hans", time_zone="Asia/Shanghai")
    export_actions.request_export(wei.pk)
    work()
    with opened(page_of(wei)) as archive:
        assert '<html lang="zh-hans">' in archive.read("index.html").decode()


def test_a_file_whose_bytes_are_gone_is_named_and_the_rest_is_there(alice, room, work, transactional_db):
    lost = uploads.store_upload(alice.pk, "lost.txt", 4, [b"lost"])
    say(alice, room, "", attachment_ids=[lost.pk])
    default_storage.delete(lost.file.key)
    export_actions.request_export(alice.pk)
    work()
    with opened(page_of(alice)) as archive:
        assert json.loads(archive.read("account.json"))["files_that_could_not_be_read"] == ["lost.txt"]


# ── Whose it is ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_nobody_else_gets_it_and_not_without_the_password(alice, bob, work, transactional_db):
    export_actions.request_export(alice.pk)
    work()
    assert Client().get("/settings/data/archive/").status_code == 302
    assert page_of(bob).get("/settings/data/archive/").status_code == 404
    lazy = Client()
    lazy.force_login(alice)
    assert lazy.get("/settings/data/archive/").url == "/accounts/reauthenticate/?next=/settings/data/"
    answer = page_of(alice).get("/settings/data/archive/")
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Disposition"].startswith('attachment; filename="messenger-alice-')


def test_a_part_can_be_asked_for_after_a_cut(alice, work, transactional_db):
    export_actions.request_export(alice.pk)
    work()
    client = page_of(alice)
    whole = bytes_of(client.get("/settings/data/archive/"))
    rest = client.get("/settings/data/archive/", headers={"Range": "bytes=100-"})
    assert rest.status_code == 206 and bytes_of(rest) == whole[100:]


def test_after_its_days_it_is_gone_bytes_and_all(alice, work, transactional_db):
    export_actions.request_export(alice.pk)
    work()
    archive = DataExport.objects.get()
    DataExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert page_of(alice).get("/settings/data/archive/").status_code == 404
    export_actions.clean_up_exports()
    assert not DataExport.objects.exists() and not default_storage.exists(archive.key)


def test_a_new_one_replaces_the_old_and_the_account_takes_it_along(alice, work, transactional_db):
    export_actions.request_export(alice.pk)
    work()
    old = DataExport.objects.get().key
    export_actions.request_export(alice.pk)
    work()
    new = DataExport.objects.get().key
    assert old != new and not default_storage.exists(old) and default_storage.exists(new)
    chat_farewell.delete_account(alice.pk, delete_messages=False)
    assert not DataExport.objects.exists() and not default_storage.exists(new)


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────
def test_it_says_how_far_it_is(alice, room, transactional_db, monkeypatch):
    monkeypatch.setattr(builder, "PROGRESS_INTERVAL", 0)
    monkeypatch.setattr(builder, "PAGE_SIZE", 5)
    for number in range(20):
        say(alice, room, f"number {number}")
    archive = export_actions.request_export(alice.pk)
    seen, note = [], export_actions._save_progress

    def noted(pk, done, total):
        going_on = note(pk, done, total)
        seen.append(DataExport.objects.get(pk=pk).percent)
        return going_on

    monkeypatch.setattr(export_actions, "_save_progress", noted)
    export_actions.build_export(archive.pk)
    assert seen == sorted(seen) and len(set(seen)) > 3 and max(seen) <= 99


def test_asked_for_anew_meanwhile_the_old_worker_stops_and_leaves_nothing(alice, transactional_db, monkeypatch):
    archive = export_actions.request_export(alice.pk)
    monkeypatch.setattr(builder, "PROGRESS_INTERVAL", 0)
    monkeypatch.setattr(export_actions, "_save_progress", lambda *_: False)
    export_actions.build_export(archive.pk)
    assert DataExport.objects.get().state == "building"
    assert not list((export_actions.settings.DATA_DIR / "archives").glob("*.zip"))


def test_without_room_it_is_said_so_and_no_try_follows(alice, work, transactional_db, monkeypatch):
    monkeypatch.setattr(builder, "RESERVED_BYTES", 2**60)
    export_actions.request_export(alice.pk)
    work()
    assert DataExport.objects.get().state == "failed"
    page = page_of(alice).get("/settings/data/").content.decode()
    assert "It could not be put together" in page and "Put it together" in page


def test_what_fails_is_tried_three_times(alice, transactional_db, monkeypatch):
    def falls(*_):
        raise OSError("away")

    monkeypatch.setattr(export_actions, "_build_file", falls)
    archive = export_actions.request_export(alice.pk)
    for last in (False, False, True):
        with pytest.raises(Exception):  # noqa: B017  # whichever it is, the worker has to hear of it
            export_actions.build_export(archive.pk)
        assert (DataExport.objects.get().state == "failed") is last
    export_actions.build_export(archive.pk)


def test_one_whose_worker_never_came_back_is_said_to_have_failed(alice, transactional_db):
    export_actions.request_export(alice.pk)
    DataExport.objects.update(asked_at=timezone.now() - timedelta(hours=13))
    export_actions.clean_up_exports()
    assert DataExport.objects.get().state == "failed"
