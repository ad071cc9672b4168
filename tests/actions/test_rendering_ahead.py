"""Tests that texts are rendered before their conversation is locked, and what happens if something changes meanwhile.

Each test stops the rendering of one text in the middle, and changes something before it continues.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from chat import actions
from chat.actions import rendering, validation
from chat.models import Message, Role
from messenger.core.errors import ApplicationError

pytestmark = pytest.mark.usefixtures("each_database")


class PausedRendering:
    """Pauses the first rendering of each text that contains `slow`, until the context manager `during` ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.rendered: list[str] = []
        self._begun, self._go_on = threading.Event(), threading.Event()
        self._render_markdown = rendering.render_markdown
        monkeypatch.setattr(rendering, "render_markdown", self._render)

    def _render(self, body: str, *args: Any, **options: Any) -> Any:
        self.rendered.append(body)
        if "slow" in body and not self._begun.is_set():
            self._begun.set()
            assert self._go_on.wait(10)
        return self._render_markdown(body, *args, **options)

    def change_during(self, call: Callable[[], Any], change: Callable[[], Any]) -> Any:
        """Calls `change` while a text of `call` is being rendered. Returns the result of `call` or its error."""
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append(call())
            except ApplicationError as error:
                outcome.append(error)
            finally:
                connection.close()

        def run_change() -> None:
            change()
            connection.close()

        calling, changing = threading.Thread(target=run), threading.Thread(target=run_change)
        calling.start()
        assert self._begun.wait(5)
        changing.start()
        changing.join(2)
        has_waited = changing.is_alive()
        self._go_on.set()
        for thread in (calling, changing):
            thread.join(10)
        assert not has_waited, "the change waited for the rendering"
        return outcome[0]


@pytest.fixture
def paused(monkeypatch):
    return PausedRendering(monkeypatch)


@pytest.fixture
def message(bob, group):
    return send(bob, group, "quick")


def send(user, group, body: str = "", **options: Any) -> Any:
    return actions.send_message(user.pk, group.pk, uuid.uuid4(), body, **options)[0]


def test_rendering_a_new_message_delays_no_other_change(alice, bob, group, message, paused):
    sent = paused.change_during(
        lambda: send(bob, group, "**slow**"), lambda: actions.set_pinned(alice.pk, message.id, True)
    )
    assert sent.body_html == "<p><strong>slow</strong></p>\n"
    assert paused.rendered.count("**slow**") == 1


def test_rendering_an_edit_delays_no_other_change(alice, bob, group, message, paused):
    edited = paused.change_during(
        lambda: actions.edit_message(bob.pk, message.id, "**slow**"),
        lambda: actions.set_pinned(alice.pk, message.id, True),
    )
    assert edited.body_html == "<p><strong>slow</strong></p>\n" and edited.pinned
    assert paused.rendered.count("**slow**") == 1


def test_a_member_who_leaves_while_the_text_is_rendered_is_not_mentioned(alice, bob, group, message, paused):
    sent = paused.change_during(
        lambda: send(alice, group, "slow @bob"), lambda: actions.remove_member(alice.pk, group.pk, bob.pk)
    )
    assert sent.mentions == [] and "mention" not in sent.body_html


def test_an_edit_does_not_mention_a_member_who_leaves_while_it_is_rendered(alice, bob, group, paused):
    own = send(alice, group, "quick")
    edited = paused.change_during(
        lambda: actions.edit_message(alice.pk, own.id, "slow @bob"),
        lambda: actions.remove_member(alice.pk, group.pk, bob.pk),
    )
    assert edited.mentions == [] and "mention" not in edited.body_html


@pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMIN])
def test_whether_everybody_is_mentioned_depends_on_the_role_when_the_message_is_stored(
    alice, bob, group, message, paused, role
):
    actions.set_role(alice.pk, group.pk, bob.pk, {"member": "admin", "admin": "member"}[role])
    sent = paused.change_during(
        lambda: send(bob, group, "slow @all"), lambda: actions.set_role(alice.pk, group.pk, bob.pk, role)
    )
    assert bool(sent.mentions) == (role == Role.ADMIN)


def test_a_forwarded_text_is_the_one_that_the_message_has_when_it_is_stored(alice, bob, group, paused):
    original = send(bob, group, "quick")
    Message.objects.filter(pk=original.id).update(body="slow **text**")
    sent = paused.change_during(
        lambda: send(alice, group, forward_id=original.id),
        lambda: actions.edit_message(bob.pk, original.id, "*other*"),
    )
    assert (sent.body, sent.body_html) == ("*other*", "<p><em>other</em></p>\n")


def test_a_transaction_looks_up_only_the_names_that_were_found(alice, bob, group, monkeypatch):
    """Each `@` before Chinese text may begin one of many names. Looking up thousands of names takes a while."""
    body = "@bob " + "".join(f"@{chr(0x4E00 + n)}{chr(0x5E00 + n)}{'名' * 27}" for n in range(100))
    looked_up: list[tuple[bool, int]] = []
    find_named_members = validation.find_named_members

    def record(keys_by_conversation):
        looked_up.append((connection.in_atomic_block, sum(map(len, keys_by_conversation.values()))))
        return find_named_members(keys_by_conversation)

    monkeypatch.setattr("chat.actions.sending.rendering.find_named_members", record)
    monkeypatch.setattr("chat.actions.messages.find_named_members", record)
    message = send(alice, group, body)
    edited = actions.edit_message(alice.pk, message.id, f"{body}!")
    assert [len(each.mentions) for each in (message, edited)] == [1, 1]
    assert [is_locked for is_locked, _ in looked_up] == [False, True] * 2
    assert all(count == 1 if is_locked else count > 1000 for is_locked, count in looked_up)


def test_texts_that_may_not_be_sent_are_rendered_only_a_few_times(mallory, group, paused, settings):
    settings.LIMITS = True
    for number in range(60):
        with pytest.raises(ApplicationError):
            send(mallory, group, f"**{number}**")
    assert len(paused.rendered) < 30
