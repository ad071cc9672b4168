"""Tests the text fields of conversations and accounts with strings that often break software (see naughty_strings.py).

Each string must be stored unchanged or rejected with an error. On pages it must not run as a script.
"""

from __future__ import annotations

import uuid
from html.parser import HTMLParser

import pytest
from django.test import Client

from accounts import actions as account_actions
from accounts.models import User
from accounts.selectors import user_search
from chat import actions, selectors
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.models import Conversation, Membership, Message, Report
from chat.payloads import SendPayload
from chat.text.language import is_single_emoji
from messenger.core.errors import ApplicationError
from tests.naughty_strings import OURS, naughty_strings, sample_naughty_strings
from tests.text.html_reader import assert_harmless

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return naughty_strings()


@pytest.fixture
def sample_texts(each_database, texts) -> list[str]:
    """Returns test strings for tests that commit to the database after each string, which is slow.

    These are the strings in OURS, which are written for this project, and some of the others. On SQLite, bin/test-long
    tests all of them.
    """
    return sample_naughty_strings() if each_database == "sqlite" else [*OURS, *texts[len(OURS) :: 6]]


def is_rejected(action, *args, field: str) -> bool:
    """Calls `action(*args)`, which saves a text, and returns whether it rejected the text with an error.

    Asserts that the error has the code `invalid` and names only the field `field`.
    """
    try:
        action(*args)
    except ApplicationError as error:
        assert error.code == "invalid" and set(error.fields) == {field}, (error, args)
        return True
    return False


def shorten(text: str) -> str:
    return ascii(text[:60])


def send_all(alice, group, texts) -> dict[str, int]:
    """Sends each text as a message from the user alice to the group.

    Returns a dictionary from text to message id. Texts that were rejected are missing in it.
    """
    accepted = {}
    for start in range(0, len(texts), 100):
        batch = texts[start : start + 100]
        outcomes = send_many([SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), text)) for text in batch])
        for text, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, SentMessage):
                assert outcome.message.body == text
                accepted[text] = outcome.message.id
            else:
                assert isinstance(outcome, ApplicationError) and set(outcome.fields) == {"body"}, shorten(text)
    return accepted


def test_naughty_strings_as_messages(group, alice, texts, sample_texts):
    accepted = send_all(alice, group, texts)
    assert len(accepted) > len(texts) * 0.8
    rows = Message.objects.in_bulk(accepted.values())
    for text, pk in accepted.items():
        assert rows[pk].body == text
        assert_harmless(rows[pk].body_html)
    first, other = list(accepted.values())[:2]
    for text in sample_texts:
        # Edits two messages alternately, so that each edit changes a text.
        rejected = is_rejected(actions.edit_message, alice.pk, first, text, field="body")
        assert rejected == (text not in accepted), shorten(text)
        if not rejected:
            shape = selectors.get_message(alice.pk, first)
            assert shape.body == text
            assert_harmless(shape.body_html)
            first, other = other, first
    for revision in selectors.list_revisions(alice.pk, first):
        assert_harmless(revision.body_html)


def test_naughty_strings_as_group_texts(group, alice, sample_texts):
    limits = {"title": 80, "description": 500, "announcement": 1000}
    for text in sample_texts:
        fields = dict.fromkeys(limits, text)
        while fields:
            try:
                actions.update_group(alice.pk, group.pk, fields)
                break
            except ApplicationError as error:
                assert error.code == "invalid" and len(error.fields) == 1, shorten(text)
                del fields[next(iter(error.fields))]
        fresh = Conversation.objects.get(pk=group.pk)
        for name in fields:
            lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
            kept = " ".join(text.split()) if name == "title" else lines
            assert getattr(fresh, name) == kept, (name, shorten(text))
        if text.strip() and text.isprintable() and text.isascii():
            assert set(fields) == {name for name, most in limits.items() if len(text.strip()) <= most}
        if text.isprintable() and text.isascii() and text.strip() and len(text) <= 80:
            assert actions.create_group(alice.pk, text, []).title == " ".join(text.split())
    for line in Message.objects.filter(conversation=group, kind="system"):
        assert line.body == line.body_html == ""


def test_naughty_strings_as_drafts_reports_and_reactions(group, alice, bob, sample_texts):
    message = send_many([SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))])[0].message
    for text in sample_texts:
        if not is_rejected(actions.update_member_state, bob.pk, group.pk, {"draft": text}, field="draft"):
            assert Membership.objects.get(conversation=group, user=bob).draft == text
        if not is_rejected(actions.report_message, bob.pk, message.id, text, field="reason"):
            assert Report.objects.get(case__message=message.id, reporter=bob).reason == text
        for active in (True, False):
            assert is_rejected(
                actions.set_reaction, bob.pk, message.id, text, active, field="emoji"
            ) or is_single_emoji(text)


def test_naughty_strings_as_profile(alice, bob, sample_texts):
    for text in sample_texts:
        for name in ("name", "bio", "username"):
            try:
                account_actions.update_profile(alice.pk, {name: text})
            except ApplicationError as error:
                assert error.code == "invalid" and set(error.fields) == {name}, shorten(text)
        fresh = User.objects.get(pk=alice.pk)
        assert fresh.username and fresh.username.isprintable()
        assert isinstance(user_search.search_users(bob.pk, text), list)
        if text.isascii() and text.isprintable() and text.strip() and len(text) <= 40:
            assert fresh.name == " ".join(text.split())


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class ScriptFinder(HTMLParser):
    """Collects in the list `bad` all parts of an HTML page that could run injected code or load styles.

    The scripts that the templates of this project contain are not collected.
    """

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []
        self._in_script: dict[str, str | None] | None = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self._in_script = attributes if tag == "script" else None
        if tag == "script" and not (
            attributes.get("src") or attributes.get("type") in ("importmap", "application/json")
        ):
            self.bad.append(f"script {attributes}")
        if tag == "script" and not (attributes.get("src") or "/static/").startswith("/static/"):
            self.bad.append(f"script {attributes}")
        if tag in ("style", "iframe", "object", "embed", "base"):
            self.bad.append(tag)
        for name, value in attributes.items():
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.bad.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "formaction", "xlink:href") and (
                value or ""
            ).strip().lower().startswith(("javascript:", "data:", "vbscript:")):
                self.bad.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag):
        if tag == "script":
            self._in_script = None

    def handle_data(self, data):
        if self._in_script and "alert(" in data and self._in_script.get("type") != "application/json":
            self.bad.append(f"in a script: {data[:80]}")


def test_naughty_strings_run_no_scripts_on_pages(group, alice, bob, texts, each_database):
    """Pages show strings that often break software, and HTML with scripts. No page may run these scripts.

    All strings are used on SQLite. On PostgreSQL only the strings of this project (OURS) are used, because rendering
    the pages is slow.
    """
    texts = texts if each_database == "sqlite" else OURS
    accepted = send_all(alice, group, texts)
    attack = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
    account_actions.update_profile(alice.pk, {"name": attack[:40], "bio": attack})
    actions.update_group(alice.pk, group.pk, {"title": attack, "description": attack, "announcement": attack})
    actions.update_member_state(bob.pk, group.pk, {"draft": attack})
    message = next(iter(accepted.values()))
    actions.edit_message(alice.pk, message, attack)
    actions.send_message(bob.pk, group.pk, uuid.uuid4(), attack, reply_to_id=message)
    actions.send_message(alice.pk, group.pk, uuid.uuid4(), f"@bob {attack}")
    browser = Client()
    browser.force_login(bob)
    paths = [
        "/",
        f"/c/{group.pk}/settings/",
        "/people/",
        f"/people/?q={'%22%3E%3Cscript%3Ealert(1)%3C/script%3E'}",
        "/mentions/",
    ]
    paths += [
        f"/m/{message}/act/",
        f"/m/{message}/revisions/",
        f"/m/{message}/forward/",
        f"/c/{group.pk}/?reply={message}",
    ]
    last = Conversation.objects.get(pk=group.pk).last_seq
    paths += [f"/c/{group.pk}/?before={seq}" for seq in range(last + 1, 1, -50)]
    for path in paths:
        response = browser.get(path)
        assert response.status_code == 200, path
        assert ScriptFinder(response.content.decode()).bad == [], path
