"""What a title and a description may be made of; and that a stranger waits for nobody's lock."""

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
def test_no_title_turns_or_hides_letters(alice, room, sign):
    with pytest.raises(ApplicationError) as refused:
        actions.create_group(alice.pk, f"a{sign}b", [])
    assert set(refused.value.fields) == {"title"}
    with pytest.raises(ApplicationError):
        actions.update_group(alice.pk, room.pk, {"title": f"a{sign}b"})


@pytest.mark.parametrize(
    "title", ["می\u200cخواهم", "👩\u200d🚀", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "群"]
)
def test_joiners_and_flags_stay(alice, title):
    assert actions.create_group(alice.pk, title, []).title == title


@pytest.mark.parametrize("field", ["description", "announcement"])
def test_several_lines(alice, room, field):
    def say(text: str) -> str:
        return getattr(actions.update_group(alice.pk, room.pk, {field: text}), field)

    assert say("one\r\ntwo\n\tthree") == "one\ntwo\n\tthree"
    assert say(f"{LRI}abc{PDI} and {RLO}{LRI}x{PDI}{PDF}") == f"{LRI}abc{PDI} and {RLO}{LRI}x{PDI}{PDF}"
    for text in ("a\x07b", "a\x85b", "a\x9fb", f"a{RLO}b", f"a{LRI}\n{PDI}b", f"a{PDF}b", f"{RLO}{LRI}{PDF}{PDI}"):
        with pytest.raises(ApplicationError) as refused:
            say(text)
        assert set(refused.value.fields) == {field}


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize(
    "emoji", ["\0", "👍\u202e", "\u2066\ufe0f", "\u205f\ufe0f", "\u3000\ufe0f", "👍\u200d\u2066\ufe0f"]
)
def test_no_reaction_of_what_turns_or_shows_nothing(alice, emoji, active):
    with pytest.raises(ApplicationError) as refused:
        actions.set_reaction(alice.pk, 1, emoji, active)
    assert set(refused.value.fields) == {"emoji"}


def test_a_stranger_does_not_wait_for_a_row_that_somebody_holds(postgres_db, mallory, room):
    """The row is held; whoever is not in the conversation is told so at once."""
    outcome: list[BaseException] = []

    def knock() -> None:
        try:
            actions.update_group(mallory.pk, room.pk, {"title": "Mine"})
        except ApplicationError as refused:
            outcome.append(refused)
        finally:
            connection.close()

    with transaction.atomic():
        Conversation.objects.select_for_update().get(pk=room.pk)
        thread = threading.Thread(target=knock)
        thread.start()
        thread.join(1)
        answered = bool(outcome)
    thread.join(20)
    assert answered and outcome[0].code == "not_found"
