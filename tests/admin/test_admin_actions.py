"""Hiding, restoring, settling, suspending: through the verbs, with a log, and only by those who may."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from chat import actions, selectors
from chat.models import Conversation, Message, Report
from messenger.core.errors import ApplicationError
from tests.admin.conftest import say


@pytest.fixture
def at(desk, moderator):
    return desk(moderator)


@pytest.fixture
def rude(alice, room) -> int:
    return say(alice, room.pk, "something rude, @bob")


def log() -> list[tuple[str, str, str]]:
    rows = LogEntry.objects.order_by("pk").select_related("user", "content_type")
    return [(row.user.username, row.content_type.model, row.change_message) for row in rows]


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("way", ["act", "press"])
def test_hiding_and_restoring(at, way, rude, bob, room):
    do = getattr(at, way)
    version = Conversation.objects.get(pk=room.pk).version
    assert "1 message is hidden." in do("message", "hide", rude).content.decode()
    seen = selectors.get_message(bob.pk, rude)
    assert (seen.body, seen.deleted_at is None, seen.version) == ("", False, version + 1)
    assert selectors.list_mentions(bob.pk)[0] == []
    assert "something rude" in at.page("message", rude).content.decode()
    assert "hidden by molly" in at.page("message", rude).content.decode()

    assert "1 message is restored." in do("message", "restore", rude).content.decode()
    assert selectors.get_message(bob.pk, rude).body == "something rude, @bob"
    assert [each.id for each in selectors.list_mentions(bob.pk)[0]] == [rude]
    assert log() == [("molly", "message", "Hidden."), ("molly", "message", "Restored.")]


def test_doing_it_twice_changes_and_logs_nothing(at, rude, room):
    at.act("message", "hide", rude)
    version = Conversation.objects.get(pk=room.pk).version
    at.act("message", "hide", rude)
    at.press("message", "hide", rude)
    assert Conversation.objects.get(pk=room.pk).version == version
    assert len(log()) == 1


def test_what_its_writer_recalled_stays_gone(at, rude, alice):
    actions.delete(alice.pk, rude)
    answer = at.act("message", "restore", rude)
    assert "recalled" in answer.content.decode()
    assert log() == []
    assert Message.objects.get(pk=rude).deleted_at


def test_restoring_what_was_never_hidden_changes_nothing(moderator, rude, room):
    version = Conversation.objects.get(pk=room.pk).version
    actions.restore(moderator.pk, rude)
    assert Conversation.objects.get(pk=room.pk).version == version


def test_what_a_group_admin_deleted_can_be_restored(at, alice, bob, room):
    message = say(bob, room.pk, "deleted by the owner")
    actions.delete(alice.pk, message)
    at.press("message", "restore", message)
    assert selectors.get_message(bob.pk, message).body == "deleted by the owner"


def test_system_lines_stay(at, moderator, alice, carol, room):
    actions.add_members(alice.pk, room.pk, [carol.pk])
    line = Message.objects.get(kind="system")
    at.act("message", "hide", line.pk)
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.hide(moderator.pk, line.pk)
    line.refresh_from_db()
    assert line.deleted_at is None and log() == []


def test_a_page_offers_only_what_makes_sense(at, rude, alice):
    offered = lambda: [name for name, _ in at.page("message", rude).context["buttons"]]  # noqa: E731
    assert offered() == ["hide"]
    at.press("message", "hide", rude)
    assert offered() == ["restore"]
    at.press("message", "restore", rude)
    actions.delete(alice.pk, rude)
    assert offered() == []


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def reports(alice, bob, carol, room, rude) -> list[int]:
    """Two people report one message, one of them another."""
    actions.add_members(alice.pk, room.pk, [carol.pk])
    other = say(alice, room.pk, "another")
    actions.report(bob.pk, rude, "rude to me")
    actions.report(carol.pk, rude, "rude to bob")
    actions.report(carol.pk, other, "")
    return list(Report.objects.order_by("pk").values_list("pk", flat=True))


def open_reports() -> list[int]:
    return list(Report.objects.filter(settled_at=None).order_by("pk").values_list("pk", flat=True))


def test_the_queue_has_the_newest_unsettled_first(at, reports):
    assert [row.pk for row in at.rows("report")] == reports[::-1]
    at.act("report", "only_settle", reports[2])
    assert [row.pk for row in at.rows("report")] == [reports[1], reports[0], reports[2]]
    assert [row.pk for row in at.rows("report", state="settled")] == [reports[2]]


def test_a_report_keeps_the_words_that_were_reported(at, alice, rude, reports):
    actions.edit(alice.pk, rude, "quite nice")
    page = at.page("report", reports[0]).content.decode()
    assert "something rude" in page and "quite nice" in page and "rude to me" in page
    assert f"/chat/message/{rude}/change/" in page
    actions.delete(alice.pk, rude)  # recalled: what was reported stays to be judged
    assert "something rude" in at.page("report", reports[0]).content.decode()


def test_settling_one(at, moderator, bob, rude, reports):
    assert "1 report is settled." in at.press("report", "only_settle", reports[0]).content.decode()
    assert open_reports() == reports[1:]
    assert Report.objects.get(pk=reports[0]).settled_by == moderator
    assert selectors.get_message(bob.pk, rude).body
    assert log() == [("molly", "report", "Settled.")]


def test_hiding_settles_all_that_was_said_of_that_message(at, bob, rude, reports):
    at.act("report", "hide_and_settle", reports[0])
    assert open_reports() == reports[2:]
    assert selectors.get_message(bob.pk, rude).deleted_at
    assert log() == [("molly", "message", "Hidden."), ("molly", "report", "Settled."), ("molly", "report", "Settled.")]


def test_suspending_the_writer(at, alice, bob, rude, reports):
    at.press("report", "suspend_and_settle", reports[1])
    alice.refresh_from_db()
    assert not alice.is_active and alice.suspended_at
    assert open_reports() == reports[2:]
    assert selectors.get_message(bob.pk, rude).body
    assert log()[0] == ("molly", "user", "Suspended.")


def test_a_refused_suspension_settles_nothing(at, alice, reports):
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    answer = at.act("report", "suspend_and_settle", reports[0])
    assert "Only an administrator can do this to a moderator." in answer.content.decode()
    assert open_reports() == reports and log() == []


def test_a_message_reported_again_is_looked_at_again(at, alice, bob, rude, reports):
    at.act("report", "only_settle", reports[0])
    actions.edit(alice.pk, rude, "even ruder")
    actions.report(bob.pk, rude, "again")
    again = Report.objects.get(pk=reports[0])
    assert (again.body, again.reason, again.settled_at, again.settled_by) == ("even ruder", "again", None, None)
    assert at.rows("report")[0].pk == reports[0]


def test_what_cannot_be_reported(alice, bob, carol, mallory, room, rude, moderator):
    with pytest.raises(ApplicationError, match="not_found"):
        actions.report(mallory.pk, rude, "")
    with pytest.raises(ApplicationError, match="invalid"):
        actions.report(bob.pk, rude, "x" * 501)
    actions.add_members(alice.pk, room.pk, [carol.pk])
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.report(bob.pk, Message.objects.get(kind="system").pk, "")
    actions.hide(moderator.pk, rude)
    with pytest.raises(ApplicationError, match="not_found"):
        actions.report(bob.pk, rude, "")


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("who", ["alice", "bob", "staff", "suspended"])
def test_the_verbs_ask_whether_they_may(who, request, rude, moderator, bob):
    if who == "suspended":
        user = moderator
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user = request.getfixturevalue(who)
    actions.report(bob.pk, rude, "")
    for verb, pk in (
        (actions.hide, rude),
        (actions.restore, rude),
        (actions.settle, Report.objects.get().pk),
    ):
        with pytest.raises(ApplicationError, match="forbidden"):
            verb(user.pk, pk)


def test_what_is_not_there(moderator):
    for verb in (actions.hide, actions.restore, actions.settle):
        with pytest.raises(ApplicationError, match="not_found"):
            verb(moderator.pk, 2**62)


def test_a_link_into_a_group_is_seen_without_its_secret_and_taken_back(at, moderator, alice, mallory, room):
    """By the list and by the button of its page."""
    first, second = (actions.make_invite(alice.pk, room.pk) for _ in range(2))
    assert [row.pk for row in at.rows("invite", q="alice", state="open")] == [second.id, first.id]
    for answer in (at.list("invite"), at.page("invite", first.id)):
        assert answer.status_code == 200 and first.token not in answer.content.decode()
    at.press("invite", "take_back", first.id)
    at.act("invite", "take_back", first.id, second.id)
    assert at.rows("invite", state="open") == []
    assert LogEntry.objects.filter(user=moderator, change_message="Taken back.").count() == 2
    with pytest.raises(ApplicationError):
        actions.join_by(mallory.pk, first.token)
    with pytest.raises(ApplicationError) as refused:
        actions.withdraw_invite(alice.pk, first.id)
    assert refused.value.code == "forbidden"
