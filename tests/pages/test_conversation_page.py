"""Reading and writing with scripts off: alice and bob are in it, mallory is not, and somebody is nobody."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import actions
from chat.models import Conversation, Membership, Message

pytestmark = pytest.mark.usefixtures("transactional_db")  # sends are stored in a thread of their own


def send(browser, page, conversation, **fields):
    form = page.form(f"/c/{conversation.pk}/send/")
    return browser.post(f"/c/{conversation.pk}/send/", form | fields)


def test_first_text_in_the_first_byte(browser, alice, bob, room, say):
    message = say(bob, room, "hi **alice**")
    page = browser(alice).get(f"/c/{room.pk}/")
    assert page.status == 200
    line = page.messages[-1]
    assert line["id"] == f"m-{message.seq}" and line["data-sender"] == str(bob.pk)
    assert line.one(cls="body").text == "hi alice"
    assert line.classes == {"msg", "first", "last"}
    assert page.one("title").text == "(1) Room · Messenger"


def test_chinese_is_set_as_chinese_and_emoji_big(browser, alice, bob, room, say):
    for body in ("see you", "晚上见", "👍 🎉"):
        say(bob, room, body)
    english, chinese, emoji = (line.one(cls="msg-text") for line in browser(alice).get(f"/c/{room.pk}/").messages[-3:])
    assert "lang" not in english.attrs and chinese["lang"] == "zh-Hans" and "lang" not in emoji.attrs
    assert [text.classes for text in (english, chinese, emoji)] == [{"msg-text"}, {"msg-text"}, {"msg-text", "big"}]


def test_nobody_and_strangers(browser, mallory, room):
    assert browser().get(f"/c/{room.pk}/").response["Location"].startswith("/accounts/login/")
    there = browser(mallory).get(f"/c/{room.pk}/")
    nowhere = browser(mallory).get("/c/987654321/")
    assert there.status == nowhere.status == 404
    assert there.one("h1").text == nowhere.one("h1").text
    assert browser(mallory).post(f"/c/{room.pk}/send/", body="x", client_id=uuid.uuid4()).status == 404
    assert not Message.objects.filter(sender=mallory).exists()


def test_sending(browser, alice, bob, room):
    hers = browser(alice)
    answer = send(hers, hers.get(f"/c/{room.pk}/"), room, body="one\r\ntwo")
    message = Message.objects.get(kind="text")
    assert answer.response["Location"] == f"/c/{room.pk}/#m-{message.seq}"
    assert message.body == "one\ntwo"
    line = browser(bob).get(f"/c/{room.pk}/").messages[-1]
    assert line.one(cls="body").text == "one two"


def test_a_draft_of_another_device_is_in_the_form_and_gone_once_it_is_sent(browser, alice, room):
    actions.set_mine(alice.pk, room.pk, {"draft": "half a thought"})
    hers = browser(alice)
    page = hers.get(f"/c/{room.pk}/")
    assert page.one("textarea", id="say").text == "half a thought"
    send(hers, page, room, body="the whole")
    assert hers.get(f"/c/{room.pk}/").one("textarea", id="say").text == ""


def test_members_carry_how_their_names_are_spelled(browser, alice, bob, room):
    bob.name = "王小明"
    bob.save()
    page = browser(alice).get(f"/c/{room.pk}/")
    (his,) = page.all(cls="member", **{"data-username": "bob"})
    assert his["data-pinyin"].split()[1:2] == ["xiao"]
    (hers,) = page.all(cls="member", **{"data-username": "alice"})
    assert "data-pinyin" not in hers.attrs


def test_what_is_read_when_it_is_first_used_is_in_the_map_and_not_asked_for(browser, alice, room):
    text = browser(alice).get(f"/c/{room.pk}/").html
    assert '"/static/js/lib/emoji-picker.js"' in text
    assert not re.search(r'<link rel="modulepreload" href="[^"]*js/lib/emoji-picker', text)


def test_the_same_form_twice_is_one_message(browser, alice, room):
    hers = browser(alice)
    page = hers.get(f"/c/{room.pk}/")
    for _ in range(3):
        assert send(hers, page, room, body="once").status == 302
    assert Message.objects.filter(body="once").count() == 1


def test_the_same_form_with_other_words_asks_again(browser, alice, room):
    hers = browser(alice)
    page = hers.get(f"/c/{room.pk}/")
    send(hers, page, room, body="first words")
    refused = send(hers, page, room, body="other words")
    assert refused.status == 409
    assert refused.one("textarea", id="say").text == "other words"
    assert send(hers, refused, room).status == 302
    assert set(Message.objects.filter(kind="text").values_list("body", flat=True)) == {"first words", "other words"}


@pytest.mark.parametrize("body", ["", "   ", "\u200b", "x" * 4001])
def test_what_is_refused_is_said_and_kept(browser, alice, room, body):
    hers = browser(alice)
    page = send(hers, hers.get(f"/c/{room.pk}/"), room, body=body)
    assert page.status == 400
    assert page.one(id="say-error").text
    assert page.one(id="say-error")["role"] == "alert"
    area = page.one("textarea", id="say")
    assert area.attrs["aria-invalid"] == "true" and area.text == body.strip()
    assert not Message.objects.filter(kind="text").exists()


def test_a_reply(browser, alice, bob, room, say):
    asked = say(bob, room, "a question")
    hers = browser(alice)
    page = hers.get(f"/c/{room.pk}/", reply=asked.id)
    assert "a question" in page.one(cls="composer-note").text
    send(hers, page, room, body="an answer")
    stub = hers.get(f"/c/{room.pk}/").messages[-1].one("a", cls="reply")
    assert (stub["data-id"], stub["data-seq"]) == (str(asked.id), str(asked.seq))
    actions.delete(bob.pk, asked.id)
    stub = hers.get(f"/c/{room.pk}/").messages[-1].one("a", cls="reply")
    assert "deleted" in stub.classes and "a question" not in stub.text + stub["title"]


def test_a_message_of_elsewhere_is_not_quoted(browser, alice, bob, mallory, room, pair, say):
    secret = say(bob, pair, "between us")
    page = browser(alice).get(f"/c/{room.pk}/", reply=secret.id)
    assert not page.all(cls="composer-note")


def test_older_and_newer_pages(browser, alice, room, say):
    said = [say(alice, room, f"number {n}") for n in range(60)]
    hers = browser(alice)
    newest = hers.get(f"/c/{room.pk}/")
    assert newest.messages[-1]["data-seq"] == str(said[-1].seq)
    older = newest.one("a", cls="older")["href"]
    page = hers.get(f"/c/{room.pk}/{older}")
    assert int(page.messages[-1]["data-seq"]) == int(newest.messages[0]["data-seq"]) - 1
    newer = page.one("a", cls="newer")["href"]
    assert hers.get(f"/c/{room.pk}/{newer}").messages[0]["data-seq"] == newest.messages[0]["data-seq"]
    place = hers.get(f"/m/{said[5].id}/").response["Location"]
    assert place == f"/c/{room.pk}/?at={said[5].seq}#m-{said[5].seq}"
    assert any(line["data-id"] == str(said[5].id) for line in hers.get(place.split("#")[0]).messages)


@pytest.mark.parametrize("query", ["before=x", "before=-1", "at=" + "9" * 30, "after=²", "reply=0", "panel=x"])
def test_odd_addresses(browser, alice, room, query):
    assert browser(alice).get(f"/c/{room.pk}/?{query}").status == 200


def test_reading_moves_no_mark_but_a_button_does(browser, alice, bob, room, say):
    say(bob, room)
    hers = browser(alice)
    page = hers.get(f"/c/{room.pk}/")
    assert len(page.all(cls="unread-line")) == 1
    assert Membership.objects.get(user=alice, conversation=room).read_seq < room.last_seq + 1
    form = page.form(f"/c/{room.pk}/read/")
    assert hers.post(f"/c/{room.pk}/read/", form).status == 302
    again = hers.get(f"/c/{room.pk}/")
    assert not again.all(cls="unread-line") and not again.one("title").text.startswith("(")


def test_reactions(browser, alice, bob, room, say):
    message = say(bob, room)
    hers = browser(alice)
    answer = hers.post(f"/m/{message.id}/react/", add="👍")
    assert answer.response["Location"] == f"/c/{room.pk}/?at={message.seq}#m-{message.seq}"
    button = hers.get(f"/c/{room.pk}/").messages[-1].one("button", cls="reaction")
    assert (button["aria-pressed"], button["name"], button["value"], button.text) == ("true", "remove", "👍", "👍 1")
    theirs = browser(bob).get(f"/c/{room.pk}/").messages[-1].one("button", cls="reaction")
    assert (theirs["aria-pressed"], theirs["name"]) == ("false", "add")
    hers.post(f"/m/{message.id}/react/", remove="👍")
    assert not hers.get(f"/c/{room.pk}/").messages[-1].all(cls="reactions")


def test_editing_and_what_it_said_before(browser, alice, bob, room, say):
    message = say(alice, room, "frist")
    hers = browser(alice)
    form = hers.get(f"/m/{message.id}/act/").form(f"/m/{message.id}/edit/")
    assert form["body"] == "frist"
    hers.post(f"/m/{message.id}/edit/", form | {"body": "first"})
    line = browser(bob).get(f"/c/{room.pk}/").messages[-1]
    assert (
        line.one(cls="body").text == "first" and line.one(data_part="edited")["href"] == f"/m/{message.id}/revisions/"
    )
    assert "frist" in browser(bob).get(f"/m/{message.id}/revisions/").text
    refused = hers.post(f"/m/{message.id}/edit/", form | {"body": " "})
    assert refused.status == 400 and refused.one("textarea", id="id_body").attrs["aria-invalid"] == "true"
    assert browser(bob).post(f"/m/{message.id}/edit/", body="mine now").status == 403


def test_deleting(browser, alice, bob, room, say):
    message = say(bob, room, "a secret")
    assert browser(bob).post(f"/m/{message.id}/delete/").status == 302
    page = browser(alice).get(f"/c/{room.pk}/")
    assert "deleted" in page.messages[-1].classes and "a secret" not in page.html
    assert "a secret" not in browser(alice).get(f"/m/{message.id}/act/").html
    assert browser(alice).get(f"/m/{message.id}/forward/").status == 404


def test_pinning_forwarding_and_reporting(browser, alice, bob, room, pair, say):
    message = say(bob, room, "for everyone")
    hers = browser(alice)
    hers.post(f"/m/{message.id}/pin/", active="on")
    assert hers.get(f"/c/{room.pk}/").messages[-1].all(data_part="pinned")
    hers.post(f"/m/{message.id}/pin/", active="")
    assert not hers.get(f"/c/{room.pk}/").messages[-1].all(data_part="pinned")
    form = hers.get(f"/m/{message.id}/forward/")
    sent = {"client_id": form.one("input", name="client_id")["value"], "conversation_id": pair.pk}
    for _ in range(2):  # twice by mistake
        assert hers.post(f"/m/{message.id}/forward/", sent).status == 302
    lines = hers.get(f"/c/{pair.pk}/").messages
    assert len(lines) == 1 and "Bob" in lines[0].one(cls="forwarded").text
    thanks = hers.post(f"/m/{message.id}/report/", reason="rude", follow=True)
    assert thanks.one(cls="toast").text


def test_ones_own_settings_of_a_conversation(browser, alice, room):
    hers = browser(alice)
    hers.post(f"/c/{room.pk}/mine/", muted="on", favourite="on")
    row = hers.get("/").one("a", cls="conversation-row")
    assert "muted" in row.classes
    hers.post(f"/c/{room.pk}/mine/", muted="off", archived="on")
    assert not hers.get("/").all("a", cls="conversation-row")
    row = hers.get("/?show=archived").one("a", cls="conversation-row")
    assert row.classes >= {"archived", "favourite"} and "muted" not in row.classes


def test_the_way_back_stays_on_this_site(browser, alice, room):
    hers = browser(alice)
    away = hers.post(f"/c/{room.pk}/mine/", muted="on", next="https://elsewhere.example/")
    assert away.response["Location"] == f"/c/{room.pk}/"
    assert hers.post(f"/c/{room.pk}/mine/", muted="on", next="/people/").response["Location"] == "/people/"


def test_no_token_no_change(browser, alice, room):
    answer = browser(alice).client.post(f"/c/{room.pk}/mine/", {"muted": "on"})
    assert answer.status_code == 403 and b"auth-page" in answer.content


NAUGHTY = '"><script>alert(1)</script>{{ 7 }}'


def test_names_and_texts_are_only_text(browser, person, alice, say):
    eve = person("eve", name=NAUGHTY)
    room = actions.create_group(eve.pk, NAUGHTY[:80], [alice.pk])
    room = Conversation.objects.get(pk=room.id)
    message = say(eve, room, NAUGHTY)
    say(eve, room, "x", reply_to_id=message.id)
    actions.update(eve.pk, room.pk, {"announcement": NAUGHTY, "description": NAUGHTY, "title": "<b>"})
    hers = browser(alice)
    places = [
        "/",
        f"/c/{room.pk}/",
        f"/c/{room.pk}/settings/",
        f"/m/{message.id}/act/",
        "/people/?q=eve",
        "/new/?q=eve",
    ]
    for path in places:
        page = hers.get(path)
        assert page.status == 200
        assert "<script>alert" not in page.html and "<b>" not in page.html.split("<body>")[0]
        assert len(page.all("script")) == 2  # the import map and the entry


def test_no_inline_style_or_handler(browser, alice, room, say):
    say(alice, room)
    for path in ["/", f"/c/{room.pk}/", f"/c/{room.pk}/settings/", "/new/", "/settings/"]:
        page = browser(alice).get(path)
        for element in page.all():
            assert not [name for name in element.attrs if name == "style" or name.startswith("on")], element.attrs
            assert element.tag != "style"


def test_ids_are_unique_and_named_things_exist(browser, alice, room, say):
    say(alice, room)
    for path in [
        "/",
        f"/c/{room.pk}/",
        f"/c/{room.pk}/?panel=members",
        f"/c/{room.pk}/settings/",
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


def test_what_the_scripts_are_told(browser, alice, bob, room, say):
    say(bob, room)
    page = browser(alice).get(f"/c/{room.pk}/")
    log = page.one("message-log")
    room.refresh_from_db()
    assert log["data-version"] == str(room.version) and log["data-me"] == str(alice.pk)
    assert json.loads(log["data-receipts"])[0]["user_id"] == bob.pk
    told = re.search(r'id="standing" data-conversations="([^"]*)"', page.html)
    assert told and [row[:2] for row in json.loads(told[1])] == [[room.pk, room.version]]
    assert page.one("live-socket")["data-user-id"] == str(alice.pk)


def test_a_page_in_the_place_of_another_brings_what_is_not_there_yet(browser, alice, bob, room, say):
    say(bob, room, "hello")
    hers = browser(alice)
    whole, visit = hers.get(f"/c/{room.pk}/"), hers.visit(f"/c/{room.pk}/")
    assert visit.one("main").text == whole.one("main").text
    assert visit.one("member-panel").text == whole.one("member-panel").text
    assert visit.one("title").text == whole.one("title").text
    assert whole.all(cls="conversation-row") and not visit.all(cls="conversation-row")
    assert 'id="message-template"' in whole.html and "message-template" not in visit.html


def test_a_line_is_drawn_afresh_for_whoever_looks_and_whatever_changed(browser, alice, bob, room, say):
    """What was drawn before is kept, under all that it shows."""
    message = say(bob, room, "one")
    hers, his = browser(alice), browser(bob)

    def line(page):
        return page.one(id=f"m-{message.seq}")

    assert "mine" not in line(hers.get(f"/c/{room.pk}/")).classes
    assert "mine" in line(his.get(f"/c/{room.pk}/")).classes
    assert line(hers.get(f"/c/{room.pk}/")).one(cls="body").text == "one"
    actions.edit(bob.pk, message.id, "two")
    bob.name = "Robert"
    bob.save()
    alice.time_zone, alice.language = "Asia/Shanghai", "zh-hans"
    alice.save()
    before, after = line(his.get(f"/c/{room.pk}/")), line(hers.get(f"/c/{room.pk}/"))
    assert after.one(cls="body").text == "two"
    assert after.one("b").text == "Robert"
    assert before.one(cls="more")["title"] != after.one(cls="more")["title"]
    assert before.all("time")[0].text != after.all("time")[0].text


def queries(browser, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status == 200
    return len(captured)


def test_the_same_number_of_queries_for_five_and_fifty(browser, alice, bob, person, room, say):
    hers = browser(alice)
    asked = say(bob, room)

    def grow(count: int) -> None:
        others = [person(f"p{count}x{n}") for n in range(count)]
        actions.add_members(alice.pk, room.pk, [other.pk for other in others])
        for other in others:
            pair = actions.open_direct(alice.pk, other.pk)[0]
            actions.send(other.pk, pair.id, uuid.uuid4(), "hello")
            message = say(other, room, "@alice hello", reply_to_id=asked.id)
            actions.react(bob.pk, message.id, "👍", True)
        actions.remove_member(alice.pk, room.pk, others[0].pk)  # a name that the members do not have

    paths = ["/", f"/c/{room.pk}/", f"/c/{room.pk}/settings/", "/mentions/", "/people/", "/new/"]
    grow(5)
    few = {path: queries(hers, path) for path in paths}
    grow(45)
    many = {path: queries(hers, path) for path in paths}
    assert few == many
    assert max(many.values()) <= 24, many
