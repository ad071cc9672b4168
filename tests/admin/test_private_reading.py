"""Tests who may read direct conversations in the admin, and that the audit log says who has looked into them.

Moderators see only what was reported there. Administrators may read everything.
"""

from __future__ import annotations

import pytest

from audit.models import AuditEntry
from chat import actions
from chat.models import Message, ReportCase
from tests.admin.conftest import send_message


@pytest.fixture
def session(admin_session, moderator):
    return admin_session(moderator)


@pytest.fixture
def secret(bob, direct_conversation) -> int:
    return send_message(bob, direct_conversation.pk, "the surprise party")


def list_read_entries() -> list[tuple[int, int]]:
    rows = AuditEntry.objects.filter(action="conversation.read").order_by("pk")
    return [(row.actor_id, row.conversation_id) for row in rows]


@pytest.fixture
def read(superuser, direct_conversation) -> tuple[int, int]:
    return superuser.pk, direct_conversation.pk


def test_moderators_do_not_see_direct_messages_that_nobody_has_reported(session, secret, alice, group):
    send_message(alice, group.pk, "hello group")
    for q in ("", "surprise", "from:bob", f"in:{Message.objects.get(pk=secret).conversation_id}", f"id:{secret}"):
        assert secret not in {row.pk for row in session.rows("message", q=q)}
    assert "hello group" in session.list("message").content.decode()
    page = session.page("message", secret)
    assert page.status_code == 302 and "surprise" not in str(page.headers)
    session.run_action("message", "hide", secret)
    session.press_button("message", "hide", secret)
    assert Message.objects.get(pk=secret).deleted_at is None
    assert list_read_entries() == []


def test_of_a_reported_direct_message_moderators_see_the_few_messages_around_it_and_that_is_noted(
    session, moderator, alice, bob, direct_conversation
):
    numbers = [send_message(bob, direct_conversation.pk, f"number {number:02}") for number in range(14)]
    actions.report_message(alice.pk, numbers[7], "spoils it")
    case = ReportCase.objects.get()
    for page in (session.page("reportcase", case.pk), session.page("message", numbers[7])):
        text = page.content.decode()
        shown = {number for number in range(14) if f"number {number:02}" in text}
        assert shown == set(range(2, 13))
    assert list_read_entries() == [(moderator.pk, direct_conversation.pk)] * 2
    assert [row.pk for row in session.rows("message", q="number")] == [numbers[7]]
    session.press_button("reportcase", "dismiss", case.pk)
    assert session.page("message", numbers[7]).status_code == 200
    assert session.page("message", numbers[6]).status_code == 302


def test_opening_a_message_of_a_direct_conversation_is_noted(admin_session, superuser, secret, read):
    assert "the surprise party" in admin_session(superuser).page("message", secret).content.decode()
    assert list_read_entries() == [read]


def test_the_list_shows_no_texts_of_direct_conversations_until_a_search(admin_session, superuser, secret, alice, group):
    send_message(alice, group.pk, "hello group")
    page = admin_session(superuser).list("message").content.decode()
    assert "hello group" in page and "the surprise party" not in page and list_read_entries() == []


@pytest.mark.parametrize("q", ["surprise", "from:bob", "in:{conversation}", "id:{message}"])
def test_a_search_that_shows_a_direct_conversation_is_noted_once(
    q, admin_session, superuser, secret, read, alice, direct_conversation
):
    send_message(alice, direct_conversation.pk, "a surprise?")
    q = q.format(conversation=direct_conversation.pk, message=secret)
    assert "the surprise party" in admin_session(superuser).list("message", q=q).content.decode()
    assert list_read_entries() == [read]


def test_only_administrators_read_the_log(admin_session, session, superuser, moderator, alice, secret):
    actions.report_message(alice.pk, secret)
    session.page("message", secret)
    assert session.get("audit_auditentry_changelist").status_code == 403
    page = admin_session(superuser).get("audit_auditentry_changelist").content.decode()
    assert "looked into a direct conversation" in page and "molly" in page


def test_a_refused_page_is_not_noted(admin_session, staff, secret):
    assert admin_session(staff).page("message", secret).status_code == 403
    assert list_read_entries() == []
