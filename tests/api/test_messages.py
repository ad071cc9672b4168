"""Tests of messages through the API: sending, editing, deleting, reactions, pins, marking as read.

Sending the same message twice stores it once.
"""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest

from chat.models import Message, Report
from tests.api.conftest import assert_error

pytestmark = pytest.mark.usefixtures("transactional_db")


# ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_message_is_stored_and_looks_the_same_to_all_members(api, alice, bob, group):
    response = api(alice).send(group.pk, "hi **@bob**")
    assert response.status_code == 201
    sent = response.json()
    assert (sent["kind"], sent["seq"], sent["sender"]["id"]) == ("text", 1, alice.pk)
    assert sent["mentions"] == [{"user_id": bob.pk, "start": 5, "end": 9}]
    assert sent["reactions"] == sent["attachments"] == [] and sent["reply_to"] is sent["forwarded_from"] is None
    for user in (alice, bob):
        assert api(user).get(f"messages/{sent['id']}/").json() == sent
        history = api(user).get(f"conversations/{group.pk}/messages/").json()
        assert history["results"][-1] == sent and history["version"] == sent["version"]


def test_the_same_send_five_times_is_one_row(api, alice, group):
    client_id = str(uuid.uuid4())
    responses = [api(alice).send(group.pk, "once", client_id=client_id) for _ in range(5)]
    assert [response.status_code for response in responses] == [201, 200, 200, 200, 200]
    assert all(response.json() == responses[0].json() for response in responses)
    assert Message.objects.filter(kind="text").count() == 1
    edited = api(alice).patch(f"messages/{responses[0].json()['id']}/", {"body": "twice"}).json()
    assert api(alice).send(group.pk, "once", client_id=client_id).json() == edited, "the message as it is now"


def test_a_stored_send_is_acknowledged_also_after_its_sender_was_removed(api, alice, bob, group):
    """bob does not get the answer to his send, and is removed before he sends again. alice has the message, so it was
    sent. He gets it as he sent it: not the reaction, the pin and the edit of the quoted message that came later.
    """
    client_id, question = str(uuid.uuid4()), api(alice).send(group.pk, "When?").json()
    sent = api(bob).send(group.pk, "At 8", client_id=client_id, reply_to_id=question["id"]).json()
    api(alice).put(f"messages/{sent['id']}/reactions/{quote('👍')}/")
    api(alice).put(f"messages/{sent['id']}/pin/")
    api(alice).patch(f"messages/{question['id']}/", {"body": "At what time, now that bob is leaving?"})
    assert api(alice).delete(f"conversations/{group.pk}/members/{bob.pk}/").status_code == 204
    again = api(bob).send(group.pk, "At 8", client_id=client_id, reply_to_id=question["id"])
    assert (again.status_code, again.json()) == (200, {**sent, "reply_to": None})
    assert_error(api(bob).send(group.pk, "Another one"), "not_found", 404)
    assert_error(api(bob).send(group.pk, "Other words", client_id=client_id), "conflict", 409)
    assert_error(api(bob).get(f"messages/{sent['id']}/"), "not_found", 404)
    api(alice).delete(f"messages/{sent['id']}/")
    again = api(bob).send(group.pk, "At 8", client_id=client_id, reply_to_id=question["id"])
    assert_error(again, "not_found", 404)  # nobody has it now


def test_another_message_under_the_same_client_id_is_a_conflict(api, alice, group, direct_conversation):
    client_id = str(uuid.uuid4())
    first = api(alice).send(group.pk, "one", client_id=client_id).json()
    assert_error(api(alice).send(group.pk, "two", client_id=client_id), "conflict", 409)
    assert_error(api(alice).send(direct_conversation.pk, "one", client_id=client_id), "conflict", 409)
    assert_error(api(alice).send(group.pk, "one", client_id=client_id, reply_to_id=first["id"]), "conflict", 409)
    assert_error(api(alice).send(group.pk, "x" * 5000, client_id=client_id), "conflict", 409)  # before any other check


def test_client_ids_of_two_users_are_independent(api, alice, bob, group):
    client_id = str(uuid.uuid4())
    assert api(alice).send(group.pk, "hers", client_id=client_id).status_code == 201
    assert api(bob).send(group.pk, "his", client_id=client_id).status_code == 201


def test_read_only_fields_are_ignored(api, alice, bob, group):
    forged = {
        "id": 7,
        "seq": 99,
        "version": 99,
        "kind": "system",
        "sender": {"id": bob.pk},
        "sender_id": bob.pk,
        "conversation_id": 5,
        "created_at": "1999-01-01T00:00:00Z",
        "mentions": [{"user_id": bob.pk, "start": 0, "end": 1}],
        "body_html": "<script>alert(1)</script>",
        "pinned": True,
        "event": {"name": "joined"},
    }
    sent = api(alice).send(group.pk, "plain", **forged).json()
    assert (sent["sender"]["id"], sent["seq"], sent["kind"], sent["conversation_id"]) == (alice.pk, 1, "text", group.pk)
    assert sent["mentions"] == [] and sent["event"] is None and not sent["pinned"]
    assert "script" not in sent["body_html"] and not sent["created_at"].startswith("1999")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("client_id", None),
        ("client_id", "x"),
        ("client_id", []),
        ("body", None),
        ("body", 5),
        ("body", ["x"]),
        ("body", "x" * 4001),
        ("body", "NUL \x00"),
        ("body", ""),
        ("body", " \n\t"),
        ("reply_to_id", "x"),
        ("reply_to_id", 0),
        ("reply_to_id", 2**63),
        ("reply_to_id", 999_999),
        ("forward_id", -1),
        ("forward_id", {}),
        ("attachment_ids", [5]),
        ("attachment_ids", "5"),
    ],
)
def test_send_is_validated_field_by_field(api, alice, group, field, wrong):
    assert_error(api(alice).send(group.pk, **{"body": "x", field: wrong}), "invalid", 400, field)
    assert not Message.objects.filter(kind="text").exists()


def test_a_text_may_have_4000_code_points(api, alice, group):
    body = "😀" * 4000
    assert api(alice).send(group.pk, body).json()["body"] == body


def test_reply_and_forward(api, alice, bob, group, direct_conversation, mallory):
    first = api(bob).send(group.pk, "what **I** said").json()
    reply = api(alice).send(group.pk, "yes", reply_to_id=first["id"]).json()
    assert reply["reply_to"] == {
        "id": first["id"],
        "seq": first["seq"],
        "sender": first["sender"],
        "excerpt": "what I said",
        "deleted": False,
    }
    forward = api(alice).send(direct_conversation.pk, "", forward_id=first["id"]).json()
    assert forward["body"] == "what **I** said" and forward["sender"]["id"] == alice.pk
    assert forward["forwarded_from"] == {"sender": first["sender"], "created_at": first["created_at"]}
    # Replying to or forwarding a message that the user cannot see fails as if it did not exist.
    own = api(mallory).post("conversations/", {"kind": "group", "title": "x"}).json()["id"]
    for field, body in (("reply_to_id", "x"), ("forward_id", "")):
        seen = [api(mallory).send(own, body, **{field: pk}) for pk in (first["id"], 999_999)]
        assert seen[0].status_code == 400 and seen[0].content == seen[1].content
    assert_error(api(alice).send(direct_conversation.pk, "x", reply_to_id=first["id"]), "invalid", 400, "reply_to_id")


# ── After sending ────────────────────────────────────────────────────────────────────────────────────────────────
def test_only_the_sender_edits_and_revisions_are_kept(api, alice, bob, group):
    message = api(alice).send(group.pk, "one").json()
    path = f"messages/{message['id']}/"
    assert_error(api(bob).patch(path, {"body": "two"}), "forbidden", 403)
    edited = api(alice).patch(path, {"body": "two"}).json()
    assert edited["body"] == "two" and edited["edited_at"] and edited["version"] == message["version"] + 1
    assert edited["seq"] == message["seq"] and edited["created_at"] == message["created_at"]
    assert api(alice).patch(path, {"body": "two"}).json() == edited, "the same words again change nothing"
    revisions = api(bob).get(f"{path}revisions/").json()
    assert [revision["body"] for revision in revisions["results"]] == ["one"]
    for wrong in ("", " ", "x" * 4001, None, 5, "\x00"):
        assert_error(api(alice).patch(path, {"body": wrong}), "invalid", 400, "body")
    assert_error(api(alice).patch(path, {}), "invalid", 400, "body")
    api(alice).patch(f"conversations/{group.pk}/", {"revisions_visible": False})
    assert_error(api(bob).get(f"{path}revisions/"), "forbidden", 403)


def test_a_deleted_message_leaves_a_tombstone(api, alice, bob, group):
    message = api(bob).send(group.pk, "regrets @alice").json()
    reply = api(alice).send(group.pk, "what?", reply_to_id=message["id"]).json()
    path = f"messages/{message['id']}/"
    gone = api(bob).delete(path)
    assert gone.status_code == 200
    gone = gone.json()
    kept = ("id", "seq", "kind", "sender", "created_at", "client_id", "conversation_id")
    assert {name: gone[name] for name in kept} == {name: message[name] for name in kept}
    assert gone["deleted_at"] and gone["body"] == gone["body_html"] == "" and gone["mentions"] == []
    assert api(bob).delete(path).json() == gone, "twice is once"
    assert api(alice).get(f"messages/{reply['id']}/").json()["reply_to"] == {
        **reply["reply_to"],
        "excerpt": "",
        "deleted": True,
    }
    assert api(alice).get("mentions/").json()["results"] == []
    for method, part, body in (
        ("PATCH", "", {"body": "x"}),
        ("PUT", "pin/", None),
        ("PUT", "reactions/👍/", None),
        ("GET", "revisions/", None),
        ("POST", "report/", {}),
    ):
        assert_error(api(bob)(method, path + part, body), "not_found", 404)


def test_owner_and_admins_delete_messages_of_others(api, alice, bob, group, direct_conversation):
    assert_error(api(bob).delete(f"messages/{api(alice).send(group.pk).json()['id']}/"), "forbidden", 403)
    assert api(alice).delete(f"messages/{api(bob).send(group.pk).json()['id']}/").json()["deleted_at"]
    assert_error(api(alice).delete(f"messages/{api(bob).send(direct_conversation.pk).json()['id']}/"), "forbidden", 403)


def test_reactions_are_idempotent(api, alice, bob, group):
    message = api(alice).send(group.pk).json()
    path = f"messages/{message['id']}/reactions/"
    first = api(bob).put(f"{path}👍/").json()
    assert first["reactions"] == [{"emoji": "👍", "user_ids": [bob.pk]}]
    assert api(bob).put(f"{path}%F0%9F%91%8D/").json() == first, "percent-encoded, and twice is once"
    both = api(alice).put(f"{path}👍/").json()
    assert both["reactions"] == [{"emoji": "👍", "user_ids": [bob.pk, alice.pk]}]
    assert api(alice).put(f"{path}❤️/").json()["reactions"][1]["emoji"] == "❤️"
    assert api(bob).delete(f"{path}👍/").json()["reactions"][0] == {"emoji": "👍", "user_ids": [alice.pk]}
    gone = api(bob).delete(f"{path}👍/")
    assert gone.status_code == 200 and gone.json()["version"] == both["version"] + 2


@pytest.mark.parametrize("emoji", ["❤️", "☝🏿", "1️⃣", "‼️", "👁️‍🗨️", "🏳️‍🌈", "❤️‍🔥", "⛹🏽‍♂️", "☀️", "🀄"])
def test_an_emoji_with_and_without_variation_selectors_is_one_reaction(api, alice, bob, group, emoji):
    message = api(alice).send(group.pk).json()
    path = f"messages/{message['id']}/reactions/"
    api(alice).put(f"{path}{quote(emoji.replace(chr(0xFE0F), ''))}/")
    both = api(bob).put(f"{path}{quote(emoji)}/").json()
    assert both["reactions"] == [{"emoji": emoji, "user_ids": [alice.pk, bob.pk]}]
    api(bob).delete(f"{path}{quote(emoji.replace(chr(0xFE0F), ''))}/")
    assert api(alice).delete(f"{path}{quote(emoji)}/").json()["reactions"] == []


@pytest.mark.parametrize(
    "emoji", ["x", "ok", "%20", "%F0%9F%91%8D" * 17, "%00", "😀%00", "%3Cscript%3E", "%ff", "a" * 3000]
)
def test_a_reaction_is_one_emoji(api, alice, group, emoji):
    message = api(alice).send(group.pk).json()
    assert_error(api(alice).put(f"messages/{message['id']}/reactions/{emoji}/"), "invalid", 400, "emoji")
    assert api(alice).delete(f"messages/{message['id']}/reactions/{emoji}/").status_code in (200, 400)


@pytest.mark.parametrize("emoji", ["👩‍👩‍👧‍👦", "🇨🇳", "👋🏽", "#️⃣", "☺️", "✅"])
def test_emoji_of_several_code_points(api, alice, group, emoji):
    message = api(alice).send(group.pk).json()
    response = api(alice).put(f"messages/{message['id']}/reactions/{quote(emoji)}/")
    assert response.json()["reactions"] == [{"emoji": emoji, "user_ids": [alice.pk]}]


def test_pins(api, alice, bob, group):
    messages = [api(alice).send(group.pk, word).json() for word in ("one", "two")]
    for message in messages:
        assert api(bob).put(f"messages/{message['id']}/pin/").json()["pinned"] is True
    again = api(bob).put(f"messages/{messages[1]['id']}/pin/").json()
    pins = api(alice).get(f"conversations/{group.pk}/pins/").json()
    assert [pin["body"] for pin in pins["results"]] == ["two", "one"] and pins["results"][0] == again
    api(alice).patch(f"conversations/{group.pk}/", {"members_may_pin": False})
    assert_error(api(bob).delete(f"messages/{messages[0]['id']}/pin/"), "forbidden", 403)
    assert api(alice).delete(f"messages/{messages[0]['id']}/pin/").json()["pinned"] is False
    assert len(api(alice).get(f"conversations/{group.pk}/pins/").json()["results"]) == 1


def test_a_second_report_of_a_message_is_the_same_report(api, alice, bob, group):
    message = api(alice).send(group.pk, "rude").json()
    path = f"messages/{message['id']}/report/"
    assert api(bob).post(path, {"reason": "spam"}).status_code == 204
    assert api(bob).post(path).status_code == 204
    report = Report.objects.get()
    assert (report.reporter_id, report.body) == (bob.pk, "rude")
    for wrong in ("x" * 501, 5, None, "\x00"):
        assert_error(api(bob).post(path, {"reason": wrong}), "invalid", 400, "reason")


# ── Read markers ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_read_markers_move_forward_and_back_on_request(api, alice, bob, group):
    for number in range(4):
        api(alice).send(group.pk, str(number))
    unread = lambda: api(bob).get(f"conversations/{group.pk}/").json()["mine"]["unread_count"]  # noqa: E731
    path = f"conversations/{group.pk}/read/"
    assert unread() == 4
    mine = api(bob).post(path, {"seq": 3})
    assert mine.status_code == 200 and (mine.json()["read_seq"], mine.json()["unread_count"]) == (3, 1)
    assert api(bob).post(path, {"seq": 1}).json() == mine.json(), "never back by itself"
    assert api(bob).post(path, {"seq": 2**63 - 1}).json()["read_seq"] == 4 and unread() == 0
    back = api(bob).post(path, {"seq": 2, "back": True}).json()
    assert (back["read_seq"], back["unread_count"]) == (1, 3)
    for wrong in (None, -1, "x", 2**63, [], True):
        assert_error(api(bob).post(path, {"seq": wrong}), "invalid", 400, "seq")


def test_receipts_are_mutual(api, alice, bob, carol, group):
    api(alice).post(f"conversations/{group.pk}/members/", {"user_ids": [carol.pk]})
    message = api(alice).send(group.pk).json()
    api(bob).post(f"conversations/{group.pk}/read/", {"seq": message["seq"]})
    path = f"conversations/{group.pk}/receipts/"
    of_all = {receipt["user_id"]: receipt for receipt in api(alice).get(path).json()["results"]}
    assert of_all[bob.pk]["read_seq"] == of_all[bob.pk]["delivered_seq"] == message["seq"] and of_all[bob.pk]["read_at"]
    of_one = api(alice).get(f"messages/{message['id']}/receipts/").json()["results"]
    assert [(receipt["user_id"], bool(receipt["read_at"])) for receipt in of_one] == [(bob.pk, True)]
    type(bob).objects.filter(pk=bob.pk).update(show_receipts="nobody")
    assert bob.pk not in {receipt["user_id"] for receipt in api(alice).get(path).json()["results"]}
    assert api(alice).get(f"messages/{message['id']}/receipts/").json()["results"] == []
    assert api(bob).get(path).json()["results"] == []


def test_receipts_contain_the_time_of_each_marker(api, alice, bob, carol, group):
    """The API returns a receipt for each member: which message the member has read last, and in `read_at` at what time.

    The time of one member does not change when another member reads messages.
    """
    api(alice).post(f"conversations/{group.pk}/members/", {"user_ids": [carol.pk]})
    first = api(alice).send(group.pk).json()["seq"]
    for user in (bob, carol):
        api(user).post(f"conversations/{group.pk}/read/", {"seq": first})
    second = api(alice).send(group.pk).json()
    api(bob).post(f"conversations/{group.pk}/read/", {"seq": second["seq"]})
    receipts = api(alice).get(f"conversations/{group.pk}/receipts/").json()["results"]
    at = {receipt["user_id"]: receipt["read_at"] for receipt in receipts}
    assert at[carol.pk] < second["created_at"] <= at[bob.pk]
    # Sending a message moves the sender's read marker; `read_at` is then the time of the message.
    own = api(carol).send(group.pk).json()
    (hers,) = [
        receipt
        for receipt in api(bob).get(f"conversations/{group.pk}/receipts/").json()["results"]
        if receipt["user_id"] == carol.pk
    ]
    assert (hers["read_seq"], hers["read_at"]) == (own["seq"], own["created_at"])
    own = api(carol).send(group.pk).json()
    receipts = api(bob).get(f"conversations/{group.pk}/receipts/").json()["results"]
    assert [r["read_at"] for r in receipts if r["user_id"] == carol.pk] == [own["created_at"]]


# ── Catching up ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_pages_of_changes_lead_to_the_current_state(api, alice, bob, carol, group):
    start = api(bob).get(f"conversations/{group.pk}/").json()["version"]
    sent = [api(alice).send(group.pk, str(number)).json() for number in range(5)]
    api(alice).patch(f"messages/{sent[0]['id']}/", {"body": "edited"})
    api(alice).delete(f"messages/{sent[1]['id']}/")
    api(bob).put(f"messages/{sent[2]['id']}/pin/")
    api(alice).post(f"conversations/{group.pk}/members/", {"user_ids": [carol.pk]})
    api(alice).patch(f"conversations/{group.pk}/", {"title": "Renamed"})
    messages, members, title, version = {}, {}, None, start
    for _ in range(30):
        part = api(bob).get(f"conversations/{group.pk}/changes/", query_params={"after": version, "limit": 2}).json()
        rows = [*part["messages"], *part["members"]]
        assert len(rows) <= 2 and all(version < row["version"] <= part["version"] for row in rows)
        messages |= {message["id"]: message for message in part["messages"]}
        members |= {member["user"]["id"]: member for member in part["members"]}
        title = part["conversation"]["title"] if part["conversation"] else title
        version = part["version"]
        if part["complete"]:
            break
    fresh = api(bob).get(f"conversations/{group.pk}/messages/").json()
    assert version == fresh["version"] and title == "Renamed" and set(members) == {carol.pk}
    assert messages == {message["id"]: message for message in fresh["results"]}
    done = api(bob).get(f"conversations/{group.pk}/changes/", query_params={"after": version}).json()
    assert done == {"version": version, "complete": True, "conversation": None, "messages": [], "members": []}
