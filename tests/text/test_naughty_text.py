"""Whatever is written into a text field of a conversation or an account comes back as it was, or is refused clearly."""

from __future__ import annotations

import uuid
from html.parser import HTMLParser

import pytest
from django.test import Client

from accounts import actions as account_actions
from accounts.models import User
from accounts.selectors import user_search
from chat import actions, selectors
from chat.actions.sending import Send, Sent, send_many
from chat.models import Conversation, Membership, Message, Report
from chat.text.language import is_emoji
from messenger.core.errors import ApplicationError
from tests.naughty_strings import OURS, naughty_strings
from tests.text.html_reader import assert_harmless

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return naughty_strings()


@pytest.fixture
def some(each_database, texts) -> list[str]:
    """For what takes a commit for each text: all of them on SQLite, ours and a part of the others on PostgreSQL."""
    return texts if each_database == "sqlite" else [*OURS, *texts[len(OURS) :: 6]]


def refusal_of(verb, *args, field: str) -> bool:
    """Whether the verb refused the text, which it may only do as invalid and at this field."""
    try:
        verb(*args)
    except ApplicationError as refusal:
        assert refusal.code == "invalid" and set(refusal.fields) == {field}, (refusal, args)
        return True
    return False


def shortened(text: str) -> str:
    return ascii(text[:60])


def send_all(alice, room, texts) -> dict[str, int]:
    """Every text as a message of its own; the message ids of those that were taken."""
    taken = {}
    for at in range(0, len(texts), 100):
        batch = texts[at : at + 100]
        outcomes = send_many([Send(alice.pk, room.pk, uuid.uuid4(), text) for text in batch])
        for text, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Sent):
                assert outcome.message.body == text
                taken[text] = outcome.message.id
            else:
                assert isinstance(outcome, ApplicationError) and set(outcome.fields) == {"body"}, shortened(text)
    return taken


def test_as_messages(room, alice, texts, some):
    taken = send_all(alice, room, texts)
    assert len(taken) > len(texts) * 0.8
    rows = Message.objects.in_bulk(taken.values())
    for text, pk in taken.items():
        assert rows[pk].body == text
        assert_harmless(rows[pk].body_html)
    first, other = list(taken.values())[:2]
    for text in some:
        # Two messages in turn, so that each edit is one; what the one says now is not what it said before.
        refused = refusal_of(actions.edit, alice.pk, first, text, field="body")
        assert refused == (text not in taken), shortened(text)
        if not refused:
            shape = selectors.get_message(alice.pk, first)
            assert shape.body == text
            assert_harmless(shape.body_html)
            first, other = other, first
    for revision in selectors.list_revisions(alice.pk, first):
        assert_harmless(revision.body_html)


def test_as_words_of_a_group(room, alice, some):
    limits = {"title": 80, "description": 500, "announcement": 1000}
    for text in some:
        given = dict.fromkeys(limits, text)
        while given:
            try:
                actions.update(alice.pk, room.pk, given)
                break
            except ApplicationError as refusal:
                assert refusal.code == "invalid" and len(refusal.fields) == 1, shortened(text)
                del given[next(iter(refusal.fields))]
        fresh = Conversation.objects.get(pk=room.pk)
        for name in given:
            lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
            kept = " ".join(text.split()) if name == "title" else lines
            assert getattr(fresh, name) == kept, (name, shortened(text))
        if text.strip() and text.isprintable() and text.isascii():
            assert set(given) == {name for name, most in limits.items() if len(text.strip()) <= most}
        if text.isprintable() and text.isascii() and text.strip() and len(text) <= 80:
            assert actions.create_group(alice.pk, text, []).title == " ".join(text.split())
    for line in Message.objects.filter(conversation=room, kind="system"):
        assert line.body == line.body_html == ""


def test_as_what_is_one_s_own(room, alice, bob, some):
    message = send_many([Send(alice.pk, room.pk, uuid.uuid4(), "hello")])[0].message
    for text in some:
        if not refusal_of(actions.set_mine, bob.pk, room.pk, {"draft": text}, field="draft"):
            assert Membership.objects.get(conversation=room, user=bob).draft == text
        if not refusal_of(actions.report, bob.pk, message.id, text, field="reason"):
            assert Report.objects.get(message_id=message.id, reporter=bob).reason == text
        for active in (True, False):
            assert refusal_of(actions.react, bob.pk, message.id, text, active, field="emoji") or is_emoji(text)


def test_as_a_profile(alice, bob, some):
    for text in some:
        for name in ("name", "bio", "username"):
            try:
                account_actions.update_profile(alice.pk, {name: text})
            except ApplicationError as refusal:
                assert refusal.code == "invalid" and set(refusal.fields) == {name}, shortened(text)
        fresh = User.objects.get(pk=alice.pk)
        assert fresh.username and fresh.username.isprintable()
        assert isinstance(user_search.find(bob.pk, text), list)
        if text.isascii() and text.isprintable() and text.strip() and len(text) <= 40:
            assert fresh.name == " ".join(text.split())


# ── On the pages ─────────────────────────────────────────────────────────────────────────────────────────────────
class Scripts(HTMLParser):
    """What of a page could run, and whether anything of it came from people."""

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


def test_on_the_pages_nothing_runs(room, alice, bob, texts, each_database):
    """Pages take their time: of all texts on SQLite, of our own on PostgreSQL."""
    texts = texts if each_database == "sqlite" else OURS
    taken = send_all(alice, room, texts)
    worst = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
    account_actions.update_profile(alice.pk, {"name": worst[:40], "bio": worst})
    actions.update(alice.pk, room.pk, {"title": worst, "description": worst, "announcement": worst})
    actions.set_mine(bob.pk, room.pk, {"draft": worst})
    message = next(iter(taken.values()))
    actions.edit(alice.pk, message, worst)
    actions.send(bob.pk, room.pk, uuid.uuid4(), worst, reply_to_id=message)
    actions.send(alice.pk, room.pk, uuid.uuid4(), f"@bob {worst}")
    browser = Client()
    browser.force_login(bob)
    paths = [
        "/",
        f"/c/{room.pk}/settings/",
        "/people/",
        f"/people/?q={'%22%3E%3Cscript%3Ealert(1)%3C/script%3E'}",
        "/mentions/",
    ]
    paths += [
        f"/m/{message}/act/",
        f"/m/{message}/revisions/",
        f"/m/{message}/forward/",
        f"/c/{room.pk}/?reply={message}",
    ]
    last = Conversation.objects.get(pk=room.pk).last_seq
    paths += [f"/c/{room.pk}/?before={seq}" for seq in range(last + 1, 1, -50)]
    for path in paths:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert Scripts(answer.content.decode()).bad == [], path
