"""Tests of the export of a conversation: who gets one, what it contains, and that each request is in the log."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.actions import contacts
from audit.models import AuditEntry
from chat import actions
from chat.attachments import uploads
from chat.export import actions as export_actions
from chat.export import archive as export_archive
from chat.export import conversation_actions
from chat.models import Conversation, ConversationExport
from messenger.core.errors import ApplicationError
from tests.admin.conftest import AdminSession, get_permission, send_message


@pytest.fixture
def officer(make_user):
    """Creates a staff user who may export conversations and place and view legal holds."""
    user = make_user("olga", is_staff=True)
    names = ("add_conversationexport", "view_conversation", "add_legalhold", "view_legalhold")
    user.user_permissions.add(*(get_permission(f"chat.{name}") for name in names))
    return user


def read_export(user, conversation, run_tasks, **options) -> dict[str, bytes]:
    """Requests and builds an export. Returns the contents of the files in it, by their path."""
    conversation_actions.request_export(user.pk, conversation.pk, **options)
    run_tasks()
    for_staff = options.get("for_staff", False)
    export = conversation_actions.get_ready_export(user.pk, conversation.pk, for_staff=for_staff)
    with default_storage.open(export.key) as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read_page(contents: dict[str, bytes]) -> str:
    return contents["messages/messages-1.html"].decode()


def read_bodies(contents: dict[str, bytes]) -> list[str]:
    return [each["body"] for each in json.loads(contents["messages/messages-1.json"]) if each["kind"] == "text"]


def send_file(user, conversation_id: int, name: str, body: str = "") -> int:
    attachment = uploads.store_upload(user.pk, name, 4, [b"data"])
    return send_message(user, conversation_id, body, attachment_ids=[attachment.pk])


def test_the_owner_exports_a_group_with_the_messages_members_and_files_of_all(alice, bob, group, run_tasks):
    send_message(alice, group.pk, "see **this** <script>")
    send_file(bob, group.pk, "plan.txt")
    actions.delete_message(bob.pk, send_file(bob, group.pk, "secret.txt", "never mind"))
    contents = read_export(alice, group, run_tasks)
    assert read_bodies(contents) == ["see **this** <script>", "", ""]
    assert "<strong>this</strong>" in read_page(contents) and "&lt;script&gt;" in read_page(contents)
    [file] = [name for name in contents if name.startswith("files/")]
    assert file.endswith("plan.txt") and contents[file] == b"data"
    assert f'href="../{file.replace(" ", "%20")}"' in read_page(contents)
    description = json.loads(contents["conversation.json"])
    assert {"alice", "bob"} <= {each["user"]["username"] for each in description["members"]}
    assert [each["name"] for each in description["files"]] == ["plan.txt"]
    assert "plan.txt" in contents["index.html"].decode()
    everything = b"".join(contents.values()).decode()
    assert "never mind" not in everything and "secret.txt" not in everything


def test_members_strangers_and_people_of_a_direct_conversation_get_no_export(
    alice, bob, mallory, officer, group, direct_conversation
):
    for user, conversation, code in (
        (bob, group, "forbidden"),
        (mallory, group, "not_found"),
        (officer, group, "not_found"),
        (alice, direct_conversation, "forbidden"),
    ):
        with pytest.raises(ApplicationError, match=code):
            conversation_actions.request_export(user.pk, conversation.pk)
    with pytest.raises(ApplicationError, match="forbidden"):
        conversation_actions.request_export(alice.pk, group.pk, for_staff=True, reason="case 7")
    with pytest.raises(ApplicationError, match="invalid"):
        conversation_actions.request_export(officer.pk, group.pk, for_staff=True)
    assert not ConversationExport.objects.exists() and not AuditEntry.objects.filter(action__endswith="export").exists()


def test_each_request_is_in_the_audit_log_and_the_log_of_the_group_names_only_its_admins(alice, officer, group):
    conversation_actions.request_export(alice.pk, group.pk)
    conversation_actions.request_export(officer.pk, group.pk, for_staff=True, reason="case 7")
    entries = AuditEntry.objects.filter(action__endswith="export").order_by("pk")
    assert [(entry.action, entry.actor_id, entry.reason, entry.conversation_id) for entry in entries] == [
        ("group.export", alice.pk, "", group.pk),
        ("conversation.export", officer.pk, "case 7", group.pk),
    ]
    client = Client()
    client.force_login(alice)
    page = client.get(f"/c/{group.pk}/log/").content.decode()
    assert "exported the group" in page and "olga" not in page


def test_under_legal_hold_staff_get_what_was_deleted_and_the_owner_does_not(
    alice, bob, officer, direct_conversation, group, run_tasks
):
    for conversation in (direct_conversation, group):
        actions.place_hold(officer.pk, conversation_id=conversation.pk, reason="case 7")
        message = send_file(bob, conversation.pk, "evidence.txt", "I will <b>find</b> you")
        actions.delete_message(bob.pk, message)
    contents = read_export(officer, direct_conversation, run_tasks, for_staff=True, reason="case 7")
    assert read_bodies(contents) == ["I will <b>find</b> you"]
    assert "I will &lt;b&gt;find&lt;/b&gt; you" in read_page(contents) and "Deleted" in read_page(contents)
    assert [name.endswith("evidence.txt") for name in contents if name.startswith("files/")] == [True]
    [copy] = json.loads(contents["conversation.json"])["deleted_under_legal_hold"]
    assert copy["body"] == "I will <b>find</b> you"
    everything = b"".join(read_export(alice, group, run_tasks).values()).decode()
    assert "find" not in everything and "evidence.txt" not in everything


def test_staff_without_the_permission_for_legal_holds_get_no_copies(bob, officer, group, run_tasks):
    actions.place_hold(officer.pk, conversation_id=group.pk, reason="case 7")
    actions.delete_message(bob.pk, send_file(bob, group.pk, "evidence.txt", "find you"))
    officer.user_permissions.remove(get_permission("chat.view_legalhold"))
    contents = read_export(officer, group, run_tasks, for_staff=True, reason="case 8")
    everything = b"".join(contents.values()).decode()
    assert "find you" not in everything and "evidence.txt" not in everything


def test_messages_of_a_blocked_person_are_collapsed_as_in_the_log(alice, bob, group, run_tasks):
    send_message(bob, group.pk, "spam")
    contacts.block_user(alice.pk, bob.pk)
    page = read_page(read_export(alice, group, run_tasks))
    assert page.index("<details>") < page.index("spam") < page.index("</details>")


def test_messages_that_retention_has_removed_are_not_exported(alice, group, run_tasks):
    send_message(alice, group.pk, "first")
    Conversation.objects.filter(pk=group.pk).update(removed_seq=Conversation.objects.get(pk=group.pk).last_seq)
    send_message(alice, group.pk, "second")
    assert read_bodies(read_export(alice, group, run_tasks)) == ["second"]


def test_an_admin_who_becomes_a_member_gets_nothing(alice, bob, group, run_tasks):
    actions.set_role(alice.pk, group.pk, bob.pk, "admin")
    conversation_actions.request_export(bob.pk, group.pk)
    actions.set_role(alice.pk, group.pk, bob.pk, "member")
    run_tasks()
    assert ConversationExport.objects.get().state == "failed"
    actions.set_role(alice.pk, group.pk, bob.pk, "admin")
    read_export(bob, group, run_tasks)
    actions.set_role(alice.pk, group.pk, bob.pk, "member")
    client = Client()
    client.force_login(bob)
    assert client.get(f"/c/{group.pk}/export/archive/").status_code == 403


def test_one_at_a_time_a_new_one_replaces_the_old_one_and_it_expires(alice, group, run_tasks, transactional_db):
    first, is_new = conversation_actions.request_export(alice.pk, group.pk)
    assert is_new and conversation_actions.request_export(alice.pk, group.pk) == (first, False)
    run_tasks()
    old = conversation_actions.get_ready_export(alice.pk, group.pk).key
    read_export(alice, group, run_tasks)
    new = ConversationExport.objects.get().key
    assert not default_storage.exists(old) and default_storage.exists(new)
    ConversationExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ApplicationError, match="not_found"):
        conversation_actions.get_ready_export(alice.pk, group.pk)
    export_actions.clean_up_exports()
    assert not ConversationExport.objects.exists() and not default_storage.exists(new)


def test_a_killed_build_is_begun_again_and_written_once(alice, group, run_tasks, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    send_message(alice, group.pk, "hello")
    export, _new = conversation_actions.request_export(alice.pk, group.pk)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(export_archive.ArchiveBuilder, "_write_page", kill)
        conversation_actions.build_export(export.pk)
    assert ConversationExport.objects.get().state == "building"
    for _twice in range(2):
        conversation_actions.build_export(export.pk)
    export.refresh_from_db()
    assert (export.state, export.tries) == ("ready", 2) and default_storage.exists(export.key)


def test_the_owner_exports_on_the_page_and_over_the_api(alice, group, run_tasks):
    client = Client()
    client.force_login(alice)
    page, api = f"/c/{group.pk}/export/", f"/api/v1/conversations/{group.pk}/export/"
    assert f'href="{page}"' in client.get(f"/c/{group.pk}/settings/").content.decode()
    assert client.get(api).status_code == 404
    assert client.post(page).url == page
    assert 'data-state="building"' in client.get(page).content.decode()
    again = client.post(api)
    assert again.status_code == 200 and again.json()["state"] == "building" and again.json()["url"] is None
    run_tasks()
    assert 'data-state="ready"' in client.get(page).content.decode()
    export = client.get(api).json()
    answer = client.get(export["url"])
    assert answer["Content-Type"] == "application/zip" and answer["Cache-Control"] == "private, no-store"
    assert len(b"".join(answer.streaming_content)) == export["size"]
    assert client.post(api).status_code == 201


def test_staff_export_in_the_admin_with_a_reason_and_download_only_their_own(officer, make_user, group, run_tasks):
    session = AdminSession(officer)
    session.press_button("conversation", "export", group.pk)
    assert not ConversationExport.objects.exists()
    session.press_button("conversation", "export", group.pk, reason="case 7")
    run_tasks()
    export = ConversationExport.objects.get()
    url = f"/admin/chat/conversationexport/{group.pk}/archive/"
    page = session.page("conversationexport", export.pk).content.decode()
    assert url in page and "case 7" in page and session.client.get(url)["Content-Type"] == "application/zip"
    other = AdminSession(make_user("root-of-all", is_staff=True, is_superuser=True))
    assert other.page("conversationexport", export.pk).status_code == 200 and other.client.get(url).status_code == 404
    officer.user_permissions.remove(get_permission("chat.add_conversationexport"))
    assert session.client.get(url).status_code == 403 and session.list("conversationexport").status_code == 403
