"""Tests of retention: old messages are removed for everybody, in batches, and nothing else changes."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chat import actions, selectors, tasks
from chat.actions import retention
from chat.actions.sending import SendCommand, send_many
from chat.actions.transaction import system_transaction
from chat.attachments import uploads
from chat.models import Attachment, Conversation, File, Mention, Message, Reaction, Revision
from chat.payloads import SendPayload
from chat.selectors.retention import iterate_expired_conversations
from messenger.core.errors import ApplicationError
from tests.admin.conftest import send_message
from tests.live.client_state import load_client_state
from tests.search_index import find_index_differences


def make_old(conversation, days: float = 10, up_to_seq: int = 10**6) -> None:
    old = timezone.now() - timedelta(days=days)
    Message.objects.filter(conversation=conversation, seq__lte=up_to_seq).update(created_at=old)


def unread_count(user, conversation) -> int:
    return selectors.get_conversation(user.pk, conversation.pk).mine.unread_count


def list_seqs(user, conversation, **page) -> list[int]:
    return [message.seq for message in selectors.get_history(user.pk, conversation.pk, **page).results]


@pytest.fixture
def weekly(settings):
    """Lets the site remove messages after seven days."""
    settings.RETENTION_DAYS = 7


def test_nothing_is_removed_unless_the_site_or_the_group_wants_it(alice, group, settings):
    send_message(alice, group.pk, "hello")
    make_old(group, days=4000)
    assert retention.remove_expired_messages() == 0
    Conversation.objects.filter(pk=group.pk).update(retention_days=5000)
    assert retention.remove_expired_messages() == 0
    settings.RETENTION_DAYS = 3999  # the shorter time counts
    assert retention.remove_expired_messages() == Conversation.objects.get(pk=group.pk).last_seq
    assert retention.remove_expired_messages() == 0


def test_old_messages_are_removed_with_everything_that_belongs_to_them(alice, bob, group, weekly, run_tasks):
    attachment = uploads.store_upload(alice.pk, "old.txt", 4, [b"data"])
    first = send_message(alice, group.pk, "helo @bob", attachment_ids=[attachment.pk])
    actions.edit_message(alice.pk, first, "hello @bob")
    actions.set_reaction(bob.pk, first, "👍", True)
    actions.set_pinned(alice.pk, first, True)
    answer = send_message(bob, group.pk, "an answer", reply_to_id=first)
    make_old(group, up_to_seq=Message.objects.get(pk=first).seq)
    retention.remove_expired_messages()
    row = Message.objects.get(pk=first)
    assert (row.body, row.body_html, row.files, row.mentions, row.pinned_at) == ("", "", [], [], None)
    assert not any(model.objects.exists() for model in (Revision, Reaction, Mention, Attachment))
    run_tasks()
    assert not File.objects.exists()
    conversation = Conversation.objects.get(pk=group.pk)
    assert conversation.file_bytes == 0 and conversation.removed_seq == row.seq
    assert find_index_differences() == []
    assert list_seqs(bob, group) == [row.seq + 1] and selectors.list_pins(bob.pk, group.pk) == []
    assert selectors.list_mentions(bob.pk)[0] == []
    quote = selectors.get_message(bob.pk, answer).reply_to
    assert quote.deleted and quote.excerpt == ""
    for read in (selectors.get_message, selectors.list_revisions):
        with pytest.raises(ApplicationError, match="not_found"):
            read(alice.pk, first)
    with pytest.raises(ApplicationError, match="not_found"):
        actions.edit_message(alice.pk, first, "again")


def test_a_repeated_send_of_a_removed_message_finds_it_and_stores_nothing(alice, group, weekly):
    command = SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))
    [sent] = send_many([command])
    make_old(group)
    retention.remove_expired_messages()
    last_seq = Conversation.objects.get(pk=group.pk).last_seq
    [again] = send_many([command])
    assert (again.message.id, again.message.seq, again.created) == (sent.message.id, sent.message.seq, False)
    assert again.message.deleted_at and again.message.body == ""
    [other] = send_many([SendCommand(alice.pk, SendPayload(group.pk, command.payload.client_id, "something else"))])
    assert other.code == "conflict"
    assert Conversation.objects.get(pk=group.pk).last_seq == last_seq


def test_what_is_removed_is_no_longer_unread_and_what_is_new_still_is(alice, bob, carol, group, weekly):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    for number in range(5):
        send_message(alice, group.pk, f"old {number}")
    old_seq = Conversation.objects.get(pk=group.pk).last_seq
    send_message(alice, group.pk, "new")
    send_message(bob, group.pk, "bob has read all")
    make_old(group, up_to_seq=old_seq)
    assert (unread_count(bob, group), unread_count(carol, group)) == (0, 7)
    retention.remove_expired_messages()
    assert (unread_count(alice, group), unread_count(bob, group), unread_count(carol, group)) == (1, 0, 2)
    state = selectors.get_conversation(carol.pk, group.pk).mine
    assert state.read_seq == old_seq


def test_own_newer_messages_are_not_unread_after_the_marker_was_moved_back(alice, bob, group, weekly):
    for number in range(3):
        send_message(alice, group.pk, f"old {number}")
    old_seq = Conversation.objects.get(pk=group.pk).last_seq
    send_message(bob, group.pk, "mine")
    send_message(alice, group.pk, "yours")
    from chat.actions.read_markers import MarkerMove, move_markers

    move_markers([MarkerMove(bob.pk, group.pk, read_seq=old_seq - 1, back=True)])
    assert unread_count(bob, group) == 3
    make_old(group, up_to_seq=old_seq)
    retention.remove_expired_messages()
    assert unread_count(bob, group) == 1
    move_markers([MarkerMove(bob.pk, group.pk, read_seq=1, back=True)])  # a removed message cannot be unread
    assert unread_count(bob, group) == 1


def test_pages_of_the_history_end_at_the_removed_messages(alice, bob, group, weekly):
    for number in range(10):
        send_message(alice, group.pk, str(number))
    make_old(group, up_to_seq=6)
    retention.remove_expired_messages()
    last = Conversation.objects.get(pk=group.pk).last_seq
    kept = list(range(7, last + 1))
    for page in ({}, {"after": 0}, {"around": 2}, {"before": last + 1}, {"around": last}):
        history = selectors.get_history(bob.pk, group.pk, **page)
        assert [message.seq for message in history.results] == kept, page
        assert (history.has_before, history.has_after) == (False, False), page
    part = selectors.get_history(bob.pk, group.pk, limit=2)
    assert (part.has_before, part.has_after) == (True, False)
    beyond = selectors.get_history(bob.pk, group.pk, before=4)
    assert (beyond.results, beyond.has_before, beyond.has_after) == ([], False, True)
    make_old(group)
    retention.remove_expired_messages()
    empty = selectors.get_history(bob.pk, group.pk, after=3)
    assert (empty.results, empty.has_before, empty.has_after) == ([], False, False)
    conversation = selectors.get_conversation(bob.pk, group.pk)
    assert conversation.last_message is None and conversation.removed_seq == last
    assert load_client_state(bob.pk).bodies(group.pk) == []
    assert selectors.find_first_seq_since(bob.pk, group.pk, timezone.now() - timedelta(days=99)) is None


def test_a_client_that_was_away_gets_the_removed_number_and_no_removed_messages(alice, bob, group, weekly):
    send_message(alice, group.pk, "old")
    away = Conversation.objects.get(pk=group.pk)
    make_old(group)
    send_message(alice, group.pk, "new")
    retention.remove_expired_messages()
    changes = selectors.get_changes(bob.pk, group.pk, away.version)
    assert changes.complete and changes.conversation.removed_seq == away.last_seq
    assert [message.body for message in changes.messages] == ["new"]
    whole = selectors.get_changes(bob.pk, group.pk, 0)
    assert [message.body for message in whole.messages] == ["new"]


def test_each_batch_is_one_transaction_with_a_fixed_number_of_queries_and_the_next_run_goes_on(
    alice, bob, group, weekly, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(retention, "BATCH_SIZE", 4)
    for number in range(9):
        send_message(alice, group.pk, str(number))
    make_old(group)
    last = Conversation.objects.get(pk=group.pk).last_seq
    with django_assert_max_num_queries(45):
        assert retention._remove_batch(group.pk, last, 7, timezone.now()) == 4
    assert list_seqs(bob, group)[0] == 5
    erase = retention._erase

    def fail_late(*args):
        erase(*args)
        raise KeyboardInterrupt  # the worker is killed before the commit

    monkeypatch.setattr(retention, "_erase", fail_late)
    with pytest.raises(KeyboardInterrupt):
        retention.remove_expired_messages()
    assert Conversation.objects.get(pk=group.pk).removed_seq == 4 and list_seqs(bob, group)[0] == 5
    monkeypatch.setattr(retention, "_erase", erase)
    assert retention.remove_expired_messages() == last - 4
    assert retention.remove_expired_messages() == 0


def test_nothing_is_removed_under_a_legal_hold(alice, bob, group, direct_conversation, make_user, weekly):
    officer = make_user("olga", is_staff=True, is_superuser=True)
    send_message(alice, group.pk, "in the group")
    send_message(alice, direct_conversation.pk, "in private")
    make_old(group)
    make_old(direct_conversation)
    first = actions.place_hold(officer.pk, conversation_id=group.pk, reason="case 7")
    second = actions.place_hold(officer.pk, user_id=bob.pk, reason="case 8")
    assert list(iterate_expired_conversations(timezone.now())) == []
    assert retention._remove_batch(group.pk, 10, 7, timezone.now()) == 0  # placed after the conversations were listed
    actions.release_hold(officer.pk, second.pk)
    tasks.remove_expired_messages.call()
    assert Message.objects.filter(conversation=group, body="in the group").exists()
    assert not Message.objects.filter(conversation=direct_conversation).exclude(body="").exists()
    actions.release_hold(officer.pk, first.pk)
    tasks.remove_expired_messages.call()
    assert not Message.objects.exclude(body="").exists()


def test_conversations_are_found_in_pages(alice, group, direct_conversation, weekly, monkeypatch):
    monkeypatch.setattr("chat.selectors.retention.CONVERSATIONS_PER_QUERY", 1)
    for conversation in (group, direct_conversation):
        send_message(alice, conversation.pk, "old")
        make_old(conversation)
    assert list(iterate_expired_conversations(timezone.now())) == sorted([group.pk, direct_conversation.pk])


def test_owner_and_admins_choose_the_days_but_not_more_than_the_site(alice, bob, mallory, group, settings):
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.update_group(bob.pk, group.pk, {"retention_days": 5})
    with pytest.raises(ApplicationError, match="not_found"):
        actions.update_group(mallory.pk, group.pk, {"retention_days": 5})
    assert actions.update_group(alice.pk, group.pk, {"retention_days": 90}).retention_days == 90
    settings.RETENTION_DAYS = 30
    with pytest.raises(ApplicationError, match="invalid") as refused:
        actions.update_group(alice.pk, group.pk, {"retention_days": 31})
    assert "at most 30 days" in str(refused.value.fields)
    client = Client()
    client.force_login(alice)
    response = client.patch(f"/api/v1/conversations/{group.pk}/", {"retention_days": 30}, "application/json")
    assert response.json()["retention_days"] == 30
    client.post(f"/c/{group.pk}/settings/", {"title": "Room", "retention_days": "7"})
    assert Conversation.objects.get(pk=group.pk).retention_days == 7
    client.post(f"/c/{group.pk}/settings/", {"title": "Room"})  # an older page without the field
    assert Conversation.objects.get(pk=group.pk).retention_days == 7
    refused_page = client.post(f"/c/{group.pk}/settings/", {"title": "Room", "retention_days": "31"})
    assert refused_page.status_code == 400 and "at most 30 days" in refused_page.content.decode()
    client.force_login(bob)
    assert "Messages are removed after 7 days." in client.get(f"/c/{group.pk}/settings/").content.decode()
    page = client.get(f"/c/{actions.open_direct_conversation(bob.pk, alice.pk)[0].id}/").content.decode()
    assert "Messages are removed after 30 days." in page


def test_nothing_is_removed_if_the_days_change_meanwhile(alice, group, weekly, monkeypatch):
    send_message(alice, group.pk, "hello")
    make_old(group)
    find_first = retention.find_first_seq_in

    def change_days_then_find(conversation, since):
        Conversation.objects.filter(pk=group.pk).update(retention_days=6)
        return find_first(conversation, since)

    with monkeypatch.context() as patch:
        patch.setattr(retention, "find_first_seq_in", change_days_then_find)
        assert retention.remove_expired_messages() == 0
    assert retention.remove_expired_messages() == Conversation.objects.get(pk=group.pk).last_seq


def test_moderators_see_that_messages_were_removed_because_of_their_age(admin_client, alice, group, weekly):
    send_message(alice, group.pk, "hello")
    with system_transaction(group.pk) as tx:
        tx.add_message_of_kind("call", alice, {"media": "audio", "reason": "ended", "seconds": "5"})
    make_old(group)
    retention.remove_expired_messages()
    for pk in Message.objects.filter(conversation=group.pk).values_list("pk", flat=True):  # one is of the system
        page = admin_client.get(f"/admin/chat/message/{pk}/change/")
        assert page.status_code == 200 and "removed because of its age" in page.content.decode()
