"""Tests of messages with files: sending by API and form, permissions, forwarding, deletion and cleanup."""

from __future__ import annotations

import base64
import errno
import io
import os
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from chat import actions, selectors
from chat.actions import attachments
from chat.actions.sending import SendCommand, send_many
from chat.attachments import cleanup, uploads
from chat.attachments.message_files import recount_conversation_sizes
from chat.attachments.schemas import upload_schema
from chat.attachments.storage import disk
from chat.models import Attachment, Conversation, File, Message, Upload
from chat.payloads import SendPayload
from messenger.core.errors import ApplicationError
from messenger.core.timestamps import format_timestamp
from tests.api.conftest import assert_error

pytestmark = pytest.mark.usefixtures("transactional_db")  # messages are stored by the thread of the send queue


def make_image(size=(64, 48), kind="PNG", **options) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", size, "teal").save(output, kind, **options)
    return output.getvalue()


def create_attachment(user, data: bytes = b"some words", name: str = "notes.txt") -> Attachment:
    """Creates an attachment that the user has uploaded but not sent yet."""
    return uploads.store_upload(user.pk, name, len(data), [data])


def send_message(user, group, *attachments: Attachment, body: str = "", **fields):
    ids = [each.pk for each in attachments]
    return actions.send_message(user.pk, group.pk, uuid.uuid4(), body, attachment_ids=ids, **fields)[0]


def test_a_message_shows_its_files_in_their_order(api, alice, bob, group):
    first, second = create_attachment(alice, name="b.txt"), create_attachment(alice, name="a.txt")
    response = api(alice).send(group.pk, "look", attachment_ids=[first.pk, second.pk])
    assert response.status_code == 201
    shown = api(bob).get(f"conversations/{group.pk}/messages/").json()["results"][-1]
    assert [each["name"] for each in shown["attachments"]] == ["b.txt", "a.txt"]
    assert shown["attachments"] == response.json()["attachments"]
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
        "is_voice_note": False,
    }


def test_a_message_needs_text_or_files(api, alice, group):
    assert api(alice).send(group.pk, "", attachment_ids=[create_attachment(alice).pk]).status_code == 201
    assert_error(api(alice).send(group.pk, ""), "invalid", 400, "body")


def test_sending_again_is_idempotent_and_other_files_are_a_conflict(api, alice, group):
    first, second, client_id = create_attachment(alice), create_attachment(alice), str(uuid.uuid4())
    fields = {"client_id": client_id, "body": "", "attachment_ids": [first.pk]}
    assert api(alice).post(f"conversations/{group.pk}/messages/", fields).status_code == 201
    again = api(alice).post(f"conversations/{group.pk}/messages/", fields)
    assert (again.status_code, again.json()["attachments"][0]["id"]) == (200, first.pk)
    fields["attachment_ids"] = [second.pk]
    assert_error(api(alice).post(f"conversations/{group.pk}/messages/", fields), "conflict", 409)


def test_only_own_unsent_files_can_be_sent(api, alice, bob, group):
    mine, sent = create_attachment(alice), create_attachment(bob)
    assert_error(api(bob).send(group.pk, "", attachment_ids=[mine.pk]), "invalid", 400, "attachment_ids")
    send_message(bob, group, sent)
    assert_error(api(bob).send(group.pk, "", attachment_ids=[sent.pk]), "invalid", 400, "attachment_ids")
    assert_error(api(bob).send(group.pk, "", attachment_ids=[999_999]), "invalid", 400, "attachment_ids")
    many = [create_attachment(alice).pk for _ in range(11)]
    assert_error(api(alice).send(group.pk, "", attachment_ids=many), "invalid", 400, "attachment_ids")


def test_non_members_get_404_for_a_file(api, alice, bob, mallory, group):
    url = send_message(alice, group, create_attachment(alice)).attachments[0].url
    assert api(bob).get(url).getvalue() == b"some words"
    never = api(mallory).get("/files/999999/notes.txt")
    for caller in (api(mallory), api()):
        response = caller.get(url)
        assert (response.status_code, response.content) == (404, never.content)
    assert api(bob).get(url.replace("notes", "other")).status_code == 404
    actions.remove_member(alice.pk, group.pk, bob.pk)
    assert api(bob).get(url).status_code == 404


def test_an_unsent_file_is_visible_to_its_owner_only(api, alice, bob, group):
    url = f"/files/{create_attachment(alice).pk}/notes.txt"
    assert api(alice).get(url).status_code == 200
    assert api(bob).get(url).status_code == 404


def test_deleting_a_message_deletes_its_file(api, alice, bob, group):
    file = create_attachment(alice).file
    message = send_message(alice, group, Attachment.objects.get(file=file), body="look")
    group.refresh_from_db()
    assert group.file_bytes == 10
    actions.delete_message(alice.pk, message.id)
    cleanup.delete_orphaned_files()
    assert api(bob).get(message.attachments[0].url).status_code == 404
    assert selectors.get_message(bob.pk, message.id).attachments == []
    assert not File.objects.filter(pk=file.pk).exists()
    assert not default_storage.exists(file.key)
    group.refresh_from_db()
    assert group.file_bytes == 0


def test_hiding_a_message_hides_its_file_and_restoring_shows_it(api, alice, bob, group, make_user):
    message = send_message(bob, group, create_attachment(bob), body="look")
    actions.delete_message(alice.pk, message.id)
    cleanup.delete_orphaned_files()
    assert selectors.get_message(bob.pk, message.id).attachments == []
    assert api(bob).get(message.attachments[0].url).status_code == 404
    moderator = make_user("moderator", is_superuser=True, is_staff=True)
    actions.restore_message(moderator.pk, message.id)
    assert api(bob).get(message.attachments[0].url).status_code == 200


def test_forwarding_shares_the_file_until_its_last_message_is_deleted(api, alice, bob, carol, group):
    message = send_message(alice, group, create_attachment(alice), body="look")
    other = Conversation.objects.get(pk=actions.open_direct_conversation(bob.pk, carol.pk)[0].id)
    forwarded, _ = actions.send_message(bob.pk, other.pk, uuid.uuid4(), "", forward_id=message.id)
    assert forwarded.attachments[0].name == "notes.txt"
    assert forwarded.attachments[0].id != message.attachments[0].id
    assert File.objects.count() == 1
    actions.delete_message(alice.pk, message.id)
    cleanup.delete_orphaned_files()
    assert api(carol).get(forwarded.attachments[0].url).getvalue() == b"some words"
    actions.delete_message(bob.pk, forwarded.id)
    cleanup.delete_orphaned_files()
    assert not File.objects.exists()


def test_an_edit_keeps_files_and_may_remove_all_text(alice, group):
    message = send_message(alice, group, create_attachment(alice), body="look")
    edited = actions.edit_message(alice.pk, message.id, "")
    assert (edited.body, len(edited.attachments)) == ("", 1)
    with pytest.raises(ApplicationError):
        actions.edit_message(alice.pk, actions.send_message(alice.pk, group.pk, uuid.uuid4(), "words")[0].id, "")


def test_a_reply_to_a_message_without_text_quotes_the_file_name(alice, bob, group):
    message = send_message(alice, group, create_attachment(alice, name="notes.txt"), create_attachment(alice))
    reply, _ = actions.send_message(bob.pk, group.pk, uuid.uuid4(), "thanks", reply_to_id=message.id)
    assert reply.reply_to.excerpt == "📎 notes.txt +1"


def test_files_of_a_conversation_by_kind_newest_first(api, alice, bob, mallory, group):
    send_message(alice, group, create_attachment(alice, name="one.txt"))
    send_message(
        alice,
        group,
        create_attachment(alice, make_image(), "two.png"),
        create_attachment(alice, b"%PDF-1.7", "three.pdf"),
    )
    path = f"conversations/{group.pk}/files/"
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


def test_a_page_of_messages_needs_no_extra_queries_for_files(django_assert_num_queries, alice, group):
    def pages() -> int:
        with django_assert_num_queries(3):
            return len(selectors.get_history(alice.pk, group.pk).results)

    actions.send_message(alice.pk, group.pk, uuid.uuid4(), "words")
    pages()
    for _ in range(5):
        send_message(alice, group, create_attachment(alice), create_attachment(alice))
    pages()


def test_limits_are_checked_before_bytes_are_sent(api, alice, group, settings):
    headers = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_LENGTH": "1000"}
    settings.FILE_LIMIT = 999
    assert_error(api(alice)("POST", "uploads/", **headers), "too_large", 413)
    settings.FILE_LIMIT, settings.PERSON_FILES_LIMIT = 2000, 1500
    assert api(alice)("POST", "uploads/", **headers).status_code == 201
    assert_error(api(alice)("POST", "uploads/", **headers), "too_large", 413)  # unfinished uploads count, too
    settings.PERSON_FILES_LIMIT, settings.CONVERSATION_FILES_LIMIT = 10**6, 15
    metadata = base64.b64encode(str(group.pk).encode()).decode()
    headers["HTTP_UPLOAD_METADATA"] = f"conversation {metadata}"
    assert_error(api(alice)("POST", "uploads/", **headers), "too_large", 413)
    one, other = create_attachment(alice), create_attachment(alice)
    send_message(alice, group, one)
    assert_error(api(alice).send(group.pk, "", attachment_ids=[other.pk]), "too_large", 413)


def test_a_full_disk_returns_503_and_text_messages_work(api, alice, group, monkeypatch):
    monkeypatch.setattr(disk, "RESERVED_BYTES", 10**18)
    headers = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_LENGTH": "1000"}
    assert_error(api(alice)("POST", "uploads/", **headers), "unavailable", 503)
    assert api(alice).send(group.pk, "still here").status_code == 201


def test_unfinished_uploads_count_against_the_free_space(api, alice, bob, monkeypatch):
    """The disk has space for 2,500 bytes. After two uploads of 1,000 bytes each have begun, a third one is rejected.

    The space that unfinished uploads still need is not available for new uploads.
    """
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _path: SimpleNamespace(free=disk.RESERVED_BYTES + 2500))
    first = uploads.create_upload(alice.pk, 1000, "a.bin")
    uploads.create_upload(bob.pk, 1000, "b.bin")
    headers = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_LENGTH": "1000"}
    assert_error(api(alice)("POST", "uploads/", **headers), "unavailable", 503)
    uploads.cancel_upload(alice.pk, first.pk)
    assert api(alice)("POST", "uploads/", **headers).status_code == 201


def test_bytes_are_refused_before_the_reserved_space_is_used(alice, monkeypatch):
    """After an upload is created, something else fills the disk, so the server rejects the bytes of the upload.

    When the disk has space again, the upload can be finished.
    """
    upload = uploads.create_upload(alice.pk, 5, "a.txt")
    with monkeypatch.context() as patched:
        patched.setattr(disk.shutil, "disk_usage", lambda _path: SimpleNamespace(free=disk.RESERVED_BYTES + 4))
        part = uploads.IncomingPart(alice.pk, upload.pk, 0)
        with pytest.raises(ApplicationError) as refused:
            part.write(b"words")
        part.close()
    assert refused.value.code == "unavailable"
    part = uploads.IncomingPart(alice.pk, upload.pk, 0)
    part.write(b"words")
    assert part.finish().attachment is not None


@pytest.mark.parametrize("when", ["write", "fdatasync", "replace"])
def test_a_disk_that_fills_up_during_an_upload_returns_503_and_keeps_no_partial_file(
    api, alice, group, monkeypatch, when
):
    """The disk becomes full while the server writes, syncs or renames the file of an upload.

    The client gets an error. When the disk has space again, the upload can be finished.
    """
    upload = uploads.create_upload(alice.pk, 5, "a.txt")

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    def send_part():
        incoming = uploads.IncomingPart(alice.pk, upload.pk, 0 if when != "replace" or not again else 5)
        try:
            if not (again and when == "replace"):
                incoming.write(b"words")
            return incoming.finish()
        finally:
            incoming.close()

    again = False
    with monkeypatch.context() as patched:
        patched.setattr(os, when, full)
        with pytest.raises(ApplicationError) as refused:
            send_part()
    assert (refused.value.code, refused.value.status) == ("unavailable", 503)
    assert not File.objects.exists() and not Attachment.objects.exists()
    assert api(alice).send(group.pk, "still here").status_code == 201
    again = True  # from now on there is space on the disk
    whole = send_part().attachment
    assert send_message(alice, group, whole).attachments[0].size == 5


def test_the_size_of_a_conversations_files_does_not_drift(alice, bob, group):
    """Processing makes an image file smaller or larger. The stored size of all files of a conversation must change by
    the same number of bytes.
    """
    for color, size in (("teal", (2000, 1500)), ("red", (30, 20))):
        sent = []
        for forwarded in (False, True):
            data = make_image(size, compress_level=0 if color == "teal" else 9)
            attachment = create_attachment(alice, data, "picture.png") if not forwarded else None
            message = (
                send_message(alice, group, attachment)
                if attachment
                else actions.send_message(bob.pk, group.pk, uuid.uuid4(), "", forward_id=sent[0].id)[0]
            )
            sent.append(message)
        attachments.process_file(Attachment.objects.get(message=sent[0].id).file_id)
        group.refresh_from_db()
        assert group.file_bytes == sum(each.file.size for each in Attachment.objects.select_related("file"))
        actions.delete_message(alice.pk, sent[0].id)
        actions.delete_message(bob.pk, sent[1].id)
        group.refresh_from_db()
        assert group.file_bytes == 0


def test_a_wrong_size_of_a_conversations_files_is_corrected(alice, bob, carol, group):
    other = Conversation.objects.get(pk=actions.create_group(carol.pk, "Other", []).id)
    for _ in range(2):
        send_message(alice, group, create_attachment(alice), create_attachment(alice))
    deleted = send_message(alice, group, create_attachment(alice))
    actions.delete_message(alice.pk, deleted.id)
    create_attachment(alice)  # not sent
    assert recount_conversation_sizes() == 0
    group.refresh_from_db()
    right = group.file_bytes
    assert right == 40
    for wrong in (right + 5, 0, -7):
        Conversation.objects.update(file_bytes=wrong)
        assert recount_conversation_sizes() == (2 if wrong else 1)
        for each, size in ((group, right), (other, 0)):
            each.refresh_from_db()
            assert each.file_bytes == size


def test_a_worker_that_is_killed_before_the_message_is_updated_updates_it_later(alice, bob, group, monkeypatch):
    attachment = create_attachment(alice, make_image(), "picture.png")
    message = send_message(alice, group, attachment)
    with monkeypatch.context() as patched:
        patched.setattr(attachments, "_update_messages", lambda _file: None)  # as if the worker was killed here
        attachments.process_file(attachment.file_id)
    assert not selectors.get_message(bob.pk, message.id).attachments[0].ready
    attachments.process_file(attachment.file_id)
    assert selectors.get_message(bob.pk, message.id).attachments[0].ready


def test_cancelling_an_upload_keeps_a_file_that_was_sent(api, alice, bob, group):
    upload = uploads.create_upload(alice.pk, 1, "a.txt")
    incoming = uploads.IncomingPart(alice.pk, upload.pk, 0)
    incoming.write(b"x")
    whole = incoming.finish().attachment
    incoming.close()
    message = send_message(alice, group, whole)
    with pytest.raises(ApplicationError):
        uploads.cancel_upload(alice.pk, upload.pk)
    assert api(bob).get(message.attachments[0].url).getvalue() == b"x"


def test_sending_text_makes_no_queries_for_files(alice, group):
    """Sending a message without files makes no database query on the tables of files, uploads and attachments."""
    words = [SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), f"number {number}")) for number in range(5)]
    with CaptureQueriesContext(connection) as queries:
        assert all(outcome.message for outcome in send_many(words))
    tables = {table._meta.db_table for table in (Attachment, File, Upload)}
    assert not [each["sql"] for each in queries if any(f'"{table}"' in each["sql"] for table in tables)]


def test_unsent_files_are_deleted_after_a_day(alice, bob, group, settings):
    kept = create_attachment(alice)
    send_message(alice, group, kept)
    unsent = create_attachment(alice)
    unfinished = uploads.create_upload(bob.pk, 100, "late.bin")
    key = unsent.file.key
    cleanup.clean_up()
    assert Attachment.objects.count() == 2
    settings.UNSENT_HOURS = 0
    type(unfinished).objects.filter(pk=unfinished.pk).update(expires_at=unfinished.created_at)
    cleanup.clean_up()
    cleanup.delete_orphaned_files()
    assert list(Attachment.objects.all()) == [kept]
    assert not type(unfinished).objects.filter(owner=bob).exists()
    assert not default_storage.exists(key)
    assert default_storage.exists(kept.file.key)


def test_a_complete_upload_expires_when_the_unsent_file_is_deleted(alice):
    unsent = create_attachment(alice)
    upload = uploads.create_upload(alice.pk, 10, "notes.txt")
    assert upload_schema(upload).expires_at == format_timestamp(upload.expires_at)
    upload.attachment = unsent
    assert upload_schema(upload).expires_at == format_timestamp(unsent.created_at + timedelta(hours=24))


def test_files_of_a_deleted_group_are_deleted_after_a_day(alice, group, django_assert_num_queries):
    send_message(alice, group, create_attachment(alice))
    actions.delete_group(alice.pk, group.pk)
    Conversation.objects.filter(pk=group.pk).update(deleted_at="2026-01-01T00:00:00Z")
    cleanup.clean_up()
    cleanup.delete_orphaned_files()
    assert not File.objects.exists()


def test_a_message_is_sent_at_once_and_its_image_is_processed_later(api, alice, bob, group):
    attachment = create_attachment(alice, make_image((1200, 900), "JPEG"), "beach.jpg")
    message = send_message(alice, group, attachment)
    shown = message.attachments[0]
    assert (shown.kind, shown.width, shown.height, shown.ready, shown.thumbnail_url) == (
        "image",
        1200,
        900,
        False,
        None,
    )
    assert api(bob).get(shown.url).status_code == 503
    attachments.process_file(attachment.file_id)
    now = selectors.get_message(bob.pk, message.id)
    assert now.version > message.version
    assert (now.attachments[0].ready, now.attachments[0].thumbnail_url) == (True, f"/files/{shown.id}/thumbnails/480")
    assert api(bob).get(now.attachments[0].url)["Content-Type"] == "image/jpeg"
    small = api(bob).get(now.attachments[0].thumbnail_url)
    assert Image.open(io.BytesIO(small.getvalue())).size == (480, 360)
    changes = selectors.get_changes(bob.pk, group.pk, message.version)
    assert [each.id for each in changes.messages] == [message.id]


def test_message_rows_match_their_attachments(alice, bob, group):
    """The JSON in `Message.files` contains the same data as the rows of the message's attachments."""
    from chat.attachments.schemas import attachment_schema, serialize_attachments

    message = send_message(alice, group, create_attachment(alice, make_image()), create_attachment(alice))
    for each in Attachment.objects.filter(kind="image"):
        attachments.process_file(each.file_id)
    row = Message.objects.get(pk=message.id)
    rows = Attachment.objects.filter(message=row).select_related("file").order_by("place")
    assert row.files == serialize_attachments([attachment_schema(each) for each in rows])


def test_a_form_without_scripts_sends_files_once(client, alice, bob, group):
    client.force_login(alice)
    client_id = str(uuid.uuid4())

    def post():
        files = [SimpleUploadedFile("../a.txt", b"one"), SimpleUploadedFile("b.txt", b"two")]
        return client.post(f"/c/{group.pk}/send/", {"body": "look", "client_id": client_id, "files": files})

    assert [post().status_code, post().status_code] == [302, 302]
    (message,) = [each for each in selectors.get_history(bob.pk, group.pk).results if each.kind == "text"]
    assert [each.name for each in message.attachments] == ["a.txt", "b.txt"]
    page = client.get(f"/c/{group.pk}/").content.decode()
    assert f'href="{message.attachments[0].url}?download"' in page
