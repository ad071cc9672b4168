"""Tests that word lists of the site and of groups block, mask and flag words in what users write."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import actions, selectors
from chat.actions import word_filter
from chat.actions.sending import SendCommand, send_many
from chat.models import Message, ReportCase, WordList
from chat.payloads import SendPayload
from messenger.core.errors import ApplicationError
from tests.admin.conftest import admin_session, moderator, send_message  # noqa: F401


def make_list(moderator, words: str, effect: str, conversation_id: int | None = None) -> WordList:  # noqa: F811
    row = WordList.objects.create(name=words[:20], words=words, effect=effect, conversation_id=conversation_id)
    word_filter.switch_list(moderator.pk, row.pk, True)
    return row


def body_of(message_id: int) -> str:
    return Message.objects.get(pk=message_id).body


def test_a_blocked_word_is_refused_when_sent_forwarded_and_edited(alice, bob, moderator, group, direct_conversation):  # noqa: F811
    before = send_message(alice, group.pk, "S p a m was allowed")
    fine = send_message(alice, group.pk, "fine")
    row = make_list(moderator, "spam\n赌博", "block")
    for attempt in (
        lambda: send_message(alice, group.pk, "Ｓ.p.a.m!"),
        lambda: send_message(alice, direct_conversation.pk, "去赌 博"),
        lambda: send_message(alice, direct_conversation.pk, "", forward_id=before),
        lambda: actions.edit_message(alice.pk, fine, "sp\u200bam"),
    ):
        with pytest.raises(ApplicationError, match="invalid") as refused:
            attempt()
        assert "not allowed here" in str(refused.value.fields["body"][0])
    for changes in ({"title": "Spam"}, {"description": "spam"}, {"announcement": "赌博"}):
        with pytest.raises(ApplicationError, match="invalid"):
            actions.update_group(alice.pk, group.pk, changes)
    with pytest.raises(ApplicationError, match="invalid"):
        actions.create_group(alice.pk, "Spam", [])
    assert body_of(fine) == "fine" and body_of(before) == "S p a m was allowed"
    word_filter.switch_list(moderator.pk, row.pk, False)
    send_message(alice, group.pk, "spam")


def test_words_are_masked_as_the_message_is_written_and_a_repeated_send_finds_the_message(alice, bob, moderator, group):  # noqa: F811
    make_list(moderator, "darn\n赌博", "mask")
    command = SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "**darn** 赌*博 @bob"))
    first, second = send_many([command])[0], send_many([command])[0]
    message = Message.objects.get(pk=first.message.id)
    assert message.body == "**＊＊＊＊** ＊＊ @bob" and "<strong>＊＊＊＊</strong>" in message.body_html
    assert (second.message.id, second.created) == (first.message.id, False)
    assert [each.id for each in selectors.list_mentions(bob.pk)[0]] == [message.pk]
    assert actions.edit_message(alice.pk, message.pk, "darn it").body == "＊＊＊＊ it"
    assert "darn" not in actions.update_group(alice.pk, group.pk, {"description": "darn it"}).description


def test_a_flagged_message_is_sent_and_comes_to_the_moderators(alice, bob, moderator, group, run_tasks):  # noqa: F811
    make_list(moderator, "lamp", "flag")
    message_id = send_message(alice, group.pk, "Buy my LAMP")
    assert body_of(message_id) == "Buy my LAMP"
    run_tasks()
    case = ReportCase.objects.get()
    assert (case.message_id, case.user, case.note, case.report_count) == (message_id, alice, "lamp", 0)
    actions.report_message(bob.pk, message_id, kind="spam")  # joins the case
    case.refresh_from_db()
    assert (case.report_count, case.gravity) == (1, 2)
    actions.edit_message(alice.pk, message_id, "Buy my lamp, please")
    run_tasks()
    assert ReportCase.objects.count() == 1


def test_the_list_of_a_group_holds_only_there_and_the_strictest_effect_wins(alice, moderator, group):  # noqa: F811
    other = actions.create_group(alice.pk, "Other", [])
    make_list(moderator, "tea", "block", group.pk)
    make_list(moderator, "coffee", "flag")
    make_list(moderator, "coffee", "mask")
    with pytest.raises(ApplicationError, match="invalid"):
        send_message(alice, group.pk, "tea?")
    assert body_of(send_message(alice, other.id, "tea or coffee?")) == "tea or ＊＊＊＊＊＊?"


def test_word_lists_cost_no_query_for_a_send(alice, moderator, group):  # noqa: F811
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            send_message(alice, group.pk, "hello")
        return len(captured)

    send_message(alice, group.pk, "first")
    without = count()
    make_list(moderator, "spam", "block")
    send_message(alice, group.pk, "compiles the list")
    assert count() == without


def test_a_list_is_tried_on_past_messages_of_groups_and_direct_messages_stay_private(
    alice,
    bob,
    moderator,  # noqa: F811
    group,
    direct_conversation,
    admin_session,  # noqa: F811
):
    for body in ("赌 博 today", "nothing", "again 赌博"):
        send_message(alice, group.pk, body)
    send_message(bob, direct_conversation.pk, "赌博 between us")
    session = admin_session(moderator)
    session.client.post("/admin/chat/wordlist/add/", {"name": "Gambling", "words": " 赌博 \n\n赌博", "effect": "mask"})
    row = WordList.objects.get()
    assert (row.words, row.is_active) == ("赌博", False)
    page = session.client.post(f"/admin/chat/wordlist/{row.pk}/act/", {"act": "switch_on"}).content.decode()
    assert "Of the newest 3 messages in groups, “Gambling” finds 2." in page
    assert "again" in page and "between us" not in page and not WordList.objects.get().is_active
    session.press_button("wordlist", "switch_on", row.pk)
    assert body_of(send_message(alice, group.pk, "赌博")) == "＊＊"
    session.client.post(f"/admin/chat/wordlist/{row.pk}/change/", {"name": "G", "words": "麻将", "effect": "block"})
    assert body_of(send_message(alice, group.pk, "赌博")) == "赌博"
    with pytest.raises(ApplicationError, match="invalid"):
        send_message(alice, group.pk, "麻将")
    refused = session.client.post("/admin/chat/wordlist/add/", {"name": "X", "words": "***", "effect": "mask"})
    assert "no letters or digits" in refused.content.decode()


def test_admins_of_a_group_set_its_word_list_on_a_page_and_others_do_not(alice, bob, mallory, group, client):
    send_message(bob, group.pk, "more t e a")
    client.force_login(alice)
    url = f"/c/{group.pk}/words/"
    tried = client.post(url, {"words": "tea", "effect": "block", "try": "on"}).content.decode()
    assert "1 of the newest 1 messages of this group contain one of these words." in tried
    assert not WordList.objects.exists()
    assert "no letters or digits" in client.post(url, {"words": "***", "effect": "block"}).content.decode()
    assert client.post(url, {"words": "tea", "effect": "flag"}).status_code == 400
    assert client.post(url, {"words": "tea\ntea\n", "effect": "block"}).status_code == 302
    assert client.get(url).content.decode().count("tea") >= 1
    with pytest.raises(ApplicationError, match="invalid"):
        send_message(bob, group.pk, "Tea?")
    assert "changed the word list" in client.get(f"/c/{group.pk}/log/").content.decode()
    client.post(url, {"words": "", "effect": "mask"})
    send_message(bob, group.pk, "Tea?")
    for user, status in ((bob, 403), (mallory, 404)):
        client.force_login(user)
        assert client.get(url).status_code == status
        assert client.post(url, {"words": "x", "effect": "mask"}).status_code == status
    assert WordList.objects.get().words == ""
