"""Tests that the log notes which direct conversations moderators read although nothing is reported there."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry
from chat import actions
from chat.models import Report
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
def read(moderator, direct_conversation) -> tuple[int, int]:
    return moderator.pk, direct_conversation.pk


def test_opening_a_message_of_a_direct_conversation_is_noted(session, secret, read):
    assert "the surprise party" in session.page("message", secret).content.decode()
    assert list_read_entries() == [read]


def test_the_list_shows_no_texts_of_direct_conversations_until_a_search(session, secret, alice, group):
    send_message(alice, group.pk, "hello group")
    page = session.list("message").content.decode()
    assert "hello group" in page and "the surprise party" not in page and list_read_entries() == []


@pytest.mark.parametrize("q", ["surprise", "from:bob", "in:{conversation}", "id:{message}"])
def test_a_search_that_shows_a_direct_conversation_is_noted_once(q, session, secret, read, alice, direct_conversation):
    send_message(alice, direct_conversation.pk, "a surprise?")
    q = q.format(conversation=direct_conversation.pk, message=secret)
    assert "the surprise party" in session.list("message", q=q).content.decode()
    assert list_read_entries() == [read]


def test_reading_about_an_open_report_or_in_a_group_is_not_noted(session, secret, read, alice, group):
    in_group = send_message(alice, group.pk, "the surprise is for bob")
    actions.report_message(alice.pk, secret, "spoils it")
    session.page("message", secret), session.page("message", in_group), session.list("message", q="surprise")
    assert "the surprise party" in session.list("message").content.decode()
    assert list_read_entries() == []
    session.press_button("report", "only_settle", Report.objects.get().pk)
    session.page("message", secret)
    assert list_read_entries()[-1] == read


def test_only_administrators_read_the_log(admin_session, session, superuser, secret):
    session.page("message", secret)
    assert session.get("audit_auditentry_changelist").status_code == 403
    page = admin_session(superuser).get("audit_auditentry_changelist").content.decode()
    assert "read a direct conversation without an open report" in page and "molly" in page


def test_a_refused_page_is_not_noted(admin_session, staff, secret):
    assert admin_session(staff).page("message", secret).status_code == 403
    assert list_read_entries() == []
