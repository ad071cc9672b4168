"""Tests which characters titles and descriptions may contain.

Also tests that a user who is not a member of a group gets an error at once, even while the row of the group is locked.
"""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from chat import actions
from chat.models import Conversation
from messenger.core.errors import ApplicationError

pytestmark = pytest.mark.usefixtures("database")

RLO, LRI, PDF, PDI = "\u202e", "\u2066", "\u202c", "\u2069"


@pytest.mark.parametrize(
    "sign", [RLO, LRI, PDI, "\x9f", "\x80", "\x07", "\x7f", "\u200b", "\u2060", "\ufeff", "\ud800"]
)
def test_a_title_rejects_bidi_control_and_invisible_characters(alice, group, sign):
    with pytest.raises(ApplicationError) as error:
        actions.create_group(alice.pk, f"a{sign}b", [])
    assert set(error.value.fields) == {"title"}
    with pytest.raises(ApplicationError):
        actions.update_group(alice.pk, group.pk, {"title": f"a{sign}b"})


@pytest.mark.parametrize(
    "title", ["می\u200cخواهم", "👩\u200d🚀", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "群"]
)
def test_a_title_keeps_joiners_and_flag_emoji(alice, title):
    assert actions.create_group(alice.pk, title, []).title == title


@pytest.mark.parametrize("field", ["description", "announcement"])
def test_multiline_fields_normalize_lines_and_reject_unbalanced_bidi(alice, group, field):
    def store(text: str) -> str:
        return getattr(actions.update_group(alice.pk, group.pk, {field: text}), field)

    assert store("one\r\ntwo\n\tthree") == "one\ntwo\n\tthree"
    assert store(f"{LRI}abc{PDI} and {RLO}{LRI}x{PDI}{PDF}") == f"{LRI}abc{PDI} and {RLO}{LRI}x{PDI}{PDF}"
    for text in ("a\x07b", "a\x85b", "a\x9fb", f"a{RLO}b", f"a{LRI}\n{PDI}b", f"a{PDF}b", f"{RLO}{LRI}{PDF}{PDI}"):
        with pytest.raises(ApplicationError) as error:
            store(text)
        assert set(error.value.fields) == {field}


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize(
    "emoji", ["\0", "👍\u202e", "\u2066\ufe0f", "\u205f\ufe0f", "\u3000\ufe0f", "👍\u200d\u2066\ufe0f"]
)
def test_a_reaction_rejects_bidi_control_and_invisible_characters(alice, emoji, active):
    with pytest.raises(ApplicationError) as error:
        actions.set_reaction(alice.pk, 1, emoji, active)
    assert set(error.value.fields) == {"emoji"}


def test_a_non_member_does_not_wait_for_a_locked_row(postgres_db, mallory, group):
    """While a transaction locks the row of a group, a user who is not a member gets `not_found` without waiting."""
    outcome: list[BaseException] = []

    def update_as_non_member() -> None:
        try:
            actions.update_group(mallory.pk, group.pk, {"title": "Mine"})
        except ApplicationError as error:
            outcome.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        Conversation.objects.select_for_update().get(pk=group.pk)
        thread = threading.Thread(target=update_as_non_member)
        thread.start()
        thread.join(1)
        answered = bool(outcome)
    thread.join(20)
    assert answered and outcome[0].code == "not_found"
