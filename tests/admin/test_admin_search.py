"""A moderator finds a conversation and a message, and reads it in its place; no list counts or reads all rows."""

from __future__ import annotations

import pytest

from chat import actions
from chat.admin import base
from chat.admin import messages as message_admin
from chat.models import Conversation, Message
from tests.admin.conftest import say


@pytest.fixture
def at(desk, moderator):
    return desk(moderator)


@pytest.fixture
def said(alice, bob, room, pair):
    return {
        "dinner": say(alice, room.pk, "Dinner at seven?"),
        "yes": say(bob, room.pk, "Yes, **dinner** it is"),
        "secret": say(bob, pair.pk, "别告诉千泷"),
    }


def found(at, said, q: str, **query) -> set[str]:
    names = {pk: name for name, pk in said.items()}
    return {names.get(row.pk, row.kind) for row in at.rows("message", q=q, **query)}


def test_by_words(at, said):
    assert found(at, said, "dinner") == {"dinner", "yes"}
    assert found(at, said, "dinner it") == {"yes"}
    assert found(at, said, "千泷") == {"secret"}
    assert found(at, said, "breakfast") == set()


def test_by_sender_conversation_and_number(at, said, room, pair):
    assert found(at, said, "from:bob") == {"yes", "secret"}
    assert found(at, said, f"from:@BOB in:{room.pk} dinner") == {"yes"}
    assert found(at, said, f"in:{pair.pk}") == {"secret"}
    assert found(at, said, f"id:{said['yes']}") == {"yes"}
    assert found(at, said, f"http://localhost:8000/m/{said['secret']}/") == {"secret"}
    assert found(at, said, f"http://localhost:8000/c/{pair.pk}/?at=3#m-3") == {"secret"}


@pytest.mark.parametrize("q", ["id:99999999999999999999999", "in:0", "from:nobody", "\0", "%", "'; --", "𝔲" * 300])
def test_what_makes_no_sense_finds_nothing_or_all_and_breaks_nothing(at, said, q):
    assert at.list("message", q=q).status_code == 200
    assert at.list("conversation", q=q).status_code == 200
    assert at.list("report", q=q).status_code == 200


def test_by_state_and_kind(at, said, alice, bob, carol, moderator, room):
    actions.hide(moderator.pk, said["dinner"])
    actions.delete(bob.pk, said["yes"])
    actions.add_members(alice.pk, room.pk, [carol.pk])
    assert found(at, said, "", state="hidden") == {"dinner"}
    assert found(at, said, "dinner", state="hidden") == {"dinner"}  # its words are kept for the moderators
    assert found(at, said, "", state="recalled") == {"yes"}
    assert found(at, said, "", state="there", kind__exact="text") == {"secret"}
    assert found(at, said, "", kind__exact="system") == {"system"}
    assert found(at, said, "", created_at__gte="2999-01-01T00:00:00Z") == set()


def test_conversations(at, said, room, pair, alice, carol):
    assert [row.pk for row in at.rows("conversation", q="roo")] == [room.pk]
    assert [row.pk for row in at.rows("conversation", q=str(pair.pk))] == [pair.pk]
    assert {row.pk for row in at.rows("conversation", q="@Alice")} == {room.pk, pair.pk}
    assert at.rows("conversation", q="carol") == []
    assert {row.pk for row in at.rows("conversation", state="ended")} == set()
    page = at.list("conversation").content.decode()
    assert "alice ↔ bob" in page
    actions.delete_group(alice.pk, room.pk)
    assert [row.pk for row in at.rows("conversation", state="ended")] == [room.pk]


def test_a_conversation_names_its_people_and_leads_to_its_messages(at, said, room, alice, bob):
    actions.remove_member(bob.pk, room.pk, bob.pk)
    page = at.page("conversation", room.pk).content.decode()
    assert page.index("alice") < page.index(">bob<")
    assert f"?q=in%3A{room.pk}" in page


def test_a_message_stands_among_those_around_it(at, alice, bob, room):
    ids = [say((alice, bob)[number % 2], room.pk, f"line {number:02}") for number in range(30)]
    actions.delete(bob.pk, ids[13])
    page = at.page("message", ids[15]).content.decode()
    shown = [number for number in range(30) if f"line {number:02}" in page]
    near = range(15 - message_admin.AROUND, 15 + message_admin.AROUND + 1)
    assert shown == [number for number in near if number != 13]
    assert "recalled by its writer" in page
    assert f"../../{ids[16]}/change/" in page


def test_it_shows_what_was_said_before_what_it_answers_and_who_reported_it(at, said, alice, bob, room):
    answer = say(alice, room.pk, "Not seven", reply_to_id=said["yes"])
    actions.edit(alice.pk, answer, "Eight!")
    actions.report(bob.pk, answer, "she promised seven")
    page = at.page("message", answer).content.decode()
    assert all(words in page for words in ("Not seven", "Eight!", "Yes, **dinner** it is", "she promised seven"))


def test_looking_changes_nothing(at, said, alice, room):
    before = list(Conversation.objects.order_by("pk").values()), list(Message.objects.order_by("pk").values())
    at.list("message"), at.page("message", said["yes"]), at.page("conversation", room.pk)
    assert (list(Conversation.objects.order_by("pk").values()), list(Message.objects.order_by("pk").values())) == before


# ── Cheap, however much there is ─────────────────────────────────────────────────────────────────────────────────
def test_lists_take_the_same_number_of_queries_for_any_number_of_rows(
    at, alice, bob, carol, room, pair, django_assert_max_num_queries, django_assert_num_queries
):
    def queries(model):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as captured:
            at.rows(model)
        return len(captured)

    def more(number):
        ids = [say((alice, bob)[i % 2], (room, pair)[i % 2].pk, f"words {number} {i}") for i in range(10)]
        for pk in ids[::2]:
            actions.report(bob.pk, pk, "rude")
        group = actions.create_group(carol.pk, f"Group {number}", [alice.pk])
        say(carol, group.id, "hello")

    more(1)
    at.rows("message")  # content types and the like are remembered from here on
    first = {model: queries(model) for model in ("message", "conversation", "report")}
    more(2), more(3)
    assert {model: queries(model) for model in first} == first
    assert max(first.values()) <= 12


def test_no_list_counts_further_than_it_shows_or_looks_further_back(at, said, alice, room, monkeypatch):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        at.rows("message", q="dinner")
    counts = [each["sql"] for each in captured if "COUNT(" in each["sql"]]
    assert counts and all("LIMIT" in sql for sql in counts)

    monkeypatch.setattr(message_admin, "LOOK_BACK", 1)
    newest = say(alice, room.pk, "dinner, at last")
    assert [row.pk for row in at.rows("message", q="dinner")] == [newest]
    assert [row.pk for row in at.rows("message")] == [newest]
    assert len(at.rows("message", q=f"in:{room.pk} dinner")) == 3  # one conversation has an index of its own

    monkeypatch.setattr(base, "LISTED", 2)
    assert at.list("message", q=f"in:{room.pk}").context["cl"].result_count == 2


def test_what_is_done_to_very_many_at_once_is_refused(at, said, alice, room, monkeypatch):
    monkeypatch.setattr(base, "AT_ONCE", 1)
    at.act("message", "hide", said["dinner"], said["yes"])
    assert not Message.objects.exclude(deleted_at=None).exists()
