"""Tests of the search on admin pages, and of the admin page of a message.

Also tests that no list counts or reads all rows of a table, which would take too long for large tables.
"""

from __future__ import annotations

import pytest

from chat import actions
from chat.admin import base
from chat.admin import messages as message_admin
from chat.models import Conversation, Message
from tests.admin.conftest import send_message


@pytest.fixture
def session(admin_session, superuser):
    """Signs in an administrator, who also finds direct messages that nobody has reported."""
    return admin_session(superuser)


@pytest.fixture
def message_ids(alice, bob, group, direct_conversation):
    return {
        "dinner": send_message(alice, group.pk, "Dinner at seven?"),
        "yes": send_message(bob, group.pk, "Yes, **dinner** it is"),
        "secret": send_message(bob, direct_conversation.pk, "别告诉千泷"),
    }


def search(session, message_ids, q: str, **query) -> set[str]:
    names = {pk: name for name, pk in message_ids.items()}
    return {names.get(row.pk, row.kind) for row in session.rows("message", q=q, **query)}


def test_search_by_words(session, message_ids):
    assert search(session, message_ids, "dinner") == {"dinner", "yes"}
    assert search(session, message_ids, "dinner it") == {"yes"}
    assert search(session, message_ids, "千泷") == {"secret"}
    assert search(session, message_ids, "breakfast") == set()


def test_search_by_sender_conversation_and_id(session, message_ids, group, direct_conversation):
    assert search(session, message_ids, "from:bob") == {"yes", "secret"}
    assert search(session, message_ids, f"from:@BOB in:{group.pk} dinner") == {"yes"}
    assert search(session, message_ids, f"in:{direct_conversation.pk}") == {"secret"}
    assert search(session, message_ids, f"id:{message_ids['yes']}") == {"yes"}
    assert search(session, message_ids, f"http://localhost:8000/m/{message_ids['secret']}/") == {"secret"}
    assert search(session, message_ids, f"http://localhost:8000/c/{direct_conversation.pk}/?at=3#m-3") == {"secret"}


@pytest.mark.parametrize("q", ["id:99999999999999999999999", "in:0", "from:nobody", "\0", "%", "'; --", "𝔲" * 300])
def test_invalid_searches_cause_no_error(session, message_ids, q):
    assert session.list("message", q=q).status_code == 200
    assert session.list("conversation", q=q).status_code == 200
    assert session.list("reportcase", q=q).status_code == 200


def test_filter_by_state_and_kind(session, message_ids, alice, bob, carol, moderator, group):
    actions.hide_message(moderator.pk, message_ids["dinner"])
    actions.delete_message(bob.pk, message_ids["yes"])
    actions.add_members(alice.pk, group.pk, [carol.pk])
    assert search(session, message_ids, "", state="hidden") == {"dinner"}
    assert search(session, message_ids, "dinner", state="hidden") == {"dinner"}  # found by its hidden text
    assert search(session, message_ids, "", state="recalled") == {"yes"}
    assert search(session, message_ids, "", state="there", kind__exact="text") == {"secret"}
    assert search(session, message_ids, "", kind__exact="system") == {"system"}
    assert search(session, message_ids, "", created_at__gte="2999-01-01T00:00:00Z") == set()


def test_search_conversations(session, message_ids, group, direct_conversation, alice, carol):
    assert [row.pk for row in session.rows("conversation", q="roo")] == [group.pk]
    assert [row.pk for row in session.rows("conversation", q=str(direct_conversation.pk))] == [direct_conversation.pk]
    assert {row.pk for row in session.rows("conversation", q="@Alice")} == {group.pk, direct_conversation.pk}
    assert session.rows("conversation", q="carol") == []
    assert {row.pk for row in session.rows("conversation", state="ended")} == set()
    page = session.list("conversation").content.decode()
    assert "alice ↔ bob" in page
    actions.delete_group(alice.pk, group.pk)
    assert [row.pk for row in session.rows("conversation", state="ended")] == [group.pk]


def test_the_page_of_a_conversation_shows_members_and_links_to_messages(session, message_ids, group, alice, bob):
    actions.remove_member(bob.pk, group.pk, bob.pk)
    page = session.page("conversation", group.pk).content.decode()
    assert page.index("alice") < page.index(">bob<")
    assert f"?q=in%3A{group.pk}" in page


def test_the_page_of_a_message_shows_the_messages_around_it(session, alice, bob, group):
    ids = [send_message((alice, bob)[number % 2], group.pk, f"line {number:02}") for number in range(30)]
    actions.delete_message(bob.pk, ids[13])
    page = session.page("message", ids[15]).content.decode()
    shown = [number for number in range(30) if f"line {number:02}" in page]
    near = range(15 - message_admin.MESSAGES_AROUND, 15 + message_admin.MESSAGES_AROUND + 1)
    assert shown == [number for number in near if number != 13]
    assert "deleted by the sender" in page
    assert f"../../{ids[16]}/change/" in page


def test_the_page_of_a_message_shows_revisions_reply_and_reports(session, message_ids, alice, bob, group):
    response = send_message(alice, group.pk, "Not seven", reply_to_id=message_ids["yes"])
    actions.edit_message(alice.pk, response, "Eight!")
    actions.report_message(bob.pk, response, "she promised seven")
    page = session.page("message", response).content.decode()
    assert all(words in page for words in ("Not seven", "Eight!", "Yes, **dinner** it is", "she promised seven"))


def test_viewing_changes_nothing(session, message_ids, alice, group):
    before = list(Conversation.objects.order_by("pk").values()), list(Message.objects.order_by("pk").values())
    session.list("message"), session.page("message", message_ids["yes"]), session.page("conversation", group.pk)
    assert (list(Conversation.objects.order_by("pk").values()), list(Message.objects.order_by("pk").values())) == before


# ── Limited cost for any number of rows ───────────────────────────────────────────────────────────────────────────
def test_lists_take_the_same_number_of_queries_for_any_number_of_rows(
    session, alice, bob, carol, group, direct_conversation, django_assert_max_num_queries, django_assert_num_queries
):
    def queries(model):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as captured:
            session.rows(model)
        return len(captured)

    def more(number):
        ids = [
            send_message((alice, bob)[i % 2], (group, direct_conversation)[i % 2].pk, f"words {number} {i}")
            for i in range(10)
        ]
        for pk in ids[::2]:
            actions.report_message(bob.pk, pk, "rude")
        other_group = actions.create_group(carol.pk, f"Group {number}", [alice.pk])
        send_message(carol, other_group.id, "hello")

    more(1)
    session.rows("message")  # fills caches, for example of content types
    first = {model: queries(model) for model in ("message", "conversation", "reportcase")}
    more(2), more(3)
    assert {model: queries(model) for model in first} == first
    assert max(first.values()) <= 12


def test_lists_count_and_search_a_limited_number_of_rows(session, message_ids, alice, group, monkeypatch):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        session.rows("message", q="dinner")
    counts = [each["sql"] for each in captured if "COUNT(" in each["sql"]]
    assert counts and all("LIMIT" in sql for sql in counts)

    monkeypatch.setattr(message_admin, "MAX_SEARCHED_MESSAGES", 1)
    newest = send_message(alice, group.pk, "dinner, at last")
    assert [row.pk for row in session.rows("message", q="dinner")] == [newest]
    assert [row.pk for row in session.rows("message")] == [newest]
    assert len(session.rows("message", q=f"in:{group.pk} dinner")) == 3  # one conversation is searched completely

    monkeypatch.setattr(base, "MAX_LISTED_ROWS", 2)
    assert session.list("message", q=f"in:{group.pk}").context["cl"].result_count == 2


def test_actions_on_too_many_rows_are_rejected(session, message_ids, alice, group, monkeypatch):
    monkeypatch.setattr(base, "MAX_ACTION_ROWS", 1)
    session.run_action("message", "hide", message_ids["dinner"], message_ids["yes"])
    assert not Message.objects.exclude(deleted_at=None).exists()
