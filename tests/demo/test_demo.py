"""Tests that the demo data (example users, conversations and messages) are consistent, as if people had written them.

For example, stored unread counts match the stored messages. The data must be consistent at whatever time of day they
are created.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from chat import actions, selectors
from chat.actions.read_markers import MarkerMove, move_markers
from chat.demo import parser
from chat.demo.seed import MAX_SEQ, PASSWORD, seed_demo
from chat.models import Conversation, Membership, Mention, Message, Reaction, ReceiptHistory, ReportCase, Revision, Role
from tests.admin.conftest import send_message

UTC = ZoneInfo("UTC")
HOURS = [
    datetime(2026, 3, 2, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 22, 23, 59, tzinfo=UTC),  # a Sunday
    datetime(2026, 3, 29, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")),  # on this day clocks go forward
    datetime(2026, 8, 8, 8, 8, tzinfo=ZoneInfo("Asia/Shanghai")),
]


@pytest.fixture(scope="module")
def shared_demo(django_db_setup, django_db_blocker):
    """Creates the demo data once for all tests that only read them. A rollback removes the data at the end.

    pytest-django runs these tests after all tests that use its own database fixtures.
    """
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        yield seed_demo()
        transaction.set_rollback(True)


@pytest.fixture
def demo(shared_demo, django_db_blocker):
    with django_db_blocker.unblock():
        yield shared_demo


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_command_fails_if_debug_is_off(db, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("demo")
    assert not User.objects.exists()


def test_the_command_changes_nothing_if_users_exist(alice, settings, capsys):
    settings.DEBUG = True
    call_command("demo")
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError, match="people"):
        call_command("demo", "--again")
    assert User.objects.count() == 1


def test_the_command_prints_user_names_and_password(db, settings, capsys, client):
    settings.DEBUG = True
    clock, limits = timezone.now, settings.LIMITS
    call_command("demo", "--again")
    output = capsys.readouterr().out
    for user in User.objects.all():
        assert user.username in output
        assert user.check_password(PASSWORD)
    assert PASSWORD in output
    assert client.login(username="小千", password=PASSWORD)
    assert (timezone.now, settings.LIMITS) == (clock, limits)


def test_a_failure_leaves_nothing_behind(db, monkeypatch):
    monkeypatch.setattr(actions, "set_pinned", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        seed_demo()
    assert not User.objects.exists()


# ── Contents ─────────────────────────────────────────────────────────────────────────────────────────
def test_every_feature_is_in_the_demo(demo):
    assert 300 <= Message.objects.filter(kind="text").count() <= 500
    names = {user.username for user in demo.users}
    assert {"alice", "bob", "carol", "dave", "千泷", "小千", "小泷", "陈小明", "李雷"} <= names
    assert Conversation.objects.filter(kind="group").count() >= 6
    assert Conversation.objects.filter(kind="direct").count() >= 6
    assert Conversation.objects.filter(title__in=["Everyone", "Walk on Sunday", "翻译组"]).count() == 3
    assert max(len(title) for title in Conversation.objects.values_list("title", flat=True)) >= 70
    for queryset in (
        Reaction.objects,
        Revision.objects,
        Mention.objects,
        Message.objects.exclude(reply_to=None),
        Message.objects.exclude(forwarded_at=None),
        Message.objects.exclude(pinned_at=None),
        Message.objects.filter(deleted_at__isnull=False, hidden_by=None, body=""),
        Message.objects.filter(deleted_at__isnull=False).exclude(hidden_by=None).exclude(body=""),
        Message.objects.filter(body_html__contains='<code class="language-'),
        Message.objects.filter(body_html__contains="<a href="),
        Message.objects.filter(body_html__contains="<ul>"),
        Message.objects.filter(body_html__contains="<blockquote>"),
        Message.objects.filter(body_html__contains='data-user-id="all"'),
        Message.objects.filter(body__regex=r"[\u0600-\u06ff]{4}"),
        Message.objects.filter(body="🥳🥳🥳"),
        Membership.objects.exclude(draft=""),
        Membership.objects.filter(muted=True),
        Membership.objects.filter(favourite=True),
        Membership.objects.filter(role=Role.ADMIN),
        Conversation.objects.exclude(announcement=""),
        ReportCase.objects.filter(settled_at=None),
        ReportCase.objects.exclude(settled_at=None),
        User.objects.exclude(last_seen_at=None),
        User.objects.filter(username="alice", language=""),  # so that a Chinese browser shows Chinese pages
    ):
        assert queryset.exists(), queryset.all().query
    assert max(len(body) for body in Message.objects.values_list("body", flat=True)) > 1000
    assert User.objects.get(username="moderator").has_perm("chat.moderate_message")
    assert not User.objects.filter(is_superuser=True).exists()


def test_unread_counts_are_those_of_the_script(demo):
    for script in parser.parse_conversations(timezone.now()):
        conversation = _find_conversation(script)
        for membership in conversation.memberships.select_related("user"):
            member_state = selectors.get_conversation(membership.user_id, conversation.pk).mine
            assert member_state.unread_count == script.unread.get(membership.user.username, 0), (
                script.name,
                membership.user.username,
            )


def _find_conversation(script) -> Conversation:
    users = User.objects.in_bulk([*script.usernames], field_name="username")
    if script.kind == "direct":
        low, high = sorted(user.pk for user in users.values())
        return Conversation.objects.get(pair=f"{low}:{high}")
    renamed = next((action.text for action in script.actions if action.kind == "renames"), script.title)
    return Conversation.objects.get(title=renamed)


def test_times_reach_until_now_and_not_beyond(demo):
    now = timezone.now()
    for model, name in (
        (Message, "created_at"),
        (Message, "deleted_at"),
        (Message, "edited_at"),
        (ReceiptHistory, "at"),
        (Membership, "joined_at"),
        (Conversation, "active_at"),
        (User, "last_seen_at"),
        (User, "date_joined"),
        (ReportCase, "created_at"),
        (ReportCase, "settled_at"),
    ):
        assert not model.objects.filter(**{f"{name}__gt": now}).exists(), (model, name)
    days = {moment.date() for moment in Message.objects.values_list("created_at", flat=True)}
    assert len(days) > 20
    assert now - max(Message.objects.values_list("created_at", flat=True)) < timedelta(hours=1)


# ── Consistency ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_seq_version_and_counts_are_consistent(demo):
    for conversation in Conversation.objects.all():
        messages = list(conversation.messages.order_by("seq"))
        assert [message.seq for message in messages] == list(range(1, conversation.last_seq + 1))
        assert [message.created_at for message in messages] == sorted(message.created_at for message in messages)
        text_count = 0
        for message in messages:
            text_count += message.kind == "text"
            assert message.text_count == text_count
        assert conversation.text_count == text_count
        texts = [message for message in messages if message.kind == "text"]
        assert conversation.last_message_id == texts[-1].pk
        assert conversation.active_at == texts[-1].created_at
        memberships = list(conversation.memberships.all())
        versions = [row.version for row in [*messages, *memberships]]
        assert len(versions) == len(set(versions)) and max(versions) <= conversation.version
        assert conversation.member_count == sum(membership.left_at is None for membership in memberships)
        for membership in memberships:
            unread = [m for m in texts if m.seq > membership.read_seq and m.sender_id != membership.user_id]
            assert conversation.text_count - membership.read_count == len(unread)
            assert membership.delivered_seq >= membership.read_seq <= conversation.last_seq


def test_me_versions_are_distinct_per_user(demo):
    for user in User.objects.all():
        versions = list(Membership.objects.filter(user=user).values_list("me_version", flat=True))
        assert len(versions) == len(set(versions)) and max(versions) <= user.me_version


def test_catching_up_from_version_zero_equals_a_fresh_load(demo):
    for user in demo.users[:3]:
        for conversation in selectors.list_conversations(user.pk)[0]:
            caught_up, after = {}, 0
            while True:
                changes = selectors.get_changes(user.pk, conversation.id, after, 50)
                caught_up.update({message.seq: message for message in changes.messages})
                after = changes.version
                if changes.complete:
                    break
            page = selectors.get_history(user.pk, conversation.id, after=0, limit=100)
            assert [caught_up[message.seq] for message in page.results] == page.results


def test_new_messages_follow_the_demo(each_database):
    seed_demo()
    alice = User.objects.get(username="alice")
    everyone = Conversation.objects.get(title="Everyone")
    seq = everyone.last_seq
    assert Message.objects.get(pk=send_message(alice, everyone.pk, "And now live.")).seq == seq + 1
    bob = User.objects.get(username="bob")
    [member_state] = move_markers([MarkerMove(bob.pk, everyone.pk, read_seq=MAX_SEQ)])
    assert member_state.unread_count == 0
    group = actions.create_group(alice.pk, "New", [bob.pk])
    assert selectors.list_conversations(alice.pk)[0][0].id == group.id


# ── The parser ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("now", HOURS, ids=str)
def test_scripts_are_valid_at_any_hour(now):
    usernames = {user.username for user in parser.parse_users()}
    for script in parser.parse_conversations(now):
        assert {
            *script.usernames,
            *script.admins,
            *script.unread,
            *script.muted,
            *script.favourite,
            *script.drafts,
        } <= usernames
        times = [message.at for message in script.messages]
        assert times == sorted(set(times)), script.name
        assert max(times) <= now, script.name
        assert script.begins_at > now - timedelta(days=60)
        for name in script.unread:
            assert all(m.username != name for m in script.messages[script.first_unread_number(name) :]), (
                script.name,
                name,
            )


@pytest.mark.parametrize("line", ["nonsense", "alice re nowhere: hi", "3 lightyears ago", "* alice dances", "  ? what"])
def test_an_invalid_line_is_reported_with_its_number(line, tmp_path):
    file = tmp_path / "talk.txt"
    file.write_text(f"pair alice bob\n\n2 minutes ago\nalice: hello\n{line}\n")
    with pytest.raises(parser.DemoSyntaxError, match=r"talk, line 5"):
        parser.ConversationParser(file, HOURS[0]).parse()


def test_client_ids_are_unique(demo):
    ids = list(Message.objects.exclude(client_id=None).values_list("client_id", flat=True))
    assert len(ids) == len(set(ids)) and all(isinstance(client_id, uuid.UUID) for client_id in ids)
