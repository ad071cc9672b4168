"""Tests of legal holds: who places them, and that nothing of what is deleted under one is lost to the staff."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from chat import actions, selectors, tasks
from chat.attachments import cleanup, uploads
from chat.attachments.selectors import get_attachment
from chat.models import Attachment, Conversation, HeldCopy, LegalHold, Message
from chat.selectors.legal_holds import is_held
from messenger.core.errors import ApplicationError
from tests.admin.conftest import get_permission, send_message


@pytest.fixture
def officer(make_user):
    """Creates a staff user who may view, place and release legal holds, and nothing else."""
    user = make_user("olga", is_staff=True)
    user.user_permissions.add(*(get_permission(f"chat.{name}_legalhold") for name in ("view", "add", "change")))
    return user


def send_file(user, conversation_id: int, name: str, body: str = "") -> int:
    """Sends a message with a file, without the send queue. Returns its id."""
    attachment = uploads.store_upload(user.pk, name, 4, [b"data"])
    return send_message(user, conversation_id, body, attachment_ids=[attachment.pk])


def test_only_staff_with_the_permission_place_and_release_holds_and_it_is_in_the_log(alice, make_user, officer, group):
    staff = make_user("sam", is_staff=True)
    for user in (alice, staff):
        with pytest.raises(ApplicationError, match="forbidden"):
            actions.place_hold(user.pk, conversation_id=group.pk, reason="case 7")
    for wrong in ({}, {"conversation_id": group.pk, "user_id": alice.pk}):
        with pytest.raises(ApplicationError, match="invalid"):
            actions.place_hold(officer.pk, reason="case 7", **wrong)
    with pytest.raises(ApplicationError, match="invalid"):
        actions.place_hold(officer.pk, conversation_id=group.pk, reason=" ")
    hold = actions.place_hold(officer.pk, conversation_id=group.pk, reason="case 7")
    with pytest.raises(ApplicationError, match="invalid"):
        actions.place_hold(officer.pk, conversation_id=group.pk, reason="again")
    assert is_held(group.pk)
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.release_hold(staff.pk, hold.pk)
    actions.release_hold(officer.pk, hold.pk, "closed")
    actions.release_hold(officer.pk, hold.pk, "again")  # changes nothing
    assert not is_held(group.pk)
    entries = AuditEntry.objects.filter(action__startswith="hold.").order_by("pk")
    assert [(e.action, e.actor_id, e.reason, e.conversation_id) for e in entries] == [
        ("hold.place", officer.pk, "case 7", group.pk),
        ("hold.release", officer.pk, "closed", group.pk),
    ]


def test_a_hold_on_a_person_preserves_the_conversations_that_the_person_has_left_too(
    alice, bob, carol, officer, group, direct_conversation
):
    elsewhere = actions.create_group(carol.pk, "Elsewhere", [])
    actions.remove_member(alice.pk, group.pk, bob.pk)
    actions.place_hold(officer.pk, user_id=bob.pk, reason="case 7")
    assert is_held(group.pk) and is_held(direct_conversation.pk) and not is_held(elsewhere.id)


def test_what_is_deleted_under_hold_is_gone_for_everybody_but_the_staff_with_the_permission(
    alice, bob, officer, group, run_tasks
):
    actions.place_hold(officer.pk, conversation_id=group.pk, reason="case 7")
    message = send_file(bob, group.pk, "evidence.txt", body="frist")
    actions.edit_message(bob.pk, message, "first")
    actions.delete_message(bob.pk, message)
    row = Message.objects.get(pk=message)
    assert row.body == "" and row.files == [] and not row.revisions.exists()
    assert selectors.get_message(alice.pk, message).body == ""
    copy = HeldCopy.objects.get()
    assert (copy.message_id, copy.body, copy.revisions) == (message, "first", ["frist"])
    assert [file["name"] for file in copy.files] == ["evidence.txt"]
    run_tasks()
    attachment = Attachment.objects.get()
    with pytest.raises(ApplicationError, match="not_found"):
        get_attachment(bob.pk, attachment.pk)
    assert Conversation.objects.get(pk=group.pk).file_bytes == 0  # it does not count for the quota of the group


def test_after_the_last_hold_is_released_the_copies_and_their_files_are_deleted(alice, bob, officer, group, run_tasks):
    first = actions.place_hold(officer.pk, conversation_id=group.pk, reason="case 7")
    second = actions.place_hold(officer.pk, user_id=alice.pk, reason="case 8")
    message = send_file(bob, group.pk, "evidence.txt")
    actions.delete_message(bob.pk, message)
    actions.release_hold(officer.pk, first.pk)
    run_tasks()
    assert HeldCopy.objects.exists() and Attachment.objects.exists()
    actions.release_hold(officer.pk, second.pk)
    run_tasks()
    assert not HeldCopy.objects.exists() and not Attachment.objects.exists()
    tasks.discard_held_copies.call()  # has nothing to do


def test_without_a_hold_nothing_is_kept(bob, group):
    actions.delete_message(bob.pk, send_message(bob, group.pk, "hello"))
    assert not HeldCopy.objects.exists() and not LegalHold.objects.exists()


def test_the_files_of_a_deleted_group_stay_while_it_is_under_hold(alice, officer, group):
    hold = actions.place_hold(officer.pk, conversation_id=group.pk, reason="case 7")
    send_file(alice, group.pk, "evidence.txt")
    actions.delete_group(alice.pk, group.pk)
    Conversation.objects.filter(pk=group.pk).update(deleted_at=timezone.now() - timedelta(days=2))
    cleanup.clean_up()
    assert Attachment.objects.exists()
    actions.release_hold(officer.pk, hold.pk)
    cleanup.clean_up()
    assert not Attachment.objects.exists()
