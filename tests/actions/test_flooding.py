"""Tests of slow mode, of limits of links and new accounts, and that the site mutes who floods."""

from __future__ import annotations

import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from accounts import actions as account_actions
from accounts.actions import flooding
from accounts.models import Notice, User
from audit.models import AuditEntry
from chat import actions
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.models import Conversation, Message
from chat.payloads import SendPayload
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError
from tests.admin.conftest import send_message


@pytest.fixture
def limits(settings):
    settings.LIMITS = True
    rate_limits.reset_all()
    yield settings
    rate_limits.reset_all()


def try_to_send(user, conversation_id: int, *bodies: str) -> list:
    commands = [SendCommand(user.pk, SendPayload(conversation_id, uuid.uuid4(), body)) for body in bodies]
    return [outcome if isinstance(outcome, SentMessage) else outcome.code for outcome in send_many(commands)]


def codes(outcomes: list) -> list[str]:
    return ["sent" if isinstance(outcome, SentMessage) else outcome for outcome in outcomes]


def test_in_slow_mode_members_wait_between_two_messages_and_admins_do_not(alice, bob, group, direct_conversation):
    actions.update_group(alice.pk, group.pk, {"slow_mode": 30})
    assert Conversation.objects.get(pk=group.pk).slow_mode == 30
    assert codes(try_to_send(bob, group.pk, "one", "two")) == ["sent", "rate_limited"]
    with pytest.raises(ApplicationError) as refused:
        send_message(bob, group.pk, "three")
    assert 28 < refused.value.retry_after <= 30
    assert codes(try_to_send(alice, group.pk, "a", "b")) == ["sent", "sent"]
    assert codes(try_to_send(bob, direct_conversation.pk, "other chats", "are not slow")) == ["sent", "sent"]
    Message.objects.filter(sender=bob).update(created_at=timezone.now() - timedelta(seconds=31))
    assert codes(try_to_send(bob, group.pk, "four")) == ["sent"]
    actions.update_group(alice.pk, group.pk, {"slow_mode": 0})
    assert codes(try_to_send(bob, group.pk, "five", "six")) == ["sent", "sent"]


def test_only_admins_set_slow_mode_and_only_to_offered_times(alice, bob, group, client):
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.update_group(bob.pk, group.pk, {"slow_mode": 30})
    with pytest.raises(ApplicationError, match="invalid"):
        actions.update_group(alice.pk, group.pk, {"slow_mode": 7})
    client.force_login(alice)
    response = client.patch(f"/api/v1/conversations/{group.pk}/", {"slow_mode": 60}, content_type="application/json")
    assert response.json()["slow_mode"] == 60
    assert "log" in client.get(f"/c/{group.pk}/log/").content.decode()
    client.post(f"/c/{group.pk}/settings/", {"title": "Room", "slow_mode": "300"})
    assert Conversation.objects.get(pk=group.pk).slow_mode == 300
    client.post(f"/c/{group.pk}/settings/", {"title": "Renamed"})  # a form without the field
    assert Conversation.objects.get(pk=group.pk).slow_mode == 300
    assert "Slow mode: one message" not in client.get(f"/c/{group.pk}/").content.decode()
    client.force_login(bob)
    assert "Slow mode: one message every 5 minutes." in client.get(f"/c/{group.pk}/").content.decode()


def test_messages_have_a_limit_of_links_and_new_accounts_a_lower_one(alice, bob, group, settings):
    settings.LINKS_PER_MESSAGE = 3
    links = [f"https://example.org/{number}" for number in range(4)]
    assert codes(try_to_send(bob, group.pk, " ".join(links[:3]), " ".join(links))) == ["sent", "invalid"]
    settings.NEW_ACCOUNT_HOURS = 24
    User.objects.filter(pk=alice.pk).update(date_joined=timezone.now() - timedelta(days=2))
    assert codes(try_to_send(bob, group.pk, links[0], "http://a.example WWW.b.example")) == ["sent", "invalid"]
    assert codes(try_to_send(alice, group.pk, " ".join(links[:3]))) == ["sent"]


def test_new_accounts_write_more_slowly(alice, bob, group, limits):
    limits.NEW_ACCOUNT_HOURS = 24
    User.objects.filter(pk=alice.pk).update(date_joined=timezone.now() - timedelta(days=2))
    bodies = [f"{number}" for number in range(8)]
    assert codes(try_to_send(bob, group.pk, *bodies)).count("sent") == 5
    assert codes(try_to_send(alice, group.pk, *bodies)).count("sent") == 8


def test_who_floods_is_muted_each_time_longer_and_who_waits_is_not(
    alice, bob, group, limits, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        try_to_send(alice, group.pk, *[f"{number}" for number in range(45)])
        try_to_send(bob, group.pk, *[f"{number}" for number in range(60)])
    alice.refresh_from_db(), bob.refresh_from_db()
    assert alice.muted_until is None
    assert timedelta(seconds=50) < bob.muted_until - timezone.now() <= timedelta(minutes=1)
    assert codes(try_to_send(bob, group.pk, "again")) == ["forbidden"]
    flooding.mute_flooder(bob.pk)  # while muted: nothing changes
    for expected in (5, 30, 180, 1440, 1440):
        User.objects.filter(pk=bob.pk).update(muted_until=None)
        flooding.mute_flooder(bob.pk)
        bob.refresh_from_db()
        assert bob.muted_until - timezone.now() > timedelta(minutes=expected) - timedelta(seconds=10)
    assert Notice.objects.filter(user=bob, kind="paused").count() == 6
    entries = AuditEntry.objects.filter(action="user.pause")
    assert entries.count() == 6 and entries[0].actor_id is None and entries[0].target_id == str(bob.pk)
    (first, *_rest) = account_actions.list_unread_notices(bob.pk)
    assert first.until


def test_who_repeats_each_message_after_the_time_asked_for_is_never_muted(
    bob, group, limits, monkeypatch, django_capture_on_commit_callbacks
):
    now = 0.0
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(monotonic=lambda: now))
    refusals = 0
    for number in range(150):
        command = SendCommand(bob.pk, SendPayload(group.pk, uuid.uuid4(), f"{number}"))
        for _attempt in range(3):
            with django_capture_on_commit_callbacks(execute=True):
                (outcome,) = send_many([command])
            if isinstance(outcome, SentMessage):
                break
            assert outcome.code == "rate_limited"
            refusals += 1
            now += outcome.retry_after
        else:
            pytest.fail(f"message {number} was refused three times")
    assert refusals > 100
    bob.refresh_from_db()
    assert bob.muted_until is None
