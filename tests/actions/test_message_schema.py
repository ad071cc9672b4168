"""Tests of what a message says about itself in every response and event: excerpt, language, and whether it is long.

The server computes this once, so clients need not. It is the same for all readers.
"""

from __future__ import annotations

import uuid

import pytest

from chat import actions, selectors

pytestmark = pytest.mark.django_db(transaction=True)

CASES = {
    "1. first\n2. *second*": ("1. first 2. second", "en", False),
    "大家好，明天见": ("大家好，明天见", "zh-Hans", False),
    "ありがとう": ("ありがとう", "und", False),
    "👍": ("👍", "", False),
    "line\n" * 30: (" ".join(["line"] * 24)[:119] + "…", "en", True),
}


def described(message):
    return message.excerpt, message.language, message.is_long


@pytest.mark.parametrize("body", CASES)
def test_a_message_has_its_excerpt_language_and_length_when_it_is_sent_and_read(alice, bob, group, body):
    sent, _ = actions.send_message(alice.pk, group.pk, uuid.uuid4(), body)
    assert described(sent) == CASES[body]
    read = selectors.get_message(bob.pk, sent.id)
    assert read == selectors.get_message(alice.pk, sent.id) == sent


def test_an_edited_message_has_the_excerpt_of_its_new_text_and_a_deleted_one_has_none(alice, group):
    sent, _ = actions.send_message(alice.pk, group.pk, uuid.uuid4(), "hello")
    assert described(actions.edit_message(alice.pk, sent.id, "你好吗")) == ("你好吗", "zh-Hans", False)
    assert described(actions.delete_message(alice.pk, sent.id)) == ("", "", False)


def test_a_quote_has_the_excerpt_of_the_quoted_message(alice, bob, group):
    quoted, _ = actions.send_message(alice.pk, group.pk, uuid.uuid4(), "> a\n\n- b")
    reply, _ = actions.send_message(bob.pk, group.pk, uuid.uuid4(), "yes", reply_to_id=quoted.id)
    assert reply.reply_to.excerpt == quoted.excerpt == "> a - b"
