"""Tests that moderators can hide and restore messages, suspend users and close reports (complaints about messages).

They do so on the admin pages. They need the permission for it, and the admin log records what they have done.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notice, User
from audit.models import AuditEntry
from chat import actions, selectors
from chat.models import Conversation, Message, Report, ReportCase
from messenger.core.errors import ApplicationError
from tests.admin.conftest import send_message


@pytest.fixture
def session(admin_session, moderator):
    return admin_session(moderator)


@pytest.fixture
def rude_id(alice, group) -> int:
    return send_message(alice, group.pk, "something rude, @bob")


def log() -> list[str]:
    """Returns what molly, the moderator, has done, as the audit log names it."""
    rows = AuditEntry.objects.filter(actor_id=User.objects.get(username="molly").pk)
    return list(rows.order_by("pk").values_list("action", flat=True))


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("method", ["run_action", "press_button"])
def test_hide_and_restore(session, method, rude_id, bob, group):
    run = getattr(session, method)
    version = Conversation.objects.get(pk=group.pk).version
    assert "1 message hidden." in run("message", "hide", rude_id).content.decode()
    seen = selectors.get_message(bob.pk, rude_id)
    assert (seen.body, seen.deleted_at is None, seen.version) == ("", False, version + 1)
    assert selectors.list_mentions(bob.pk)[0] == []
    assert "something rude" in session.page("message", rude_id).content.decode()
    assert "hidden by molly" in session.page("message", rude_id).content.decode()

    assert "1 message restored." in run("message", "restore", rude_id).content.decode()
    assert selectors.get_message(bob.pk, rude_id).body == "something rude, @bob"
    assert [each.id for each in selectors.list_mentions(bob.pk)[0]] == [rude_id]
    assert log() == ["message.hide", "message.restore"]


def test_hiding_twice_changes_and_logs_nothing(session, rude_id, group):
    session.run_action("message", "hide", rude_id)
    version = Conversation.objects.get(pk=group.pk).version
    session.run_action("message", "hide", rude_id)
    session.press_button("message", "hide", rude_id)
    assert Conversation.objects.get(pk=group.pk).version == version
    assert len(log()) == 1


def test_a_message_deleted_by_its_sender_cannot_be_restored(session, rude_id, alice):
    actions.delete_message(alice.pk, rude_id)
    response = session.run_action("message", "restore", rude_id)
    assert "recalled" in response.content.decode()
    assert log() == []
    assert Message.objects.get(pk=rude_id).deleted_at


def test_restoring_a_visible_message_changes_nothing(moderator, rude_id, group):
    version = Conversation.objects.get(pk=group.pk).version
    actions.restore_message(moderator.pk, rude_id)
    assert Conversation.objects.get(pk=group.pk).version == version


def test_what_a_group_admin_deleted_can_be_restored(session, alice, bob, group):
    message = send_message(bob, group.pk, "deleted by the owner")
    actions.delete_message(alice.pk, message)
    session.press_button("message", "restore", message)
    assert selectors.get_message(bob.pk, message).body == "deleted by the owner"


def test_system_messages_cannot_be_hidden(session, moderator, alice, carol, group):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    line = Message.objects.get(kind="system")
    session.run_action("message", "hide", line.pk)
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.hide_message(moderator.pk, line.pk)
    line.refresh_from_db()
    assert line.deleted_at is None and log() == []


def test_a_page_offers_only_applicable_actions(session, rude_id, alice):
    offered = lambda: [name for name, _ in session.page("message", rude_id).context["buttons"]]  # noqa: E731
    assert offered() == ["hide"]
    session.press_button("message", "hide", rude_id)
    assert offered() == ["restore"]
    session.press_button("message", "restore", rude_id)
    actions.delete_message(alice.pk, rude_id)
    assert offered() == []


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def reports(alice, bob, carol, group, rude_id) -> list[int]:
    """Creates three reports and returns the ids of their two cases.

    bob and carol report the same message (`rude`), and carol also reports another message.
    """
    actions.add_members(alice.pk, group.pk, [carol.pk])
    other = send_message(alice, group.pk, "another")
    actions.report_message(bob.pk, rude_id, "rude to me")
    actions.report_message(carol.pk, rude_id, "rude to bob")
    actions.report_message(carol.pk, other, "")
    return list(ReportCase.objects.order_by("pk").values_list("pk", flat=True))


def open_reports() -> list[int]:
    return list(ReportCase.objects.filter(settled_at=None).order_by("pk").values_list("pk", flat=True))


def test_reports_of_one_message_are_one_case_and_the_queue_has_the_gravest_and_then_the_oldest_first(
    session, reports, alice, bob, carol, group
):
    assert [row.report_count for row in session.rows("reportcase")] == [2, 1]
    grave, spam = (send_message(alice, group.pk, body) for body in ("I know where you live", "Buy my lamps"))
    actions.report_message(bob.pk, spam, kind="spam")
    actions.report_message(bob.pk, grave, kind="violence")
    gravest, cheap = (ReportCase.objects.get(message=pk).pk for pk in (grave, spam))
    assert [row.pk for row in session.rows("reportcase")] == [gravest, *reports, cheap]
    actions.report_message(carol.pk, spam, kind="harassment")  # graver than what bob has said
    assert [row.pk for row in session.rows("reportcase")] == [gravest, cheap, *reports]
    session.run_action("reportcase", "dismiss", gravest, cheap)
    assert [row.pk for row in session.rows("reportcase")] == reports
    assert {row.pk for row in session.rows("reportcase", state="settled")} == {gravest, cheap}
    assert [row.pk for row in session.rows("reportcase", state="all")][:2] == reports


def test_a_report_keeps_the_reported_text_and_the_messages_around_it(session, alice, bob, group, rude_id, reports):
    actions.edit_message(alice.pk, rude_id, "quite nice")
    page = session.page("reportcase", reports[0]).content.decode()
    assert "something rude" in page and "quite nice" in page and "rude to me" in page and "rude to bob" in page
    assert f"/chat/message/{rude_id}/change/" in page
    actions.delete_message(
        alice.pk, rude_id
    )  # even if its sender deletes the message, moderators see the reported text
    assert "something rude" in session.page("reportcase", reports[0]).content.decode()
    provoked = [send_message(bob, group.pk, f"a joke about alice {number}") for number in range(7)]
    answer = send_message(alice, group.pk, "shut up")
    after = send_message(bob, group.pk, "see?")
    actions.report_message(bob.pk, answer, kind="harassment")
    for pk in (*provoked, after):
        actions.delete_message(bob.pk, pk)
    case = ReportCase.objects.get(message=answer)
    assert [copy["id"] for copy in case.context] == [*provoked[2:], answer, after]
    page = session.page("reportcase", case.pk).content.decode()
    assert "a joke about alice 6" in page and "see?" in page and "a joke about alice 1" not in page


def test_moderators_do_not_decide_about_themselves(session, moderator, alice, bob, group):
    """A moderator cannot restore a message that he or she has sent, and cannot settle a report about such a message.

    In this test the owner of the group has hidden one message of the moderator, and bob has reported another one, and
    the moderator.
    """
    actions.add_members(alice.pk, group.pk, [moderator.pk])
    hidden, reported = (send_message(moderator, group.pk, body) for body in ("hidden by alice", "reported by bob"))
    actions.delete_message(alice.pk, hidden)
    actions.report_message(bob.pk, reported, "rude")
    actions.report_user(bob.pk, moderator.pk, "rude")
    cases = open_reports()
    assert len(cases) == 2
    assert "your own message" in session.press_button("message", "restore", hidden).content.decode()
    assert "your own message" in session.press_button("reportcase", "wipe_and_settle", cases[0]).content.decode()
    for act in ("dismiss", "warn_and_settle", "mute_and_settle", "suspend_and_settle", "hide_recent"):
        for case in cases:
            text = session.press_button("reportcase", act, case, reason="x", days="1").content.decode()
            assert "decide about yourself" in text, act
    assert "decide about yourself" in session.run_action("reportcase", "dismiss", *cases).content.decode()
    assert Message.objects.get(pk=hidden).deleted_at and open_reports() == cases


def test_moderators_do_not_decide_about_staff_and_administrators_do(
    session, admin_session, superuser, staff, alice, bob, group
):
    actions.add_members(alice.pk, group.pk, [superuser.pk, staff.pk])
    for user in (superuser, staff):
        actions.report_message(bob.pk, send_message(user, group.pk, "I am the law"))
    cases = open_reports()
    for act in session.list("reportcase").context["cl"].model_admin.actions:
        session.run_action("reportcase", act, *cases, reason="x", days="1")
    assert open_reports() == cases and log() == []
    assert Message.objects.filter(body="I am the law", deleted_at=None).count() == 2
    assert User.objects.filter(pk__in=[superuser.pk, staff.pk], is_active=True, muted_until=None).count() == 2
    admin_session(superuser).press_button("reportcase", "hide_and_settle", cases[1])
    assert open_reports() == cases[:1]


def test_settle_one_report(session, moderator, bob, rude_id, reports):
    assert "1 report resolved." in session.press_button("reportcase", "dismiss", reports[0]).content.decode()
    assert open_reports() == reports[1:]
    case = ReportCase.objects.get(pk=reports[0])
    assert (case.settled_by, case.outcome) == (moderator, "dismissed")
    assert selectors.get_message(bob.pk, rude_id).body
    assert log() == ["report.settle"]


def test_hiding_settles_all_reports_of_the_message_and_both_can_be_undone(session, bob, rude_id, reports):
    session.run_action("reportcase", "hide_and_settle", reports[0])
    assert open_reports() == reports[1:]
    assert selectors.get_message(bob.pk, rude_id).deleted_at
    assert log() == ["message.hide", "report.settle"]
    session.press_button("reportcase", "restore", reports[0])
    session.press_button("reportcase", "reopen", reports[0])
    assert open_reports() == reports and selectors.get_message(bob.pk, rude_id).body
    assert log()[2:] == ["message.restore", "report.reopen"]


def test_several_messages_are_hidden_at_once_from_the_list(session, bob, reports):
    assert "2 reports resolved." in session.run_action("reportcase", "hide_and_settle", *reports).content.decode()
    assert open_reports() == []
    assert all(case.message.deleted_at for case in ReportCase.objects.select_related("message"))


def test_deleting_for_good_erases_the_text_even_of_a_hidden_message(session, alice, rude_id, reports):
    session.press_button("reportcase", "hide_and_settle", reports[0])
    session.press_button("reportcase", "wipe_and_settle", reports[0])
    message = Message.objects.get(pk=rude_id)
    assert (message.body, message.deleted_at is None, message.hidden_by_id) == ("", False, None)
    offered = {name for name, _ in session.page("reportcase", reports[0]).context["buttons"]}
    assert not offered & {"restore", "hide_and_settle", "wipe_and_settle"}
    assert log() == ["message.hide", "report.settle", "message.wipe"]


def test_warn_and_mute_from_a_report(session, alice, reports, group):
    refused = session.press_button("reportcase", "warn_and_settle", reports[0]).content.decode()
    assert "Give a reason" in refused and open_reports() == reports
    session.press_button("reportcase", "warn_and_settle", reports[0], reason="Be kind")
    session.press_button("reportcase", "mute_and_settle", reports[1], reason="Cool down", days="1h")
    assert [(each.kind, each.text) for each in Notice.objects.filter(user=alice)] == [
        ("warning", "Be kind"),
        ("muted", "Cool down"),
    ]
    with pytest.raises(ApplicationError, match="forbidden"):
        send_message(alice, group.pk, "and again")
    page = session.page("reportcase", reports[1]).content.decode()
    assert "warned a person" in page and "Be kind" in page and "Muted until" in page
    assert "Reports: 2. Acted upon: 2." in page
    session.press_button("notice", "withdraw", Notice.objects.get(kind="warning").pk)
    assert log()[-1] == "warning.withdraw"


def test_the_recent_messages_of_a_spammer_are_hidden_everywhere_and_older_ones_stay(
    session, alice, bob, group, direct_conversation, rude_id, reports, run_tasks
):
    Message.objects.filter(pk=rude_id).update(created_at=timezone.now() - timedelta(hours=3))
    spam = [send_message(alice, pk, "Buy my lamps") for pk in (group.pk, direct_conversation.pk)]
    other = send_message(bob, group.pk, "What lamps?")
    session.press_button("reportcase", "hide_recent", reports[1], days="1h")
    run_tasks()
    hidden = set(Message.objects.filter(deleted_at__isnull=False).values_list("pk", flat=True))
    assert set(spam) < hidden and not hidden & {rude_id, other}
    assert set(Message.objects.filter(pk__in=spam).values_list("body", flat=True)) == {"Buy my lamps"}
    assert "user.wipe" in log()
    actions.restore_message(session.user.pk, spam[1])
    assert selectors.get_message(bob.pk, spam[1]).body == "Buy my lamps"


def test_suspend_the_sender(session, alice, bob, rude_id, reports):
    session.press_button("reportcase", "suspend_and_settle", reports[0])
    alice.refresh_from_db()
    assert not alice.is_active and alice.suspended_at
    assert open_reports() == reports[1:]
    assert selectors.get_message(bob.pk, rude_id).body
    assert log()[0] == "user.suspend"


def test_a_rejected_suspension_settles_nothing(session, alice, reports):
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    response = session.run_action("reportcase", "suspend_and_settle", reports[0])
    assert "Only an administrator can do this to a moderator." in response.content.decode()
    assert open_reports() == reports and log() == []


def test_a_report_after_the_decision_is_a_new_case(session, alice, bob, rude_id, reports):
    session.run_action("reportcase", "dismiss", reports[0])
    actions.edit_message(alice.pk, rude_id, "even ruder")
    actions.report_message(bob.pk, rude_id, "again")
    actions.report_message(bob.pk, rude_id, "and again")
    (again,) = Report.objects.filter(case__settled_at=None, case__message=rude_id)
    assert (again.body, again.reason) == ("even ruder", "and again")
    session.press_button("reportcase", "reopen", reports[0])  # the new case is open, so the old one stays closed
    assert open_reports() == [reports[1], again.case_id]


def test_a_person_is_reported_by_those_who_can_see_the_person(session, alice, bob, carol, mallory, group):
    actions.report_user(bob.pk, alice.pk, "insults me in the street", "harassment")
    actions.report_user(carol.pk, alice.pk, kind="spam")
    (case,) = session.rows("reportcase")
    assert (case.user, case.message, case.report_count, case.gravity) == (alice, None, 2, 2)
    page = session.page("reportcase", case.pk).content.decode()
    assert "insults me in the street" in page and "Harassment" in page
    offered = {name for name, _ in session.page("reportcase", case.pk).context["buttons"]}
    assert not offered & {"hide_and_settle", "wipe_and_settle", "restore"}
    session.run_action("reportcase", "hide_and_settle", case.pk)
    session.run_action("reportcase", "wipe_and_settle", case.pk)
    assert open_reports() == [case.pk]
    session.run_action("reportcase", "warn_and_settle", case.pk, reason="Leave them alone")
    assert open_reports() == []

    User.objects.filter(pk=alice.pk).update(find_me="nobody")
    actions.report_user(bob.pk, alice.pk)  # bob is in a group with alice, mallory is not
    for user, reported in ((mallory, alice.pk), (bob, 2**62)):
        with pytest.raises(ApplicationError, match="not_found"):
            actions.report_user(user.pk, reported)
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.report_user(bob.pk, bob.pk)
    with pytest.raises(ApplicationError, match="invalid"):
        actions.report_user(bob.pk, alice.pk, kind="boring")


def test_those_who_reported_are_told_what_came_of_it_and_the_reported_person_learns_nothing_of_them(
    session, alice, bob, carol, reports
):
    session.press_button("reportcase", "hide_and_settle", reports[0])
    session.press_button("reportcase", "dismiss", reports[1])
    told = [(each.user, each.kind) for each in Notice.objects.order_by("pk")]
    assert sorted((user.username, kind) for user, kind in told) == [
        ("bob", "report_acted"),
        ("carol", "report_acted"),
        ("carol", "report_dismissed"),
    ]
    carol.refresh_from_db(), alice.refresh_from_db()
    assert (carol.notice_count, alice.notice_count) == (2, 0)


def test_messages_that_cannot_be_reported(alice, bob, carol, mallory, group, rude_id, moderator):
    with pytest.raises(ApplicationError, match="not_found"):
        actions.report_message(mallory.pk, rude_id, "")
    with pytest.raises(ApplicationError, match="invalid"):
        actions.report_message(bob.pk, rude_id, "x" * 501)
    actions.add_members(alice.pk, group.pk, [carol.pk])
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.report_message(bob.pk, Message.objects.get(kind="system").pk, "")
    actions.hide_message(moderator.pk, rude_id)
    with pytest.raises(ApplicationError, match="not_found"):
        actions.report_message(bob.pk, rude_id, "")


# ── Questions and titles ─────────────────────────────────────────────────────────────────────────────────────────
ASKING = [
    ("message", "hide", False),
    ("reportcase", "hide_and_settle", False),
    ("reportcase", "suspend_and_settle", True),
    ("invite", "take_back", True),
]


@pytest.mark.parametrize("from_list", [False, True])
@pytest.mark.parametrize(("model", "act", "dangerous"), ASKING)
def test_what_others_notice_asks_first(model, act, dangerous, from_list, session, reports, rude_id, alice, group):
    """Such an action changes nothing until the form with the question is posted, which repeats what was chosen."""
    invite = actions.create_invite(alice.pk, group.pk)
    pk = {"message": rude_id, "reportcase": reports[0], "invite": invite.id}[model]
    name = "changelist" if from_list else "act"
    url = reverse(f"admin:chat_{model}_{name}", args=[] if from_list else [pk])
    fields = {"action": act, "_selected_action": [str(pk)], "index": "0"} if from_list else {"act": act}
    question = session.client.post(url, fields)
    page = question.content.decode()
    assert question.status_code == 200 and str(question.context["question"]) in page
    assert ("danger" in page) == dangerous and question.context["rows"]
    assert log() == [] and open_reports() == reports
    assert User.objects.get(pk=alice.pk).is_active and Message.objects.get(pk=rude_id).deleted_at is None
    session.client.post(url, _post_fields(question))
    assert log()


def _post_fields(response) -> dict[str, list[str]]:
    """Returns what a browser would post from the form with the question."""
    fields: dict[str, list[str]] = {"confirmed": ["yes"]}
    for name, value in response.context["fields"]:
        fields.setdefault(name, []).append(value)
    return fields


def test_what_can_be_undone_silently_does_not_ask(session, rude_id, reports):
    url = reverse("admin:chat_reportcase_act", args=[reports[0]])
    assert session.client.post(url, {"act": "dismiss"}).status_code == 302
    assert reports[0] not in open_reports()


def test_suspending_is_marked_as_dangerous(session, reports):
    page = session.page("reportcase", reports[0]).content.decode()
    assert re.findall(r'class="act danger" name="act" value="(\w+)"', page) == [
        "suspend_and_settle",
        "wipe_and_settle",
        "hide_recent",
    ]


def test_pages_have_titles_in_words_and_times_of_24_hours(session, alice, group, reports, rude_id):
    invite = actions.create_invite(alice.pk, group.pk)
    ReportCase.objects.update(created_at=datetime(2026, 11, 28, 12, 43, tzinfo=UTC))
    titles = {
        ("reportcase", reports[0]): f"Report {reports[0]}: message by alice",
        ("message", rude_id): f"Message {rude_id} by alice",
        ("invite", invite.id): f"Invite link {invite.id} to {group.title}",
        ("conversation", group.pk): group.title,
    }
    for (model, pk), title in titles.items():
        assert session.page(model, pk).context["title"] == title
    for response in (session.list("reportcase"), session.page("reportcase", reports[0])):
        page = response.content.decode()
        assert "28 November 2026, 12:43" in page and "p.m." not in page


# ── Permissions ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("who", ["alice", "bob", "staff", "suspended"])
def test_actions_check_permissions(who, request, rude_id, moderator, bob):
    if who == "suspended":
        user = moderator
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user = request.getfixturevalue(who)
    actions.report_message(bob.pk, rude_id, "")
    for verb, pk in (
        (actions.hide_message, rude_id),
        (actions.restore_message, rude_id),
        (actions.settle_case, ReportCase.objects.get().pk),
    ):
        with pytest.raises(ApplicationError, match="forbidden"):
            verb(user.pk, pk)


def test_unknown_ids(moderator):
    for verb in (actions.hide_message, actions.restore_message, actions.settle_case):
        with pytest.raises(ApplicationError, match="not_found"):
            verb(moderator.pk, 2**62)


def test_invite_links_are_shown_without_token_and_revoked(session, moderator, alice, mallory, group):
    """The admin pages show invite links without their tokens (the secret parts of the links).

    A moderator can revoke a link from the list of links, and with the button on the page of the link.
    """
    first, second = (actions.create_invite(alice.pk, group.pk) for _ in range(2))
    assert [row.pk for row in session.rows("invite", q="alice", state="open")] == [second.id, first.id]
    for response in (session.list("invite"), session.page("invite", first.id)):
        assert response.status_code == 200 and first.token not in response.content.decode()
    session.press_button("invite", "take_back", first.id)
    session.run_action("invite", "take_back", first.id, second.id)
    assert session.rows("invite", state="open") == []
    assert log() == ["invite.revoke"] * 2
    with pytest.raises(ApplicationError):
        actions.join_by_invite(mallory.pk, first.token)
    with pytest.raises(ApplicationError) as refused:
        actions.revoke_invite_as_moderator(alice.pk, first.id)
    assert refused.value.code == "forbidden"
