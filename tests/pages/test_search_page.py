"""Tests of the search page without scripts: results, marked words, filters, and what is not shown."""

from __future__ import annotations

import io
from urllib.parse import parse_qs

import pytest
from django.core.management import call_command

from accounts.actions import block_user
from chat import actions
from chat.actions import search_index
from chat.attachments import uploads
from chat.models import SearchEntry

pytestmark = pytest.mark.usefixtures("transactional_db")


def test_results_show_who_where_when_and_the_marked_words(browser, alice, bob, group, say):
    message = say(bob, group, "The **minutes** of the meeting, at last")
    page = browser(alice).get("/search/", q="minut meeting")
    (result,) = page.one(cls="search-results").all("li")
    assert result.one("b").text == "Bob"
    assert [mark.text for mark in result.all("mark")] == ["minut", "meeting"]
    assert "of the meeting , at last" in result.text and "Room" in result.text
    opened = browser(alice).get(result.one("a")["href"])
    assert opened.response["Location"] == f"/c/{group.pk}/?at={message.seq}&q=minut+meeting#m-{message.seq}"


def test_without_scripts_the_conversation_shows_the_search_that_led_to_it(browser, alice, bob, group, say):
    message = say(bob, group, "a needle")
    page = browser(alice).get(f"/c/{group.pk}/", at=message.seq, q="needle & hay")
    bar = page.one("conversation-search")
    assert "hidden" not in bar.attrs and bar.one("input", name="q")["value"] == "needle & hay"
    assert bar.one(data_part="all")["href"] == f"/search/?conversation={group.pk}&q=needle%20%26%20hay"
    assert bar.one(data_act="close")["href"] == f"/c/{group.pk}/?at={message.seq}#m-{message.seq}"
    page = browser(alice).get(f"/c/{group.pk}/")
    assert "hidden" in page.one("conversation-search").attrs
    # Its links without scripts: the page that searches this conversation.
    links = page.one(cls="conversation-head").all("a", data_act="search")
    assert {link["href"] for link in links} == {f"/search/?conversation={group.pk}"}


def test_people_chats_and_files_stand_beside_the_messages(browser, alice, bob, group, say, direct_conversation):
    file = uploads.store_upload(bob.pk, "bobs plan.txt", 4, [b"plan"])
    say(bob, group, "here", attachment_ids=[file.pk])
    page = browser(alice).get("/search/", q="bob")
    assert [heading.text for heading in page.one("main").all("h2")] == ["People", "Chats", "Files", "Messages"]
    # A screen reader names each list as a region, and the found chats not like the list of all chats beside the page.
    sections = [section.attrs for section in page.one("main").all("section")]
    names = [attrs.get("aria-label") or page.one("h2", id=attrs["aria-labelledby"]).text for attrs in sections]
    assert names == ["People", "Chats found", "Files", "Messages"]


def test_the_empty_page_teaches_the_operators(browser, alice):
    page = browser(alice).get("/search/")
    assert "has:file" in page.text and "on:2026-11-21" in page.text and "from:alice" in page.text


def test_a_filter_link_adds_its_operator_and_takes_it_away(browser, alice, bob, group, say):
    say(bob, group, "see https://example.org/plan")
    say(bob, group, "plan without a link")
    alice_browser = browser(alice)
    page = alice_browser.get("/search/", q="plan")
    link = next(each for each in page.all("a", cls="filter") if each.text == "Links")
    filtered = alice_browser.get("/search/" + link["href"])
    assert len(filtered.one(cls="search-results").all("li")) == 1
    link = next(each for each in filtered.all("a", cls="filter") if each.text == "Links")
    assert link["aria-current"] == "true"
    assert len(alice_browser.get("/search/" + link["href"]).one(cls="search-results").all("li")) == 2


def test_each_operator_is_a_chip_that_takes_it_away(browser, alice, group):
    page = browser(alice).get(
        "/search/", q='from:"Bob B" plan 日期：2026-11-21 has:video in:Room mentions:me has:nothing'
    )
    chips = {each.text: each["href"] for each in page.all("a", cls="filter", aria_current="true")}
    assert list(chips) == ["From Bob B", "On 2026-11-21", "Videos", "In Room", "Mentions of me", "has:nothing"]
    assert parse_qs(chips["From Bob B"][1:]) == {
        "q": ["plan 日期：2026-11-21 has:video in:Room mentions:me has:nothing"]
    }
    assert parse_qs(chips["On 2026-11-21"][1:])["q"] == ['from:"Bob B" plan has:video in:Room mentions:me has:nothing']


def test_the_forms_of_sender_and_day_add_operators_without_scripts(browser, alice, group):
    alice_browser = browser(alice)

    def added(**fields) -> dict[str, list[str]]:
        location = alice_browser.get("/search/", **fields).response["Location"]
        assert location.startswith("/search/?")
        return parse_qs(location.partition("?")[2])

    assert added(q="plan", **{"from": " @bob "}, conversation=group.pk) == {
        "q": ["plan from:bob"],
        "conversation": [str(group.pk)],
    }
    assert added(q="", **{"from": 'Bob "B"'})["q"] == ['from:"Bob B"']
    assert added(q="plan from:bob", **{"from": "bob"})["q"] == ["plan from:bob"]
    assert added(q="plan", when="after", day="2026-11-01")["q"] == ["plan after:2026-11-01"]
    # A period has two ends, but a day replaces the days that it contradicts.
    assert added(q="plan after:2026-11-01", when="before", day="2026-11-09")["q"] == [
        "plan after:2026-11-01 before:2026-11-09"
    ]
    assert added(q="plan after:2026-11-01 before:2026-11-09", when="on", day="2026-11-05")["q"] == [
        "plan on:2026-11-05"
    ]
    assert added(q="plan", when="never", day="2026-11-01") == added(q="plan", day="yesterday") == {"q": ["plan"]}


def test_a_search_without_results_leads_on(browser, alice, group):
    page = browser(alice).get("/search/", q="plan from:me", conversation=group.pk)
    assert page.one("a", cls="btn", href="?q=plan").text == "Search without filters"
    page = browser(alice).get("/search/", q="plan", conversation=group.pk)
    assert page.one("a", cls="btn", href="?q=plan").text == "Search all chats"


def test_a_search_without_results_names_its_words_and_not_its_filters(browser, alice, group):
    def absence(path: str, **parameters: str) -> str:
        return browser(alice).get(path, **parameters).one("main").one("p", cls="hint", role="status").text

    files_path = f"/c/{group.pk}/files/"
    assert absence("/search/", q="plan from:me") == "No messages found for “plan”."
    assert absence("/search/", q="plan from:me", kind="files") == "No files found for “plan”."
    assert absence("/search/", q="has:file") == "No messages match these filters."
    assert absence("/search/", q="has:file", kind="files") == "No files match these filters."
    assert absence(files_path, q="from:me") == "No files match these filters."
    assert absence(files_path, q="plan from:me") == "No files found for “plan”."


def test_a_search_in_one_conversation_finds_nothing_of_others(browser, alice, bob, group, say, direct_conversation):
    say(bob, group, "a word in the room")
    say(bob, direct_conversation, "a word between us")
    page = browser(alice).get("/search/", q="word", conversation=group.pk)
    assert "Search in Room" in page.one(cls="page-head").text
    assert [item.one(cls="snippet").text for item in page.one(cls="search-results").all("li")] == ["a word in the room"]


def test_the_text_of_a_blocked_person_is_not_shown(browser, alice, bob, group, say):
    say(bob, group, "nasty words")
    block_user(alice.pk, bob.pk)
    page = browser(alice).get("/search/", q="nasty")
    assert "Message from someone you blocked" in page.text and "nasty words" not in page.html


def test_the_page_shows_only_what_its_reader_may_see(browser, alice, bob, mallory, group, direct_conversation, say):
    deleted = say(bob, group, "secret that is deleted")
    edited = say(bob, group, "secret that is edited away")
    hidden = say(bob, group, "secret that the owner hides")
    say(bob, group, "secret of the group")
    say(bob, direct_conversation, "secret between two")
    file = uploads.store_upload(bob.pk, "secret.txt", 4, [b"plan"])
    removed = say(bob, group, "", attachment_ids=[file.pk])
    actions.delete_message(bob.pk, deleted.id)
    actions.edit_message(bob.pk, edited.id, "nothing to see")
    actions.delete_message(alice.pk, hidden.id)
    actions.delete_message(bob.pk, removed.id)

    def shown(user, **parameters) -> list[str]:
        page = browser(user).get("/search/", q="secret", **parameters)
        found = page.all(cls="search-results")
        assert not page.all(data_part="files")
        return [item.one(cls="snippet").text for item in found[0].all("li")] if found else []

    assert shown(alice) == ["secret between two", "secret of the group"]
    assert shown(alice, conversation=group.pk) == ["secret of the group"]
    for parameters in ({}, {"conversation": group.pk}, {"kind": "files"}, {"sort": "best"}):
        page = browser(mallory).get("/search/", q="secret", **parameters)
        assert not page.all(cls="search-results") and "Room" not in page.one("main").text, parameters
        assert "secret of" not in page.html
    # The page of a conversation of others says nothing about a search in it either.
    assert browser(mallory).get(f"/c/{group.pk}/", q="secret").status == 404
    actions.remove_member(bob.pk, group.pk, bob.pk)
    assert shown(bob) == ["secret between two"]
    assert shown(bob, conversation=group.pk) == []


def test_a_wrong_operator_is_explained_and_the_words_stay(browser, alice):
    page = browser(alice).get("/search/", q="has:everything now")
    assert page.status == 400 and page.one(role="alert").text.startswith("“has:”")
    assert page.one("input", name="q", type="search")["value"] == "has:everything now"


def test_html_in_messages_and_queries_is_text(browser, alice, group, say):
    say(alice, group, "<b>bold</b> & <mark>brave</mark>")
    page = browser(alice).get("/search/", q="bold <script>")
    assert "<script>" not in page.html.split("<main", 1)[1].split("</main>")[0]
    page = browser(alice).get("/search/", q="brave")
    assert "<mark>brave</mark>" in page.html and "&lt;mark&gt;<mark>brave</mark>&lt;/mark&gt;" in page.html


def test_the_list_offers_to_search_messages(browser, alice, group):
    link = browser(alice).get("/", find="min utes").one("a", cls="list-search")
    assert link["href"] == "/search/?q=min%20utes" and "hidden" not in link.attrs
    assert "hidden" in browser(alice).get("/").one("a", cls="list-search").attrs


def test_a_rebuild_shows_its_progress_and_can_be_resumed(alice, group, say):
    for number in range(3):
        say(alice, group, f"number {number}")
    SearchEntry.objects.all().delete()
    search_index.start_rebuild()
    warnings = io.StringIO()
    call_command("check", "--database", "default", stderr=warnings)
    assert "not in the search index" in warnings.getvalue()
    output = io.StringIO()
    call_command("rebuild_search", "--resume", stdout=output)
    assert "100 %" in output.getvalue() and SearchEntry.objects.count() == 3
    warnings = io.StringIO()
    call_command("check", "--database", "default", stderr=warnings)
    assert "search index" not in warnings.getvalue()
