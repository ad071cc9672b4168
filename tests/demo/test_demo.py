"""The demo workspace: rows as exact as if weeks had gone by, whatever the hour at which it is made."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from chat import actions, selectors
from chat.actions.read_markers import Move, move_many
from chat.demo import parser
from chat.demo.seed import EVERYTHING, PASSWORD, play
from chat.models import Conversation, Mark, Membership, Mention, Message, Reaction, Report, Revision, Role
from tests.admin.conftest import say

UTC = ZoneInfo("UTC")
HOURS = [
    datetime(2026, 3, 2, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 22, 23, 59, tzinfo=UTC),  # a Sunday
    datetime(2026, 3, 29, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")),  # clocks go forward
    datetime(2026, 8, 8, 8, 8, tzinfo=ZoneInfo("Asia/Shanghai")),
]


@pytest.fixture(scope="module")
def played(django_db_setup, django_db_blocker):
    """Made once for all tests in here that only look. Tests with a database of their own run before them."""
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        yield play()
        transaction.set_rollback(True)


@pytest.fixture
def looking(played, django_db_blocker):
    with django_db_blocker.unblock():
        yield played


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_never_where_debug_is_off(db, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("demo")
    assert not User.objects.exists()


def test_nothing_is_done_where_people_are(alice, settings, capsys):
    settings.DEBUG = True
    call_command("demo")
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError, match="people"):
        call_command("demo", "--again")
    assert User.objects.count() == 1


def test_it_says_how_to_sign_in(db, settings, capsys, client):
    settings.DEBUG = True
    clock, limits = timezone.now, settings.LIMITS
    call_command("demo", "--again")
    said = capsys.readouterr().out
    for user in User.objects.all():
        assert user.username in said
        assert user.check_password(PASSWORD)
    assert PASSWORD in said
    assert client.login(username="小千", password=PASSWORD)
    assert (timezone.now, settings.LIMITS) == (clock, limits)


def test_all_of_it_or_nothing(db, monkeypatch):
    monkeypatch.setattr(actions, "pin", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        play()
    assert not User.objects.exists()


# ── What is there to see ─────────────────────────────────────────────────────────────────────────────────────────
def test_there_is_something_of_everything(looking):
    assert 300 <= Message.objects.filter(kind="text").count() <= 500
    names = {user.username for user in looking.people}
    assert {"alice", "bob", "carol", "dave", "千泷", "小千", "小泷", "陈小明", "李雷"} <= names
    assert Conversation.objects.filter(kind="group").count() >= 6
    assert Conversation.objects.filter(kind="direct").count() >= 6
    assert Conversation.objects.filter(title__in=["Everyone", "Walk on Sunday", "翻译组"]).count() == 3
    assert max(len(title) for title in Conversation.objects.values_list("title", flat=True)) >= 70
    for there in (
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
        Report.objects.filter(settled_at=None),
        Report.objects.exclude(settled_at=None),
        User.objects.exclude(last_seen_at=None),
    ):
        assert there.exists(), there.all().query
    assert max(len(body) for body in Message.objects.values_list("body", flat=True)) > 1000
    assert User.objects.get(username="moderator").has_perm("chat.moderate_message")
    assert not User.objects.filter(is_superuser=True).exists()


def test_some_have_something_unread(looking):
    for talk in parser.talks(timezone.now()):
        conversation = _conversation(talk)
        for row in conversation.memberships.select_related("user"):
            mine = selectors.get_conversation(row.user_id, conversation.pk).mine
            assert mine.unread_count == talk.unread.get(row.user.username, 0), (talk.name, row.user.username)


def _conversation(talk) -> Conversation:
    people = User.objects.in_bulk([*talk.people], field_name="username")
    if talk.kind == "pair":
        low, high = sorted(user.pk for user in people.values())
        return Conversation.objects.get(pair=f"{low}:{high}")
    renamed = next((deed.words for deed in talk.deeds if deed.what == "renames"), talk.title)
    return Conversation.objects.get(title=renamed)


def test_it_goes_on_until_now_and_not_beyond(looking):
    now = timezone.now()
    for model, name in (
        (Message, "created_at"),
        (Message, "deleted_at"),
        (Message, "edited_at"),
        (Mark, "at"),
        (Membership, "joined_at"),
        (Conversation, "active_at"),
        (User, "last_seen_at"),
        (User, "date_joined"),
        (Report, "created_at"),
        (Report, "settled_at"),
    ):
        assert not model.objects.filter(**{f"{name}__gt": now}).exists(), (model, name)
    days = {moment.date() for moment in Message.objects.values_list("created_at", flat=True)}
    assert len(days) > 20
    assert now - max(Message.objects.values_list("created_at", flat=True)) < timedelta(hours=1)


# ── Exact rows ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_numbers_are_those_of_a_real_history(looking):
    for conversation in Conversation.objects.all():
        messages = list(conversation.messages.order_by("seq"))
        assert [message.seq for message in messages] == list(range(1, conversation.last_seq + 1))
        assert [message.created_at for message in messages] == sorted(message.created_at for message in messages)
        texts = 0
        for message in messages:
            texts += message.kind == "text"
            assert message.text_count == texts
        assert conversation.text_count == texts
        said = [message for message in messages if message.kind == "text"]
        assert conversation.last_message_id == said[-1].pk
        assert conversation.active_at == said[-1].created_at
        rows = list(conversation.memberships.all())
        versions = [each.version for each in [*messages, *rows]]
        assert len(versions) == len(set(versions)) and max(versions) <= conversation.version
        assert conversation.member_count == sum(row.left_at is None for row in rows)
        for row in rows:
            unread = [m for m in said if m.seq > row.read_seq and m.sender_id != row.user_id]
            assert conversation.text_count - row.read_count == len(unread)
            assert row.delivered_seq >= row.read_seq <= conversation.last_seq


def test_personal_numbers_are_each_persons_own(looking):
    for user in User.objects.all():
        numbers = list(Membership.objects.filter(user=user).values_list("me_version", flat=True))
        assert len(numbers) == len(set(numbers)) and max(numbers) <= user.me_version


def test_catching_up_from_nothing_gives_what_a_fresh_load_shows(looking):
    for user in looking.people[:3]:
        for shape in selectors.list_conversations(user.pk)[0]:
            known, after = {}, 0
            while True:
                changes = selectors.get_changes(user.pk, shape.id, after, 50)
                known.update({message.seq: message for message in changes.messages})
                after = changes.version
                if changes.complete:
                    break
            page = selectors.get_history(user.pk, shape.id, after=0, limit=100)
            assert [known[message.seq] for message in page.results] == page.results


def test_life_goes_on_from_there(each_database):
    play()
    alice = User.objects.get(username="alice")
    everyone = Conversation.objects.get(title="Everyone")
    seq = everyone.last_seq
    assert Message.objects.get(pk=say(alice, everyone.pk, "And now live.")).seq == seq + 1
    bob = User.objects.get(username="bob")
    [mine] = move_many([Move(bob.pk, everyone.pk, read_seq=EVERYTHING)])
    assert mine.unread_count == 0
    group = actions.create_group(alice.pk, "New", [bob.pk])
    assert selectors.list_conversations(alice.pk)[0][0].id == group.id


# ── The script ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("now", HOURS, ids=str)
def test_whatever_the_hour(now):
    names = {person.username for person in parser.people()}
    for talk in parser.talks(now):
        assert {*talk.people, *talk.admins, *talk.unread, *talk.muted, *talk.favourite, *talk.drafts} <= names
        times = [message.at for message in talk.messages]
        assert times == sorted(set(times)), talk.name
        assert max(times) <= now, talk.name
        assert talk.begins > now - timedelta(days=60)
        for name in talk.unread:
            assert all(m.by != name for m in talk.messages[talk.reads_up_to(name) :]), (talk.name, name)


@pytest.mark.parametrize("line", ["nonsense", "alice re nowhere: hi", "3 lightyears ago", "* alice dances", "  ? what"])
def test_a_line_that_makes_no_sense_is_named(line, tmp_path):
    file = tmp_path / "talk.txt"
    file.write_text(f"pair alice bob\n\n2 minutes ago\nalice: hello\n{line}\n")
    with pytest.raises(parser.ScriptError, match=r"talk, line 5"):
        parser._Reader(file, HOURS[0]).read()


def test_clients_ids_are_never_used_twice(looking):
    ids = list(Message.objects.exclude(client_id=None).values_list("client_id", flat=True))
    assert len(ids) == len(set(ids)) and all(isinstance(each, uuid.UUID) for each in ids)
