"""Tests that the admin pages escape HTML in names, titles and texts that users wrote."""

from __future__ import annotations

import re

import pytest
from django.utils.html import escape

from accounts.models import User
from chat import actions
from chat.models import Conversation, ReportCase
from messenger.core.errors import ApplicationError
from tests.admin.conftest import send_message
from tests.naughty_strings import naughty_strings, sample_naughty_strings

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</textarea></title></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "[click](javascript:alert(1)) **bold** <b>bold</b>",
    "{{ request.user.password }}{% debug %}",
    "\u202egnp.exe\u202c \u2066after\u2069",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_escaped(text, admin_session, moderator, alice, bob):
    User.objects.filter(pk=alice.pk).update(name=text[:60], bio=text[:160])
    group = actions.create_group(alice.pk, "Group", [bob.pk])
    # Actions reject some of these texts today, but the admin must be safe with every text in the database.
    Conversation.objects.filter(pk=group.id).update(title=text[:80], description=text, announcement=text)
    first = send_message(alice, group.id, text)
    response = send_message(bob, group.id, "an answer", reply_to_id=first)
    actions.edit_message(bob.pk, response, f"edited {text}")
    actions.report_message(bob.pk, first, text)

    session = admin_session(moderator)
    pages = [
        session.list("message"),
        session.list("message", q=text),
        session.list("conversation", q=text),
        session.list("reportcase"),
        session.page("message", first),
        session.page("message", response),
        session.page("conversation", group.id),
        session.page("reportcase", ReportCase.objects.get().pk),
        session.press_button("message", "hide", first),
        session.get("accounts_user_changelist"),
        session.get("accounts_user_change", alice.pk),
        session.get("chat_message_history", first),
    ]
    for page in pages:
        content = page.content.decode()
        assert page.status_code == 200
        if "<" in text:
            assert text not in content
        assert not re.search(r"""(href|src|action)=["']?\s*javascript:""", content, re.IGNORECASE)
        assert "onerror=alert(1)>" not in content and "<svg onload" not in content
    assert escape(text) in pages[4].content.decode()
    assert '<div class="said" dir="auto">' in pages[4].content.decode()


def test_naughty_strings_are_escaped(admin_session, moderator, alice, bob):
    group = actions.create_group(alice.pk, "Strings", [bob.pk])
    session, sent = admin_session(moderator), []
    for text in sample_naughty_strings():
        try:
            sent.append(send_message(alice, group.id, text))
        except ApplicationError as refused:
            assert refused.code == "invalid"
    for page in range(0, len(sent), 20):
        content = session.page("message", sent[page]).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/|[^>]*\bsrc=\"/admin/jsi18n/)", content)
    for text in naughty_strings()[::12]:
        assert session.list("message", q=text).status_code == 200
        assert session.list("conversation", q=text).status_code == 200
