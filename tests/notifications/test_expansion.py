"""Tests that the outbox becomes decisions about users, each exactly once."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import actions as account_actions
from chat import actions
from chat.models import Conversation
from notifications import expansion
from notifications.models import Notification, NotificationPreferences, OutboxEntry, PendingPush
from presence.tracker import get_tracker


def decided(user) -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(user=user).order_by("pk")
    return list(rows.values_list("concern", "outcome", "reason"))


def test_a_message_and_its_outbox_row_are_stored_together_or_not_at_all(each_database, alice, group, send):
    with pytest.raises(KeyError), transaction.atomic():
        send(alice, group, "never stored")
        assert OutboxEntry.objects.exists()
        raise KeyError
    assert not OutboxEntry.objects.exists()
    message = send(alice, group)
    assert [row.message_ids for row in OutboxEntry.objects.all()] == [[message.id]]


def test_a_system_message_has_no_outbox_row(alice, group):
    actions.update_group(alice.pk, group.pk, {"title": "New"})
    assert not OutboxEntry.objects.exists()


def test_only_users_who_are_named_written_to_or_reached_have_a_row(each_database, alice, bob, carol, make_user, send):
    dave = make_user("dave")
    group_id = actions.create_group(alice.pk, "Room", [bob.pk, carol.pk, dave.pk]).id
    NotificationPreferences.objects.create(user=dave, keywords=["release"])
    send(alice, Conversation.objects.get(pk=group_id), "@bob the release is out")
    assert expansion.expand_outbox() == 1
    assert decided(bob) == [("mention", "badge", "no_device")]
    assert decided(dave) == [("keyword", "badge", "no_device")]
    assert decided(carol) == [] and decided(alice) == []
    assert not OutboxEntry.objects.exists()


def test_a_direct_message_and_a_reply_concern_their_receiver(
    each_database, alice, bob, direct_conversation, group, send
):
    send(alice, direct_conversation, "psst")
    quoted = send(bob, group, "what?")
    send(alice, group, "that", reply_to_id=quoted.id)
    expansion.expand_outbox()
    assert [concern for concern, _outcome, _reason in decided(bob)] == ["direct", "reply"]


def test_everyone_is_another_reason_than_the_own_name(alice, bob, group, send):
    send(alice, group, "@all lunch")
    expansion.expand_outbox()
    assert decided(bob) == [("everyone", "badge", "no_device")]


def test_a_message_that_was_deleted_before_is_not_notified(each_database, alice, bob, group, send):
    actions.delete_message(alice.pk, send(alice, group, "@bob oops").id)
    expansion.expand_outbox()
    assert decided(bob) == []


def test_a_blocked_sender_notifies_nobody(alice, bob, group, subscribe, send):
    subscribe(bob)
    account_actions.block_user(bob.pk, alice.pk)
    send(alice, group, "@bob hello")
    expansion.expand_outbox()
    assert decided(bob) == [] and not PendingPush.objects.exists()


def test_a_step_that_is_repeated_after_a_kill_notifies_nobody_twice(
    each_database, alice, bob, group, subscribe, send, monkeypatch
):
    subscribe(bob)
    send(alice, group, "@bob hello")
    monkeypatch.setattr(OutboxEntry.objects, "filter", killed_before_deletion(OutboxEntry.objects.filter))
    with pytest.raises(KeyboardInterrupt):
        expansion.expand_outbox()
    monkeypatch.undo()
    assert len(decided(bob)) == 1 and OutboxEntry.objects.count() == 1
    assert expansion.expand_outbox() == 0, "another process waits until the claim has ended"
    OutboxEntry.objects.update(claimed_until=timezone.now())
    before = PendingPush.objects.get().revision
    assert expansion.expand_outbox() == 1
    assert len(decided(bob)) == 1 and PendingPush.objects.get().revision == before


def killed_before_deletion(original):
    """Returns a replacement of `filter` whose queryset cannot be deleted: the process is killed there."""

    def filter(*args, **options):
        rows = original(*args, **options)

        def delete():
            raise KeyboardInterrupt

        rows.delete = delete
        return rows

    return filter


def test_a_member_who_has_the_conversation_on_the_screen_is_not_disturbed(alice, bob, group, subscribe, send):
    subscribe(bob)
    tracker = get_tracker()
    tracker.open_connection("tab", bob.pk, "127.0.0.1")
    tracker.set_view("tab", group.pk)
    try:
        send(alice, group, "@bob here?")
    finally:
        tracker.close_connection("tab")
    expansion.expand_outbox()
    assert decided(bob) == [("mention", "badge", "viewing")]


def test_many_members_are_handled_in_batches(
    alice, make_user, subscribe, send, monkeypatch, django_assert_max_num_queries
):
    users = [make_user(f"user{number}") for number in range(12)]
    group = Conversation.objects.get(pk=actions.create_group(alice.pk, "Room", [user.pk for user in users]).id)
    for user in users:
        subscribe(user)
    monkeypatch.setattr(expansion, "MEMBER_BATCH", 5)
    for number in range(3):
        send(alice, group, f"message {number}")
    with django_assert_max_num_queries(80):
        expansion.expand_outbox()
    assert Notification.objects.count() == 36 and PendingPush.objects.count() == 12
