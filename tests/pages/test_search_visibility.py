"""Tests of what a search may show, each through the page and through the API: no more than the reader can read."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from accounts import actions as account_actions
from accounts.actions import block_user
from accounts.auth import tokens
from chat import actions
from chat.actions import retention
from chat.attachments import uploads
from chat.models import Message
from chat.views import file_list

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def search(browser, settings):
    """Returns a function: `search(bob, "secret")` returns what the page and the API both find.

    These are the texts of messages, newest first, and then the names of files, chats and people.
    """
    settings.LIMITS = False

    def read_page(user, q: str, **parameters) -> list[str]:
        page = browser(user).get("/search/", q=q, **parameters)
        assert page.status == 200
        shown = [item.one(cls="snippet").text for found in page.all(cls="search-results") for item in found.all("li")]
        if shown:
            assert page.one("main").one("span", cls="num").text == f"{len(shown)} found"
        return shown + [
            item.one("b").text for found in page.one("main").all("ul", cls="found") for item in found.all("li")
        ]

    def read_api(user, q: str, **parameters) -> list[str]:
        client = Client(headers={"Authorization": f"Bearer {tokens.issue_token_pair(user).access}"})
        response = client.get(f"/api/v1/search/?{urlencode({'q': q, **parameters})}")
        assert response.status_code == 200
        found = response.json()
        return [
            *(hit["message"]["body"] for hit in found["messages"]["results"]),
            *(file["attachment"]["name"] for file in found["files"]["results"]),
            *(title["title"] for title in found["conversations"]["results"]),
            *(person["name"] or person["username"] for person in found["people"]["results"]),
        ]

    def find(user, q: str, **parameters) -> list[str]:
        shown, answered = read_page(user, q, **parameters), read_api(user, q, **parameters)
        without_spaces = [sorted("".join(text.split()) for text in texts) for texts in (shown, answered)]
        assert without_spaces[0] == without_spaces[1]  # on the page, matches are elements of their own
        return answered

    return find


def send_file(sender, conversation, name: str, say):
    file = uploads.store_upload(sender.pk, name, 4, [b"plan"])
    return say(sender, conversation, "", attachment_ids=[file.pk])


def test_nothing_of_a_conversation_of_others_is_found(search, alice, bob, mallory, group, say):
    say(bob, group, "secret of the room")
    send_file(bob, group, "secret.txt", say)
    assert search(alice, "secret") == ["", "secret of the room", "secret.txt"]
    for q in ("secret", f"secret in:#{group.pk}", "in:room secret", "has:file", "from:bob secret", "-nothing secret"):
        assert search(mallory, q) == [], q
        assert search(mallory, q, conversation=group.pk) == [], q
    assert search(mallory, "room") == [] and "Room" in search(alice, "room")


def test_a_sender_of_no_common_conversation_is_as_one_who_does_not_exist(browser, alice, mallory, group, say):
    say(alice, group, "secret")
    client = Client(headers={"Authorization": f"Bearer {tokens.issue_token_pair(mallory).access}"})
    pages, answers = [], []
    for name in ("alice", "nobody"):
        q = f"from:{name} secret"
        pages.append(browser(mallory).get("/search/", q=q).one("main").text.replace(name, "NAME"))
        answers.append(client.get(f"/api/v1/search/?{urlencode({'q': q})}").json())
    assert pages[0] == pages[1]
    assert answers[0] == answers[1] and answers[0]["messages"] == {"results": [], "next": None}


def test_nothing_deleted_or_hidden_is_found(search, alice, bob, group, say):
    deleted = say(bob, group, "secret that is deleted")
    hidden = say(bob, group, "secret that the owner hides")
    files = [send_file(bob, group, name, say) for name in ("secret one.txt", "secret two.txt")]
    assert len(search(alice, "secret")) == 6
    actions.delete_message(bob.pk, deleted.id)
    actions.delete_message(bob.pk, files[0].id)
    actions.delete_message(alice.pk, hidden.id)
    actions.delete_message(alice.pk, files[1].id)
    for user in (alice, bob):
        assert search(user, "secret") == search(user, "has:file") == []
        assert search(user, "from:bob") == []


def test_nothing_edited_away_is_found(search, alice, bob, group, say):
    message = say(bob, group, "a secret with @alice and https://example.org")
    actions.edit_message(bob.pk, message.id, "nothing to see")
    for q in ("secret", "has:link", "mentions:me", "example"):
        assert search(alice, q) == [], q
    assert search(alice, "nothing") == ["nothing to see"]


def test_nothing_is_found_that_was_removed_because_of_its_age(search, alice, bob, group, say, settings):
    settings.RETENTION_DAYS = 5
    say(bob, group, "an old secret")
    send_file(bob, group, "secret.txt", say)
    Message.objects.update(created_at=timezone.now() - timedelta(days=10))
    assert len(search(alice, "secret")) == 3
    retention.remove_expired_messages()
    say(bob, group, "a new secret")
    for user in (alice, bob):
        assert search(user, "secret") == ["a new secret"] and search(user, "has:file") == []


def test_a_former_member_finds_nothing_until_added_again(search, alice, bob, group, say):
    say(alice, group, "secret")
    actions.remove_member(alice.pk, group.pk, bob.pk)
    say(alice, group, "secret after bob")
    for parameters in ({}, {"conversation": group.pk}):
        assert search(bob, "secret", **parameters) == search(bob, "from:alice secret", **parameters) == []
    assert search(bob, "room") == []
    actions.add_members(alice.pk, group.pk, [bob.pk])
    assert search(bob, "secret") == ["secret after bob", "secret"]


def test_nothing_of_a_deleted_group_is_found(search, alice, bob, group, say):
    say(bob, group, "secret")
    actions.delete_group(alice.pk, group.pk)
    for user in (alice, bob):
        assert search(user, "secret") == search(user, "room") == []


def test_who_joined_later_finds_the_history_that_the_chat_shows(browser, search, alice, bob, mallory, group, say):
    say(bob, group, "an old secret")
    assert search(mallory, "secret") == []
    actions.add_members(alice.pk, group.pk, [mallory.pk])
    assert "an old secret" in browser(mallory).get(f"/c/{group.pk}/").text
    assert search(mallory, "secret") == ["an old secret"]


def test_messages_and_files_of_a_blocked_person_are_collapsed_as_in_the_chat(browser, alice, bob, group, say):
    say(bob, group, "nasty words")
    send_file(bob, group, "nasty.txt", say)
    block_user(alice.pk, bob.pk)
    for parameters in ({}, {"kind": "files"}, {"conversation": group.pk}, {"sort": "best"}):
        page = browser(alice).get("/search/", q="nasty", **parameters)
        main = page.one("main")
        assert "words" not in main.text and "nasty.txt" not in main.text and "Bob" not in main.text, parameters
        assert "from someone you blocked" in main.text
    files = browser(alice).get(f"/c/{group.pk}/files/", q="nasty")
    assert "nasty.txt" not in files.one("main").text
    # The API answers as it does for the history; its clients know whom their user has blocked.
    client = Client(headers={"Authorization": f"Bearer {tokens.issue_token_pair(alice).access}"})
    history = client.get(f"/api/v1/conversations/{group.pk}/messages/").json()["results"]
    found = client.get("/api/v1/search/?q=nasty&kind=messages").json()["messages"]["results"]
    assert [hit["message"] for hit in found] == [each for each in reversed(history) if each["kind"] == "text"]


def test_files_are_hidden_exactly_where_the_chat_hides_their_message(
    browser, alice, bob, carol, group, say, settings, monkeypatch
):
    """Alice has blocked Bob. Carol's forward of his file is hidden as in the chat; what Alice forwards is not."""
    settings.LIMITS = False
    monkeypatch.setattr(file_list, "PAGE_SIZE", 2)
    actions.add_members(alice.pk, group.pk, [carol.pk])
    own = send_file(carol, group, "plan of carol.txt", say)
    his = send_file(bob, group, "plan of bob.txt", say)
    kept = say(alice, group, "", forward_id=his.id)
    hidden = [his, say(carol, group, "", forward_id=his.id), send_file(bob, group, "plan two of bob.txt", say)]
    block_user(alice.pk, bob.pk)
    page = browser(alice)
    log = page.get(f"/c/{group.pk}/")
    assert {each.seq for each in hidden} == {
        each.seq for each in (own, kept, *hidden) if "blocked" in log.one("li", id=f"m-{each.seq}").classes
    }
    for q in ({}, {"q": "plan"}, {"q": "plan", "kind": "file"}, {"kind": "file"}):
        files = page.get(f"/c/{group.pk}/files/", **q)  # its first page is full
        assert [each.text for each in files.all(cls="doc-name")] == ["plan of bob.txt", "plan of carol.txt"], q
        assert [each["data-message-id"] for each in files.one(cls="files-page").all("li")] == [
            str(kept.id), str(own.id)
        ]  # fmt: skip
    found = page.get("/search/", q="plan", kind="files").one("main")
    assert [item.one("a")["href"] for item in found.all("li") if "someone you blocked" in item.text] == [
        f"/m/{each.id}/?q=plan" for each in reversed(hidden)
    ]
    assert "two of bob" not in found.text
    # The API says of each file what its clients need to hide it like the message.
    client = Client(headers={"Authorization": f"Bearer {tokens.issue_token_pair(alice).access}"})
    history = {
        each["id"]: (each["sender"], each["forwarded_from"])
        for each in client.get(f"/api/v1/conversations/{group.pk}/messages/").json()["results"]
    }
    for answer in (
        client.get(f"/api/v1/conversations/{group.pk}/files/").json(),
        client.get("/api/v1/search/?q=plan&kind=files").json()["files"],
    ):
        assert [each["message_id"] for each in answer["results"]] == [
            each.id for each in (hidden[2], hidden[1], kept, his, own)
        ]
        assert all(
            (each["sender"], each["forwarded_from"]) == history[each["message_id"]] for each in answer["results"]
        )


def test_a_deleted_account_is_not_found_and_its_messages_are_those_of_the_chat(browser, search, alice, bob, group, say):
    say(bob, group, "words that stay")
    account_actions.erase_account(bob.pk)
    assert search(alice, "bob") == []
    log = browser(alice).get(f"/c/{group.pk}/").text
    assert search(alice, "stay") == (["words that stay"] if "words that stay" in log else [])
