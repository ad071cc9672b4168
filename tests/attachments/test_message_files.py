"""Messages with files: sent through every door, seen by members alone, gone when the last that shows them is."""

from __future__ import annotations

import base64
import errno
import io
import os
import uuid

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from chat import actions, selectors
from chat.actions.queues import Send
from chat.actions.sending import send_many
from chat.attachments import cleanup, processing, uploads
from chat.models import Attachment, Conversation, File, Message, Upload
from messenger.core.errors import ApplicationError
from tests.api.conftest import refused

pytestmark = pytest.mark.usefixtures("transactional_db")  # sends are stored in a thread of their own


def picture(size=(64, 48), kind="PNG", **options) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, kind, **options)
    return written.getvalue()


def give(user, data: bytes = b"some words", name: str = "notes.txt") -> Attachment:
    """A file that this person has uploaded and not sent yet."""
    return uploads.store_whole(user.pk, name, len(data), [data])


def send(user, room, *attachments: Attachment, body: str = "", **more):
    ids = [each.pk for each in attachments]
    return actions.send(user.pk, room.pk, uuid.uuid4(), body, attachment_ids=ids, **more)[0]


def test_a_message_shows_its_files_in_their_order(api, alice, bob, room):
    first, second = give(alice, name="b.txt"), give(alice, name="a.txt")
    answer = api(alice).send(room.pk, "look", attachment_ids=[first.pk, second.pk])
    assert answer.status_code == 201
    shown = api(bob).get(f"conversations/{room.pk}/messages/").json()["results"][-1]
    assert [each["name"] for each in shown["attachments"]] == ["b.txt", "a.txt"]
    assert shown["attachments"] == answer.json()["attachments"]
    assert shown["attachments"][0] == {
        "id": first.pk,
        "kind": "file",
        "name": "b.txt",
        "content_type": "text/plain",
        "size": 10,
        "url": f"/files/{first.pk}/b.txt",
        "ready": True,
        "thumbnail_url": None,
        "preview_url": None,
        "width": None,
        "height": None,
        "duration": None,
        "alt": "",
    }


def test_files_need_no_words_and_words_need_no_files(api, alice, room):
    assert api(alice).send(room.pk, "", attachment_ids=[give(alice).pk]).status_code == 201
    refused(api(alice).send(room.pk, ""), "invalid", 400, "body")


def test_sending_twice_is_harmless_and_other_files_are_a_conflict(api, alice, room):
    one, other, client_id = give(alice), give(alice), str(uuid.uuid4())
    fields = {"client_id": client_id, "body": "", "attachment_ids": [one.pk]}
    assert api(alice).post(f"conversations/{room.pk}/messages/", fields).status_code == 201
    again = api(alice).post(f"conversations/{room.pk}/messages/", fields)
    assert (again.status_code, again.json()["attachments"][0]["id"]) == (200, one.pk)
    fields["attachment_ids"] = [other.pk]
    refused(api(alice).post(f"conversations/{room.pk}/messages/", fields), "conflict", 409)


def test_nobody_sends_what_is_not_theirs_or_was_sent(api, alice, bob, room):
    mine, sent = give(alice), give(bob)
    refused(api(bob).send(room.pk, "", attachment_ids=[mine.pk]), "invalid", 400, "attachment_ids")
    send(bob, room, sent)
    refused(api(bob).send(room.pk, "", attachment_ids=[sent.pk]), "invalid", 400, "attachment_ids")
    refused(api(bob).send(room.pk, "", attachment_ids=[999_999]), "invalid", 400, "attachment_ids")
    many = [give(alice).pk for _ in range(11)]
    refused(api(alice).send(room.pk, "", attachment_ids=many), "invalid", 400, "attachment_ids")


def test_only_members_get_a_file_and_nobody_learns_that_it_is_there(api, alice, bob, mallory, room):
    url = send(alice, room, give(alice)).attachments[0].url
    assert api(bob).get(url).getvalue() == b"some words"
    never = api(mallory).get("/files/999999/notes.txt")
    for caller in (api(mallory), api()):
        answer = caller.get(url)
        assert (answer.status_code, answer.content) == (404, never.content)
    assert api(bob).get(url.replace("notes", "other")).status_code == 404
    actions.remove_member(alice.pk, room.pk, bob.pk)
    assert api(bob).get(url).status_code == 404


def test_before_it_is_sent_a_file_is_its_owners_alone(api, alice, bob, room):
    url = f"/files/{give(alice).pk}/notes.txt"
    assert api(alice).get(url).status_code == 200
    assert api(bob).get(url).status_code == 404


def test_recall_takes_the_file_away_for_good(api, alice, bob, room):
    file = give(alice).file
    message = send(alice, room, Attachment.objects.get(file=file), body="look")
    room.refresh_from_db()
    assert room.file_bytes == 10
    actions.delete(alice.pk, message.id)
    cleanup.bury()
    assert api(bob).get(message.attachments[0].url).status_code == 404
    assert selectors.get_message(bob.pk, message.id).attachments == []
    assert not File.objects.filter(pk=file.pk).exists()
    assert not default_storage.exists(file.key)
    room.refresh_from_db()
    assert room.file_bytes == 0


def test_what_an_admin_hides_is_hidden_and_comes_back_when_restored(api, alice, bob, room, person):
    message = send(bob, room, give(bob), body="look")
    actions.delete(alice.pk, message.id)
    cleanup.bury()
    assert selectors.get_message(bob.pk, message.id).attachments == []
    assert api(bob).get(message.attachments[0].url).status_code == 404
    moderator = person("moderator", is_superuser=True, is_staff=True)
    actions.restore(moderator.pk, message.id)
    assert api(bob).get(message.attachments[0].url).status_code == 200


def test_forwarding_shares_the_file_and_the_last_message_takes_it_along(api, alice, bob, carol, room):
    message = send(alice, room, give(alice), body="look")
    other = Conversation.objects.get(pk=actions.open_direct(bob.pk, carol.pk)[0].id)
    forwarded, _ = actions.send(bob.pk, other.pk, uuid.uuid4(), "", forward_id=message.id)
    assert forwarded.attachments[0].name == "notes.txt"
    assert forwarded.attachments[0].id != message.attachments[0].id
    assert File.objects.count() == 1
    actions.delete(alice.pk, message.id)
    cleanup.bury()
    assert api(carol).get(forwarded.attachments[0].url).getvalue() == b"some words"
    actions.delete(bob.pk, forwarded.id)
    cleanup.bury()
    assert not File.objects.exists()


def test_an_edit_leaves_the_files_alone_and_may_take_all_words_away(alice, room):
    message = send(alice, room, give(alice), body="look")
    edited = actions.edit(alice.pk, message.id, "")
    assert (edited.body, len(edited.attachments)) == ("", 1)
    with pytest.raises(ApplicationError):
        actions.edit(alice.pk, actions.send(alice.pk, room.pk, uuid.uuid4(), "words")[0].id, "")


def test_a_reply_quotes_the_name_of_a_file_without_words(alice, bob, room):
    message = send(alice, room, give(alice, name="notes.txt"), give(alice))
    reply, _ = actions.send(bob.pk, room.pk, uuid.uuid4(), "thanks", reply_to_id=message.id)
    assert reply.reply_to.excerpt == "📎 notes.txt +1"


def test_files_of_a_conversation_by_kind_newest_first(api, alice, bob, mallory, room):
    send(alice, room, give(alice, name="one.txt"))
    send(alice, room, give(alice, picture(), "two.png"), give(alice, b"%PDF-1.7", "three.pdf"))
    path = f"conversations/{room.pk}/files/"
    assert [row["attachment"]["name"] for row in api(bob).get(path).json()["results"]] == [
        "three.pdf",
        "two.png",
        "one.txt",
    ]
    images = api(bob).get(path + "?kind=image").json()["results"]
    assert [(row["attachment"]["name"], row["seq"], row["sender"]["username"]) for row in images] == [
        ("two.png", 2, "alice")
    ]
    first = api(bob).get(path + "?limit=2").json()
    assert [row["attachment"]["name"] for row in api(bob).get(first["next"]).json()["results"]] == ["one.txt"]
    assert api(mallory).get(path).status_code == 404
    assert api(bob).get(path + "?kind=rubbish").status_code == 400


def test_a_page_of_messages_asks_no_question_more_for_its_files(django_assert_num_queries, alice, room):
    def pages() -> int:
        with django_assert_num_queries(3):
            return len(selectors.get_history(alice.pk, room.pk).results)

    actions.send(alice.pk, room.pk, uuid.uuid4(), "words")
    pages()
    for _ in range(5):
        send(alice, room, give(alice), give(alice))
    pages()


def test_limits_are_told_before_bytes_are_wasted(api, alice, room, settings):
    said = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_LENGTH": "1000"}
    settings.FILE_LIMIT = 999
    refused(api(alice)("POST", "uploads/", **said), "too_large", 413)
    settings.FILE_LIMIT, settings.PERSON_FILES_LIMIT = 2000, 1500
    assert api(alice)("POST", "uploads/", **said).status_code == 201
    refused(api(alice)("POST", "uploads/", **said), "too_large", 413)  # what is on its way counts
    settings.PERSON_FILES_LIMIT, settings.CONVERSATION_FILES_LIMIT = 10**6, 15
    metadata = base64.b64encode(str(room.pk).encode()).decode()
    said["HTTP_UPLOAD_METADATA"] = f"conversation {metadata}"
    refused(api(alice)("POST", "uploads/", **said), "too_large", 413)
    one, other = give(alice), give(alice)
    send(alice, room, one)
    refused(api(alice).send(room.pk, "", attachment_ids=[other.pk]), "too_large", 413)


def test_a_full_disk_is_said_so_and_text_goes_on(api, alice, room, monkeypatch):
    from chat.attachments.storage import disk

    monkeypatch.setattr(disk, "RESERVE", 10**18)
    said = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_LENGTH": "1000"}
    refused(api(alice)("POST", "uploads/", **said), "unavailable", 503)
    assert api(alice).send(room.pk, "still here").status_code == 201


@pytest.mark.parametrize("when", ["write", "fdatasync", "replace"])
def test_a_disk_that_fills_up_meanwhile_is_said_so_and_nothing_half_is_kept(api, alice, room, monkeypatch, when):
    """Whatever the moment: before it is written, when it is synced, when it gets its name."""
    upload = uploads.begin(alice.pk, 5, "a.txt")

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    def bring():
        incoming = uploads.Incoming(alice.pk, upload.pk, 0 if when != "replace" or not again else 5)
        try:
            if not (again and when == "replace"):
                incoming.take(b"words")
            return incoming.finish()
        finally:
            incoming.close()

    again = False
    with monkeypatch.context() as patched:
        patched.setattr(os, when, full)
        with pytest.raises(ApplicationError) as refused:
            bring()
    assert (refused.value.code, refused.value.status) == ("unavailable", 503)
    assert not File.objects.exists() and not Attachment.objects.exists()
    assert api(alice).send(room.pk, "still here").status_code == 201
    again = True  # and later there is room
    whole = bring().attachment
    assert send(alice, room, whole).attachments[0].size == 5


def test_a_file_that_was_sent_is_not_taken_back_by_its_upload(api, alice, bob, room):
    upload = uploads.begin(alice.pk, 1, "a.txt")
    incoming = uploads.Incoming(alice.pk, upload.pk, 0)
    incoming.take(b"x")
    whole = incoming.finish().attachment
    incoming.close()
    message = send(alice, room, whole)
    with pytest.raises(ApplicationError):
        uploads.give_up(alice.pk, upload.pk)
    assert api(bob).get(message.attachments[0].url).getvalue() == b"x"


def test_sending_words_asks_nothing_about_files(alice, room):
    """The path that every message takes costs what it did before there were files."""
    words = [Send(alice.pk, room.pk, uuid.uuid4(), f"number {number}") for number in range(5)]
    with CaptureQueriesContext(connection) as asked:
        assert all(outcome.message for outcome in send_many(words))
    tables = {table._meta.db_table for table in (Attachment, File, Upload)}
    assert not [each["sql"] for each in asked if any(f'"{table}"' in each["sql"] for table in tables)]


def test_what_was_never_sent_is_swept_after_a_day(alice, bob, room, settings):
    kept = give(alice)
    send(alice, room, kept)
    unsent = give(alice)
    unfinished = uploads.begin(bob.pk, 100, "late.bin")
    key = unsent.file.key
    cleanup.sweep()
    assert Attachment.objects.count() == 2
    settings.UNSENT_HOURS = 0
    type(unfinished).objects.filter(pk=unfinished.pk).update(expires_at=unfinished.created_at)
    cleanup.sweep()
    cleanup.bury()
    assert list(Attachment.objects.all()) == [kept]
    assert not type(unfinished).objects.filter(owner=bob).exists()
    assert not default_storage.exists(key)
    assert default_storage.exists(kept.file.key)


def test_a_deleted_groups_files_go_a_day_later(alice, room, django_assert_num_queries):
    send(alice, room, give(alice))
    actions.delete_group(alice.pk, room.pk)
    Conversation.objects.filter(pk=room.pk).update(deleted_at="2026-01-01T00:00:00Z")
    cleanup.sweep()
    cleanup.bury()
    assert not File.objects.exists()


def test_the_message_is_there_at_once_and_the_picture_follows(api, alice, bob, room):
    attachment = give(alice, picture((1200, 900), "JPEG"), "beach.jpg")
    message = send(alice, room, attachment)
    shown = message.attachments[0]
    assert (shown.kind, shown.width, shown.height, shown.ready, shown.thumbnail_url) == (
        "image",
        1200,
        900,
        False,
        None,
    )
    assert api(bob).get(shown.url).status_code == 503
    processing.prepare(attachment.file_id)
    now = selectors.get_message(bob.pk, message.id)
    assert now.version > message.version
    assert (now.attachments[0].ready, now.attachments[0].thumbnail_url) == (True, f"/files/{shown.id}/thumbnails/480")
    assert api(bob).get(now.attachments[0].url)["Content-Type"] == "image/jpeg"
    small = api(bob).get(now.attachments[0].thumbnail_url)
    assert Image.open(io.BytesIO(small.getvalue())).size == (480, 360)
    changes = selectors.get_changes(bob.pk, room.pk, message.version)
    assert [each.id for each in changes.messages] == [message.id]


def test_messages_and_attachments_never_disagree(alice, bob, room):
    """What a message's row shows is what the attachments say."""
    from chat.attachments.schemas import as_kept, attachment_schema

    message = send(alice, room, give(alice, picture()), give(alice))
    for each in Attachment.objects.filter(kind="image"):
        processing.prepare(each.file_id)
    row = Message.objects.get(pk=message.id)
    rows = Attachment.objects.filter(message=row).select_related("file").order_by("place")
    assert row.files == as_kept([attachment_schema(each) for each in rows])


def test_without_scripts_a_form_brings_files_too_and_twice_is_once(client, alice, bob, room):
    client.force_login(alice)
    client_id = str(uuid.uuid4())

    def post():
        files = [SimpleUploadedFile("../a.txt", b"one"), SimpleUploadedFile("b.txt", b"two")]
        return client.post(f"/c/{room.pk}/send/", {"body": "look", "client_id": client_id, "files": files})

    assert [post().status_code, post().status_code] == [302, 302]
    (message,) = [each for each in selectors.get_history(bob.pk, room.pk).results if each.kind == "text"]
    assert [each.name for each in message.attachments] == ["a.txt", "b.txt"]
    page = client.get(f"/c/{room.pk}/").content.decode()
    assert f'href="{message.attachments[0].url}?download"' in page
