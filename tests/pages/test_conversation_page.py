"""Tests of the page of a conversation without scripts.

The page is opened by members, by a signed-in user who is no member (mallory), and by a client that is not signed in.
"""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import contacts
from chat import actions
from chat.actions.account_deletion import delete_account
from chat.models import Conversation, Membership, Message

pytestmark = pytest.mark.usefixtures("transactional_db")  # another thread, the send queue, stores messages


def send(browser, page, conversation, **fields):
    form = page.form(f"/c/{conversation.pk}/send/")
    return browser.post(f"/c/{conversation.pk}/send/", form | fields)


def test_messages_are_in_the_first_response(browser, alice, bob, group, say):
    message = say(bob, group, "hi **alice**")
    page = browser(alice).get(f"/c/{group.pk}/")
    assert page.status == 200
    line = page.messages[-1]
    assert line["id"] == f"m-{message.seq}" and line["data-sender"] == str(bob.pk)
    assert line.one(cls="body").text == "hi alice"
    assert line.classes == {"msg", "first", "last"}
    assert page.one("title").text == "(1) Room · Messenger"


def test_lang_of_chinese_texts_and_big_emoji(browser, alice, bob, group, say):
    for body in ("see you", "晚上见", "👍 🎉"):
        say(bob, group, body)
    english, chinese, emoji = (line.one(cls="msg-text") for line in browser(alice).get(f"/c/{group.pk}/").messages[-3:])
    assert "lang" not in english.attrs and chinese["lang"] == "zh-Hans" and "lang" not in emoji.attrs
    assert [text.classes for text in (english, chinese, emoji)] == [{"msg-text"}, {"msg-text"}, {"msg-text", "big"}]


def test_signed_out_users_and_non_members(browser, mallory, group):
    assert browser().get(f"/c/{group.pk}/").response["Location"].startswith("/accounts/login/")
    there = browser(mallory).get(f"/c/{group.pk}/")
    nowhere = browser(mallory).get("/c/987654321/")
    assert there.status == nowhere.status == 404
    assert there.one("h1").text == nowhere.one("h1").text
    assert browser(mallory).post(f"/c/{group.pk}/send/", body="x", client_id=uuid.uuid4()).status == 404
    assert not Message.objects.filter(sender=mallory).exists()


def test_sending(browser, alice, bob, group):
    alice_browser = browser(alice)
    response = send(alice_browser, alice_browser.get(f"/c/{group.pk}/"), group, body="one\r\ntwo")
    message = Message.objects.get(kind="text")
    assert response.response["Location"] == f"/c/{group.pk}/#m-{message.seq}"
    assert message.body == "one\ntwo"
    line = browser(bob).get(f"/c/{group.pk}/").messages[-1]
    assert line.one(cls="body").text == "one two"


def test_a_member_is_told_that_a_mention_of_everybody_notified_nobody(browser, alice, bob, group, direct_conversation):
    ignored = "only the owner and admins can mention everyone"

    def page_after(user, conversation, body: str):
        own = browser(user)
        send(own, own.get(f"/c/{conversation.pk}/"), conversation, body=body)
        return own.get(f"/c/{conversation.pk}/")

    assert ignored in page_after(bob, group, "@all，看一下").text
    for user, conversation, body in (
        (bob, group, "`@all` hi @alice"),
        (alice, group, "@all hi"),
        (bob, direct_conversation, "@all hi"),
    ):
        assert ignored not in page_after(user, conversation, body).one("toast-stack").text
    message = Message.objects.filter(sender=bob, conversation=group).latest("seq")
    editing = browser(bob)
    editing.post(f"/m/{message.pk}/edit/", body="@all now")
    assert ignored in editing.get(f"/c/{group.pk}/").one("toast-stack").text


def test_a_draft_of_another_device_is_in_the_form_until_it_is_sent(browser, alice, group):
    actions.update_member_state(alice.pk, group.pk, {"draft": "half a thought"})
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/")
    assert page.one("textarea", id="say").text == "half a thought"
    send(alice_browser, page, group, body="the whole")
    assert alice_browser.get(f"/c/{group.pk}/").one("textarea", id="say").text == ""


def test_members_have_their_pinyin_for_completion(browser, alice, bob, group):
    bob.name = "王小明"
    bob.save()
    page = browser(alice).get(f"/c/{group.pk}/")
    (his,) = page.all(cls="member", **{"data-username": "bob"})
    assert his["data-pinyin"].split()[1:2] == ["xiao"]
    (hers,) = page.all(cls="member", **{"data-username": "alice"})
    assert "data-pinyin" not in hers.attrs


def test_lazy_scripts_are_in_the_import_map_and_not_preloaded(browser, alice, group):
    text = browser(alice).get(f"/c/{group.pk}/").html
    assert '"/static/js/lib/emoji-picker.js"' in text
    assert not re.search(r'<link rel="modulepreload" href="[^"]*js/lib/emoji-picker', text)


def test_the_same_form_twice_is_one_message(browser, alice, group):
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/")
    for _ in range(3):
        assert send(alice_browser, page, group, body="once").status == 302
    assert Message.objects.filter(body="once").count() == 1


def test_the_same_form_with_another_text_is_a_conflict(browser, alice, group):
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/")
    send(alice_browser, page, group, body="first words")
    refused = send(alice_browser, page, group, body="other words")
    assert refused.status == 409
    assert refused.one("textarea", id="say").text == "other words"
    assert send(alice_browser, refused, group).status == 302
    assert set(Message.objects.filter(kind="text").values_list("body", flat=True)) == {"first words", "other words"}


@pytest.mark.parametrize("body", ["", "   ", "\u200b", "x" * 4001])
def test_an_error_is_shown_and_the_text_is_kept(browser, alice, group, body):
    alice_browser = browser(alice)
    page = send(alice_browser, alice_browser.get(f"/c/{group.pk}/"), group, body=body)
    assert page.status == 400
    assert page.one(id="say-error").text
    assert page.one(id="say-error")["role"] == "alert"
    area = page.one("textarea", id="say")
    assert area.attrs["aria-invalid"] == "true" and area.text == body.strip()
    assert not Message.objects.filter(kind="text").exists()


def test_a_reply(browser, alice, bob, group, say):
    asked = say(bob, group, "a question")
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/", reply=asked.id)
    assert "a question" in page.one(cls="composer-note").text
    send(alice_browser, page, group, body="an answer")
    stub = alice_browser.get(f"/c/{group.pk}/").messages[-1].one("a", cls="reply")
    assert (stub["data-id"], stub["data-seq"]) == (str(asked.id), str(asked.seq))
    actions.delete_message(bob.pk, asked.id)
    stub = alice_browser.get(f"/c/{group.pk}/").messages[-1].one("a", cls="reply")
    assert "deleted" in stub.classes and "a question" not in stub.text + stub["title"]


def test_a_message_of_another_conversation_is_not_quoted(browser, alice, bob, mallory, group, direct_conversation, say):
    secret = say(bob, direct_conversation, "between us")
    page = browser(alice).get(f"/c/{group.pk}/", reply=secret.id)
    assert not page.all(cls="composer-note")


def test_older_and_newer_pages(browser, alice, group, say):
    said = [say(alice, group, f"number {n}") for n in range(60)]
    alice_browser = browser(alice)
    newest = alice_browser.get(f"/c/{group.pk}/")
    assert newest.messages[-1]["data-seq"] == str(said[-1].seq)
    older = newest.one("a", cls="older")["href"]
    page = alice_browser.get(f"/c/{group.pk}/{older}")
    assert int(page.messages[-1]["data-seq"]) == int(newest.messages[0]["data-seq"]) - 1
    newer = page.one("a", cls="newer")["href"]
    assert alice_browser.get(f"/c/{group.pk}/{newer}").messages[0]["data-seq"] == newest.messages[0]["data-seq"]
    place = alice_browser.get(f"/m/{said[5].id}/").response["Location"]
    assert place == f"/c/{group.pk}/?at={said[5].seq}#m-{said[5].seq}"
    assert any(line["data-id"] == str(said[5].id) for line in alice_browser.get(place.split("#")[0]).messages)


@pytest.mark.parametrize("query", ["before=x", "before=-1", "at=" + "9" * 30, "after=²", "reply=0", "panel=x"])
def test_invalid_query_strings(browser, alice, group, query):
    assert browser(alice).get(f"/c/{group.pk}/?{query}").status == 200


def test_opening_the_page_does_not_move_the_read_marker(browser, alice, bob, group, say):
    say(bob, group)
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/")
    assert len(page.all(cls="unread-line")) == 1
    assert Membership.objects.get(user=alice, conversation=group).read_seq < group.last_seq + 1
    form = page.form(f"/c/{group.pk}/read/")
    assert alice_browser.post(f"/c/{group.pk}/read/", form).status == 302
    again = alice_browser.get(f"/c/{group.pk}/")
    assert not again.all(cls="unread-line") and not again.one("title").text.startswith("(")


def test_reactions(browser, alice, bob, group, say):
    message = say(bob, group)
    alice_browser = browser(alice)
    response = alice_browser.post(f"/m/{message.id}/react/", add="👍")
    assert response.response["Location"] == f"/c/{group.pk}/?at={message.seq}#m-{message.seq}"
    button = alice_browser.get(f"/c/{group.pk}/").messages[-1].one("button", cls="reaction")
    assert (button["aria-pressed"], button["name"], button["value"], button.text) == ("true", "remove", "👍", "👍 1")
    theirs = browser(bob).get(f"/c/{group.pk}/").messages[-1].one("button", cls="reaction")
    assert (theirs["aria-pressed"], theirs["name"]) == ("false", "add")
    alice_browser.post(f"/m/{message.id}/react/", remove="👍")
    assert not alice_browser.get(f"/c/{group.pk}/").messages[-1].all(cls="reactions")


def test_editing_and_earlier_versions(browser, alice, bob, group, say):
    message = say(alice, group, "frist")
    alice_browser = browser(alice)
    form = alice_browser.get(f"/m/{message.id}/act/").form(f"/m/{message.id}/edit/")
    assert form["body"] == "frist"
    alice_browser.post(f"/m/{message.id}/edit/", form | {"body": "first"})
    line = browser(bob).get(f"/c/{group.pk}/").messages[-1]
    assert (
        line.one(cls="body").text == "first" and line.one(data_part="edited")["href"] == f"/m/{message.id}/revisions/"
    )
    assert "frist" in browser(bob).get(f"/m/{message.id}/revisions/").text
    refused = alice_browser.post(f"/m/{message.id}/edit/", form | {"body": " "})
    assert refused.status == 400 and refused.one("textarea", id="id_body").attrs["aria-invalid"] == "true"
    assert browser(bob).post(f"/m/{message.id}/edit/", body="mine now").status == 403


def test_deleting(browser, alice, bob, group, say):
    message = say(bob, group, "a secret")
    assert browser(bob).post(f"/m/{message.id}/delete/").status == 302
    page = browser(alice).get(f"/c/{group.pk}/")
    assert "deleted" in page.messages[-1].classes and "a secret" not in page.html
    assert "a secret" not in browser(alice).get(f"/m/{message.id}/act/").html
    assert browser(alice).get(f"/m/{message.id}/forward/").status == 404


def test_pinning_forwarding_and_reporting(browser, alice, bob, group, direct_conversation, say):
    message = say(bob, group, "for everyone")
    alice_browser = browser(alice)
    alice_browser.post(f"/m/{message.id}/pin/", active="on")
    assert alice_browser.get(f"/c/{group.pk}/").messages[-1].all(data_part="pinned")
    alice_browser.post(f"/m/{message.id}/pin/", active="")
    assert not alice_browser.get(f"/c/{group.pk}/").messages[-1].all(data_part="pinned")
    form = alice_browser.get(f"/m/{message.id}/forward/")
    sent = {"client_id": form.one("input", name="client_id")["value"], "conversation_id": direct_conversation.pk}
    for _ in range(2):  # the second time simulates a second click
        assert alice_browser.post(f"/m/{message.id}/forward/", sent).status == 302
    lines = alice_browser.get(f"/c/{direct_conversation.pk}/").messages
    assert len(lines) == 1 and "Bob" in lines[0].one(cls="forwarded").text
    thanks = alice_browser.post(f"/m/{message.id}/report/", reason="rude", follow=True)
    assert thanks.one(cls="toast").text


def test_a_forwarded_message_is_not_offered_for_editing(browser, alice, direct_conversation, say):
    message = say(alice, direct_conversation, "once more")
    actions_page = browser(alice).get(f"/m/{message.id}/act/")
    assert actions_page.all("form", action=f"/m/{message.id}/edit/")
    forwarded = say(alice, direct_conversation, "", forward_id=message.id)
    assert not browser(alice).get(f"/m/{forwarded.id}/act/").all("form", action=f"/m/{forwarded.id}/edit/")


def test_the_page_tells_the_length_of_a_message_that_the_server_accepts(browser, alice, group, settings):
    settings.BODY_LIMIT = 123
    assert browser(alice).get(f"/c/{group.pk}/").one("textarea", name="body")["data-limit"] == "123"


def test_member_state_forms(browser, alice, group):
    alice_browser = browser(alice)
    alice_browser.post(f"/c/{group.pk}/mine/", muted="on", favourite="on")
    row = alice_browser.get("/").one("a", cls="conversation-row")
    assert "muted" in row.classes
    alice_browser.post(f"/c/{group.pk}/mine/", muted="off", archived="on")
    assert not alice_browser.get("/").all("a", cls="conversation-row")
    row = alice_browser.get("/?show=archived").one("a", cls="conversation-row")
    assert row.classes >= {"archived", "favourite"} and "muted" not in row.classes


def test_redirects_stay_on_this_site(browser, alice, group):
    alice_browser = browser(alice)
    away = alice_browser.post(f"/c/{group.pk}/mine/", muted="on", next="https://elsewhere.example/")
    assert away.response["Location"] == f"/c/{group.pk}/"
    assert alice_browser.post(f"/c/{group.pk}/mine/", muted="on", next="/people/").response["Location"] == "/people/"


def test_no_change_without_csrf_token(browser, alice, group):
    response = browser(alice).client.post(f"/c/{group.pk}/mine/", {"muted": "on"})
    assert response.status_code == 403 and b"auth-page" in response.content


NAUGHTY = '"><script>alert(1)</script>{{ 7 }}'


def test_names_and_texts_are_escaped(browser, make_user, alice, say):
    eve = make_user("eve", name=NAUGHTY)
    group = actions.create_group(eve.pk, NAUGHTY[:80], [alice.pk])
    group = Conversation.objects.get(pk=group.id)
    message = say(eve, group, NAUGHTY)
    say(eve, group, "x", reply_to_id=message.id)
    actions.update_group(eve.pk, group.pk, {"announcement": NAUGHTY, "description": NAUGHTY, "title": "<b>"})
    alice_browser = browser(alice)
    places = [
        "/",
        f"/c/{group.pk}/",
        f"/c/{group.pk}/settings/",
        f"/m/{message.id}/act/",
        "/people/?q=eve",
        "/new/?q=eve",
    ]
    for path in places:
        page = alice_browser.get(path)
        assert page.status == 200
        assert "<script>alert" not in page.html and "<b>" not in page.html.split("<body>")[0]
        assert len(page.all("script")) == 3  # the time zone, the import map and the main script


def test_no_inline_style_or_handler(browser, alice, group, say):
    say(alice, group)
    for path in ["/", f"/c/{group.pk}/", f"/c/{group.pk}/settings/", "/new/", "/settings/"]:
        page = browser(alice).get(path)
        for element in page.all():
            assert not [name for name in element.attrs if name == "style" or name.startswith("on")], element.attrs
            assert element.tag != "style"


def test_ids_are_unique_and_referenced_ids_exist(browser, alice, group, say):
    say(alice, group)
    for path in [
        "/",
        f"/c/{group.pk}/",
        f"/c/{group.pk}/?panel=members",
        f"/c/{group.pk}/settings/",
        "/new/",
        "/settings/",
    ]:
        page = browser(alice).get(path)
        ids = [element["id"] for element in page.all() if "id" in element.attrs]
        assert len(ids) == len(set(ids)), path
        named = ("aria-labelledby", "aria-describedby", "aria-controls", "for", "form", "popovertarget")
        for element in page.all():
            for name in named:
                for target in element.attrs.get(name, "").split():
                    assert target in ids, f"{path}: {element.tag} {name}={target}"
        for button in page.all("button") + page.all("a"):
            assert button.text or button.attrs.get("aria-label"), f"{path}: no words on {button.attrs}"


def test_data_attributes_for_scripts(browser, alice, bob, group, say):
    say(bob, group)
    page = browser(alice).get(f"/c/{group.pk}/")
    log = page.one("message-log")
    group.refresh_from_db()
    assert log["data-version"] == str(group.version) and log["data-me"] == str(alice.pk)
    assert json.loads(log["data-receipts"])[0]["user_id"] == bob.pk
    told = re.search(r'id="standing" data-conversations="([^"]*)"', page.html)
    assert told and [row[:2] for row in json.loads(told[1])] == [[group.pk, group.version]]
    assert page.one("live-socket")["data-user-id"] == str(alice.pk)


def test_a_page_for_scripted_navigation_omits_the_list(browser, alice, bob, group, say):
    say(bob, group, "hello")
    alice_browser = browser(alice)
    whole, visit = alice_browser.get(f"/c/{group.pk}/"), alice_browser.visit(f"/c/{group.pk}/")
    assert visit.one("main").text == whole.one("main").text
    assert visit.one("member-panel").text == whole.one("member-panel").text
    assert visit.one("title").text == whole.one("title").text
    assert whole.all(cls="conversation-row") and not visit.all(cls="conversation-row")
    assert 'id="message-template"' in whole.html and "message-template" not in visit.html


def test_cached_messages_depend_on_reader_and_version(browser, alice, bob, group, say):
    """The HTML of messages is cached. No reader may see an outdated message or HTML that was made for another reader.

    Therefore the cache key must contain the text, the name of the sender, and the time zone and language of the reader.
    """
    message = say(bob, group, "one")
    alice_browser, bob_browser = browser(alice), browser(bob)

    def line(page):
        return page.one(id=f"m-{message.seq}")

    assert "mine" not in line(alice_browser.get(f"/c/{group.pk}/")).classes
    assert "mine" in line(bob_browser.get(f"/c/{group.pk}/")).classes
    assert line(alice_browser.get(f"/c/{group.pk}/")).one(cls="body").text == "one"
    actions.edit_message(bob.pk, message.id, "two")
    bob.name = "Robert"
    bob.save()
    alice.time_zone, alice.language = "Asia/Shanghai", "zh-hans"
    alice.save()
    before, after = line(bob_browser.get(f"/c/{group.pk}/")), line(alice_browser.get(f"/c/{group.pk}/"))
    assert after.one(cls="body").text == "two"
    assert after.one("b").text == "Robert"
    assert before.one(cls="more")["title"] != after.one(cls="more")["title"]
    assert before.all("time")[0].text != after.all("time")[0].text


def queries(browser, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status == 200
    return len(captured)


def test_the_same_number_of_queries_for_five_and_fifty(browser, alice, bob, make_user, group, say):
    alice_browser = browser(alice)
    asked = say(bob, group)

    def add_messages(count: int) -> None:
        others = [make_user(f"p{count}x{n}") for n in range(count)]
        actions.add_members(alice.pk, group.pk, [other.pk for other in others])
        for other in others:
            direct_conversation = actions.open_direct_conversation(other.pk, alice.pk)[0]
            actions.send_message(other.pk, direct_conversation.id, uuid.uuid4(), "hello")
            message = say(other, group, "@alice hello", reply_to_id=asked.id)
            actions.set_reaction(bob.pk, message.id, "👍", True)
        actions.remove_member(alice.pk, group.pk, others[0].pk)  # not in the list of members any more

    paths = ["/", f"/c/{group.pk}/", f"/c/{group.pk}/settings/", "/mentions/", "/people/", "/new/", "/search/?q=hello"]
    add_messages(5)
    few = {path: queries(alice_browser, path) for path in paths}
    add_messages(45)
    many = {path: queries(alice_browser, path) for path in paths}
    assert few == many
    assert max(many.values()) <= 24, many


def test_a_chat_with_a_deleted_account_says_so_and_has_no_composer(browser, alice, bob, direct_conversation, say):
    say(bob, direct_conversation, "goodbye")
    assert browser(alice).get(f"/c/{direct_conversation.pk}/").all("message-composer")
    delete_account(bob.pk, delete_messages=False)
    page = browser(alice).get(f"/c/{direct_conversation.pk}/")
    assert not page.all("message-composer")
    assert page.one(cls="composer-closed").text == "This account has been deleted, so you can’t write here any more."
    assert "goodbye" in page.text


def test_a_chat_with_a_blocked_person_offers_to_unblock_in_place_of_the_composer(
    browser, alice, bob, direct_conversation, say
):
    say(bob, direct_conversation, "hello")
    contacts.block_user(alice.pk, bob.pk)
    hers, path = browser(alice), f"/c/{direct_conversation.pk}/"
    page = hers.get(path)
    assert not page.all("message-composer")
    closed = page.one("form", cls="composer-closed")
    assert "You’ve blocked this person." in closed.text
    # The other user cannot see the block.
    assert browser(bob).get(path).all("message-composer")
    answer = hers.post(closed["action"], do="unblock", next=closed.one("input", name="next")["value"], follow=True)
    assert answer.all("message-composer") and not answer.all(cls="composer-closed")
