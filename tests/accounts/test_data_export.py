"""Tests of the data export: an archive of a user's own data that is built in the background.

Only its owner can download the archive. It is deleted after some days.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.models import User
from chat import actions
from chat.actions import account_deletion as chat_farewell
from chat.attachments import uploads
from chat.export import actions as export_actions
from chat.export import archive as export_archive
from chat.export import files, personal_builder
from chat.models import Conversation, DataExport
from messenger.background import PermanentFailure
from messenger.core.errors import ApplicationError
from tests.servers import PASSWORD


def send_message(person, group, text="hello", **more):
    return actions.send_message(person.pk, group.pk, uuid.uuid4(), text, **more)[0]


def page_of(person) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def read_body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def open_archive(client: Client) -> zipfile.ZipFile:
    answer = client.get("/settings/data/archive/")
    assert answer.status_code == 200 and answer["Content-Type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(read_body(answer)))


class Links(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


# ── Requesting ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_request_requires_the_password_and_then_continues(alice, run_tasks, transactional_db):
    client = Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    answer = client.post("/settings/data/")
    assert "/reauthenticate/" in answer.url and not DataExport.objects.exists()
    client.post(answer.url, {"password": PASSWORD})
    assert DataExport.objects.get().owner == alice


@pytest.mark.parametrize(("language", "words"), [("en", "Hello Alice,"), ("zh-hans", "Alice，你好")])
def test_a_mail_to_the_confirmed_address_says_that_the_archive_is_ready(
    language, words, alice, run_tasks, transactional_db, mailoutbox, settings
):
    """It is sent once, in the language of the owner, and links to the page with the download."""
    settings.SITE_URL = "https://chat.example.org"
    alice.language = language
    alice.save()
    EmailAddress.objects.create(user=alice, email="unsure@example.org", verified=False, primary=True)
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True)
    page_of(alice).post("/settings/data/")
    run_tasks()
    [mail] = mailoutbox
    assert mail.to == ["alice@example.org"] and words in mail.body
    assert "https://chat.example.org/settings/data/" in mail.body
    assert str((timezone.localtime() + files.RETENTION).year) in mail.body
    run_tasks()
    assert len(mailoutbox) == 1


def test_without_a_confirmed_address_no_mail_is_sent(alice, run_tasks, transactional_db, mailoutbox):
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=False)
    page_of(alice).post("/settings/data/")
    run_tasks()
    assert export_actions.get_ready_export(alice.pk) and mailoutbox == []


def test_two_requests_build_one_export(alice, run_tasks, transactional_db):
    client = page_of(alice)
    for _twice in range(2):
        assert client.post("/settings/data/").url == "/settings/data/"
    assert DataExport.objects.count() == 1
    assert 'data-state="building"' in client.get("/settings/data/").content.decode()
    with pytest.raises(ApplicationError, match="not_found"):
        export_actions.get_ready_export(alice.pk)
    run_tasks()
    page = client.get("/settings/data/").content.decode()
    assert 'data-state="ready"' in page and 'href="/settings/data/archive/"' in page


def test_exports_are_limited_to_three_a_day(alice, transactional_db, settings, run_tasks):
    from messenger.core import rate_limits

    settings.LIMITS = True
    rate_limits.reset_all()
    for _again in range(3):
        export_actions.request_export(alice.pk)
        run_tasks()
    with pytest.raises(ApplicationError, match="rate_limited"):
        export_actions.request_export(alice.pk)
    rate_limits.reset_all()


# ── Contents ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_export_contains_all_readable_data_as_pages_and_json(
    alice, bob, carol, group, direct_conversation, run_tasks, transactional_db
):
    mine = uploads.store_upload(alice.pk, "our plan.txt", 4, [b"plan"])
    bobs = uploads.store_upload(bob.pk, "bob's.txt", 5, [b"bob's"])
    first = send_message(alice, group, "see **this** <script>", attachment_ids=[mine.pk])
    send_message(bob, group, "and this", attachment_ids=[bobs.pk])
    gone = send_message(bob, group, "never mind")
    actions.delete_message(bob.pk, gone.id)
    actions.set_reaction(bob.pk, first.id, "👍", True)
    send_message(bob, direct_conversation, "between us")
    elsewhere = Conversation.objects.get(pk=actions.create_group(carol.pk, "Carol's", [alice.pk, bob.pk]).id)
    send_message(alice, elsewhere, "I was here")
    send_message(carol, elsewhere, "carol's secret")
    actions.remove_member(alice.pk, elsewhere.pk, alice.pk)
    strangers = Conversation.objects.get(pk=actions.create_group(bob.pk, "Without alice", []).id)
    send_message(bob, strangers, "about alice")
    client = page_of(alice)
    client.post("/settings/data/")
    run_tasks()
    with open_archive(client) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        everything = "\n".join(archive.read(name).decode() for name in names if not name.startswith("files/"))
        account = json.loads(archive.read("account.json"))
        (text,) = [name for name in names if name.startswith("files/")]
        assert archive.read(text) == b"plan" and text.endswith("our plan.txt")
        talk = next(each for each in account["conversations"] if each["id"] == group.pk)
        said = json.loads(archive.read(f"{talk['folder']}/messages-1.json"))
        page = archive.read(f"{talk['folder']}/messages-1.html").decode()
        for name in names:
            if name.endswith(".html"):
                folder = name.rpartition("/")[0]
                for link in Links(archive.read(name).decode()).found:
                    assert _resolve_link(folder, link) in names, f"{name} leads to {link}"
    assert [each["body"] for each in said if each["kind"] == "text"] == ["see **this** <script>", "and this", ""]
    assert "<strong>this</strong>" in page and "&lt;script&gt;" in page and "<svg" not in page
    assert "bob&#x27;s.txt" in page and "👍 Bob" in page and "never mind" not in everything
    assert "I was here" in everything and "between us" in everything
    assert "carol's secret" not in everything and "about alice" not in everything
    assert account["profile"]["username"] == "alice" and account["files"][0]["sha256"]
    assert alice.password not in everything and "sessionid" not in everything
    for other in (bob, carol):
        assert not other.email or other.email not in everything


def _build_and_read(person, run_tasks) -> tuple[str, list[dict]]:
    """Requests and builds the data export of a user, a ZIP archive of the user's own data, and reads it.

    Returns a pair: the names and texts of its files (without uploaded files), joined to one string, and the list of
    conversations in its file account.json.
    """
    client = page_of(person)
    client.post("/settings/data/")
    run_tasks()
    with open_archive(client) as archive:
        words = [name + archive.read(name).decode() for name in archive.namelist() if not name.startswith("files/")]
        return "\n".join(words), json.loads(archive.read("account.json"))["conversations"]


def test_a_removed_member_gets_no_later_messages(alice, bob, carol, group, run_tasks, transactional_db):
    quoted = send_message(alice, group, "as it was said")
    answered = send_message(bob, group, "my answer", reply_to_id=quoted.id)
    actions.update_group(alice.pk, group.pk, {"title": "As he knew it"})
    actions.remove_member(alice.pk, group.pk, bob.pk)
    actions.edit_message(alice.pk, quoted.id, "said after")
    actions.set_reaction(alice.pk, answered.id, "🙈", True)
    for title in ("Secret title", "And another"):
        actions.update_group(alice.pk, group.pk, {"title": title})
    words, conversations = _build_and_read(bob, run_tasks)
    assert [each["title"] for each in conversations if each["id"] == group.pk] == ["As he knew it"]
    assert "my answer" in words
    for secret in ("said after", "🙈", "Secret title", "And another"):
        assert secret not in words


def test_messages_that_retention_has_removed_are_left_out(alice, group, run_tasks, transactional_db):
    send_message(alice, group, "said long ago")
    Conversation.objects.filter(pk=group.pk).update(removed_seq=Conversation.objects.get(pk=group.pk).last_seq)
    send_message(alice, group, "said today")
    words, _conversations = _build_and_read(alice, run_tasks)
    assert "said today" in words and "said long ago" not in words


def test_a_member_removed_during_the_export_gets_no_later_messages(
    alice, bob, group, run_tasks, transactional_db, monkeypatch
):
    monkeypatch.setattr(export_archive, "PAGE_SIZE", 3)
    for number in range(8):
        send_message(alice, group, f"before {number}")
    usual = personal_builder.ExportBuilder._write_page

    def remove_meanwhile(self, archive, exported, *rest):
        usual(self, archive, exported, *rest)
        if exported.page_count == 1 and exported.conversation.pk == group.pk:
            actions.remove_member(alice.pk, group.pk, bob.pk)
            send_message(alice, group, "said after")

    monkeypatch.setattr(personal_builder.ExportBuilder, "_write_page", remove_meanwhile)
    words, conversations = _build_and_read(bob, run_tasks)
    assert "before 0" in words and "said after" not in words
    assert [each["left_at"] for each in conversations if each["id"] == group.pk] != [None]


def _resolve_link(folder: str, link: str) -> str:
    from posixpath import join, normpath
    from urllib.parse import unquote

    return normpath(join(folder, unquote(link)))


def test_many_messages_are_split_into_linked_pages(alice, group, run_tasks, transactional_db, monkeypatch):
    monkeypatch.setattr(export_archive, "PAGE_SIZE", 10)
    for number in range(24):
        send_message(alice, group, f"number {number}")
    client = page_of(alice)
    client.post("/settings/data/")
    run_tasks()
    with open_archive(client) as archive:
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


def test_the_export_uses_the_language_and_time_zone_of_its_owner(make_user, run_tasks, transactional_db):
    wei = make_user("wei", name="小明", language="zh-hans", time_zone="Asia/Shanghai")
    export_actions.request_export(wei.pk)
    run_tasks()
    with open_archive(page_of(wei)) as archive:
        assert '<html lang="zh-hans">' in archive.read("index.html").decode()


def test_the_export_names_the_groups_that_a_user_waits_to_join(alice, carol, group, run_tasks, transactional_db):
    actions.update_group(alice.pk, group.pk, {"joins_need_approval": True})
    actions.join_by_invite(carol.pk, actions.create_invite(alice.pk, group.pk).token)
    export_actions.request_export(carol.pk)
    run_tasks()
    with open_archive(page_of(carol)) as archive:
        (request,) = json.loads(archive.read("account.json"))["join_requests"]
        assert request["title"] == "Room" and request["asked_at"]


def test_the_export_uses_the_last_time_zone_of_a_browser(make_user, run_tasks, transactional_db):
    ann = make_user("ann", browser_time_zone="Pacific/Auckland")
    User.objects.filter(pk=ann.pk).update(date_joined=datetime(2026, 11, 28, 13, tzinfo=UTC))
    export_actions.request_export(ann.pk)
    run_tasks()
    with open_archive(page_of(ann)) as archive:
        assert "29 November 2026" in archive.read("index.html").decode()
        assert json.loads(archive.read("account.json"))["browser_time_zone"] == "Pacific/Auckland"


def test_the_export_uses_the_language_and_time_zone_of_the_browser_that_requests_it(
    make_user, run_tasks, transactional_db
):
    """Wei asks for it in New York, on a Chinese browser; yesterday the browser was in Shanghai."""
    wei = make_user("wei", browser_time_zone="Asia/Shanghai", browser_language="en")
    joined_at = datetime(2026, 11, 28, 17, 30, tzinfo=UTC)  # in Shanghai the 29th
    User.objects.filter(pk=wei.pk).update(date_joined=joined_at)
    page = page_of(wei)
    page.cookies["timezone"] = "America/New_York"
    page.post("/settings/data/", headers={"accept-language": "zh-CN"})
    run_tasks()
    with open_archive(page) as archive:
        index = archive.read("index.html").decode()
    assert '<html lang="zh-hans">' in index and "2026年11月28日" in index


def test_a_missing_file_is_listed_and_the_rest_is_exported(alice, group, run_tasks, transactional_db):
    lost = uploads.store_upload(alice.pk, "lost.txt", 4, [b"lost"])
    send_message(alice, group, "", attachment_ids=[lost.pk])
    default_storage.delete(lost.file.key)
    export_actions.request_export(alice.pk)
    run_tasks()
    with open_archive(page_of(alice)) as archive:
        assert json.loads(archive.read("account.json"))["files_that_could_not_be_read"] == ["lost.txt"]


# ── Access ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_only_the_owner_can_download_with_the_password(alice, bob, run_tasks, transactional_db):
    export_actions.request_export(alice.pk)
    run_tasks()
    assert Client().get("/settings/data/archive/").status_code == 302
    assert page_of(bob).get("/settings/data/archive/").status_code == 404
    lazy = Client()
    lazy.force_login(alice)
    assert lazy.get("/settings/data/archive/").url == "/accounts/reauthenticate/?next=/settings/data/"
    answer = page_of(alice).get("/settings/data/archive/")
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Disposition"].startswith('attachment; filename="messenger-alice-')


def test_a_download_can_be_resumed_with_a_range_request(alice, run_tasks, transactional_db):
    export_actions.request_export(alice.pk)
    run_tasks()
    client = page_of(alice)
    whole = read_body(client.get("/settings/data/archive/"))
    rest = client.get("/settings/data/archive/", headers={"Range": "bytes=100-"})
    assert rest.status_code == 206 and read_body(rest) == whole[100:]


def test_an_expired_export_is_deleted_with_its_file(alice, run_tasks, transactional_db):
    export_actions.request_export(alice.pk)
    run_tasks()
    archive = DataExport.objects.get()
    DataExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert page_of(alice).get("/settings/data/archive/").status_code == 404
    export_actions.clean_up_exports()
    assert not DataExport.objects.exists() and not default_storage.exists(archive.key)


def test_an_export_is_replaced_by_a_new_one_and_deleted_with_the_account(alice, run_tasks, transactional_db):
    export_actions.request_export(alice.pk)
    run_tasks()
    old = DataExport.objects.get().key
    export_actions.request_export(alice.pk)
    run_tasks()
    new = DataExport.objects.get().key
    assert old != new and not default_storage.exists(old) and default_storage.exists(new)
    chat_farewell.delete_account(alice.pk, delete_messages=False)
    assert not DataExport.objects.exists() and not default_storage.exists(new)


# ── Failures ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_progress_is_stored(alice, group, transactional_db, monkeypatch):
    monkeypatch.setattr(export_archive, "PROGRESS_INTERVAL", 0)
    monkeypatch.setattr(export_archive, "PAGE_SIZE", 5)
    for number in range(20):
        send_message(alice, group, f"number {number}")
    archive = export_actions.request_export(alice.pk)
    seen, note = [], files._save_progress

    def record_progress(export, done, total):
        going_on = note(export, done, total)
        seen.append(DataExport.objects.get(pk=export.pk).percent)
        return going_on

    monkeypatch.setattr(files, "_save_progress", record_progress)
    export_actions.build_export(archive.pk)
    assert seen == sorted(seen) and len(set(seen)) > 3 and max(seen) <= 99


def test_a_new_request_stops_the_old_build(alice, transactional_db, monkeypatch):
    archive = export_actions.request_export(alice.pk)
    monkeypatch.setattr(export_archive, "PROGRESS_INTERVAL", 0)
    monkeypatch.setattr(files, "_save_progress", lambda *_: False)
    export_actions.build_export(archive.pk)
    assert DataExport.objects.get().state == "building"
    assert not list((files.settings.DATA_DIR / "archives").glob("*.zip"))


def test_a_full_disk_fails_without_retry(alice, run_tasks, transactional_db, monkeypatch):
    monkeypatch.setattr(export_archive, "RESERVED_BYTES", 2**60)
    export_actions.request_export(alice.pk)
    run_tasks()
    assert DataExport.objects.get().state == "failed"
    page = page_of(alice).get("/settings/data/").content.decode()
    assert "The download couldn’t be prepared" in page and "Prepare download" in page


def test_a_disk_that_fills_up_during_an_export_keeps_its_reserve(alice, group, transactional_db, monkeypatch):
    """Two exports that begin together can both find enough free space, although there is not enough for both."""
    free = iter([export_archive.RESERVED_BYTES * 2])
    monkeypatch.setattr(
        export_archive.shutil,
        "disk_usage",
        lambda _path: SimpleNamespace(free=next(free, export_archive.RESERVED_BYTES)),
    )
    export = export_actions.request_export(alice.pk)
    with pytest.raises(PermanentFailure):
        export_actions.build_export(export.pk)
    assert DataExport.objects.get().state == "failed"
    assert not list((files.settings.DATA_DIR / "archives").glob("*.zip"))


def test_a_failing_export_is_tried_three_times(alice, transactional_db, monkeypatch):
    def fail(*_):
        raise OSError("away")

    monkeypatch.setattr(files, "_build_file", fail)
    archive = export_actions.request_export(alice.pk)
    for last in (False, False, True):
        with pytest.raises(Exception):  # noqa: B017  # any exception: the worker must see it
            export_actions.build_export(archive.pk)
        assert (DataExport.objects.get().state == "failed") is last
    export_actions.build_export(archive.pk)


def test_an_export_whose_worker_died_is_marked_as_failed(alice, transactional_db):
    export_actions.request_export(alice.pk)
    DataExport.objects.update(asked_at=timezone.now() - timedelta(hours=13))
    export_actions.clean_up_exports()
    assert DataExport.objects.get().state == "failed"
