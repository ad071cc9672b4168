"""Whatever somebody writes into a name, a title or a text is shown in the admin as it is, and runs nowhere."""

from __future__ import annotations

import re

import pytest
from django.utils.html import escape

from accounts.models import User
from chat import actions
from chat.models import Conversation, Report
from messenger.core.errors import ApplicationError
from tests.admin.conftest import say
from tests.naughty_strings import naughty_strings

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
def test_hostile_texts(text, desk, moderator, alice, bob):
    User.objects.filter(pk=alice.pk).update(name=text[:60], bio=text[:160])
    group = actions.create_group(alice.pk, "Group", [bob.pk])
    # Some of this the verbs refuse today; the admin shows safely whatever is stored.
    Conversation.objects.filter(pk=group.id).update(title=text[:80], description=text, announcement=text)
    first = say(alice, group.id, text)
    answer = say(bob, group.id, "an answer", reply_to_id=first)
    actions.edit(bob.pk, answer, f"edited {text}")
    actions.report(bob.pk, first, text)

    at = desk(moderator)
    pages = [
        at.list("message"),
        at.list("message", q=text),
        at.list("conversation", q=text),
        at.list("report"),
        at.page("message", first),
        at.page("message", answer),
        at.page("conversation", group.id),
        at.page("report", Report.objects.get().pk),
        at.press("message", "hide", first),
        at.get("accounts_user_changelist"),
        at.get("accounts_user_change", alice.pk),
        at.get("chat_message_history", first),
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


def test_naughty_strings(desk, moderator, alice, bob):
    group = actions.create_group(alice.pk, "Strings", [bob.pk])
    at, sent = desk(moderator), []
    for text in naughty_strings():
        try:
            sent.append(say(alice, group.id, text))
        except ApplicationError as refused:
            assert refused.code == "invalid"
    for page in range(0, len(sent), 20):
        content = at.page("message", sent[page]).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/|[^>]*\bsrc=\"/admin/jsi18n/)", content)
    for text in naughty_strings()[::12]:
        assert at.list("message", q=text).status_code == 200
        assert at.list("conversation", q=text).status_code == 200
