"""Tests of the contacts page, the page of another user with its block button, and the privacy settings.

The pages are tested without scripts.
"""

from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.models import PRIVACY_FIELDS, Relationship, User
from presence.tracker import PresenceTracker, set_tracker


@pytest.fixture
def tracker():
    set_tracker(it := PresenceTracker())
    yield it
    set_tracker(None)


@pytest.fixture
def browsers(transactional_db, tracker, alice, bob, carol):
    made = {}
    for user in (alice, bob, carol):
        made[user.username] = Client()
        made[user.username].force_login(user)
    return made


def state(user, other) -> str:
    return Relationship.objects.filter(user=user, person=other).values_list("state", flat=True).first() or "none"


def blocked_ids(user) -> list[int]:
    user.refresh_from_db()
    return user.blocked_ids


def do(browser, user, what, **query):
    return browser.post(f"/people/{user.pk}/do/?{urlencode(query)}", {"do": what}, follow=True)


def test_a_page_without_contacts_offers_the_newest_users(browsers, alice):
    page = browsers["alice"].get("/people/")
    assert page.status_code == 200
    assert "No contacts yet" in page.content.decode()
    assert {row.user.username for row in page.context["suggestions"]} == {"bob", "carol"}


def test_suggestions_stand_under_a_heading_and_show_who_is_online(browsers, tracker, alice, bob, carol, group):
    tracker.record_heartbeat(f"u:{bob.pk}")
    page = browsers["alice"].get("/people/")
    text = page.content.decode()
    heading = text.index("Suggestions")
    assert text.index("No contacts yet") < heading < text.index(bob.display_name, heading)
    (row,) = [row for row in page.context["suggestions"] if row.user == bob]  # a member of the same group comes first
    assert page.context["suggestions"][0] == row and row.presence.online
    User.objects.filter(pk=alice.pk).update(add_me="contacts")
    contacts.add_contact(carol.pk, alice.pk)  # carol has sent a contact request, so she is no suggestion
    page = browsers["alice"].get("/people/")
    assert [row.user for row in page.context["received_requests"]] == [carol]
    assert carol not in [row.user for row in page.context["suggestions"]]


def test_blocking_asks_and_leads_back_to_where_the_question_was_asked(browsers, alice, bob, group):
    browser = browsers["alice"]
    question = browser.get(f"/people/{bob.pk}/block/")
    assert f"Block {bob.display_name}?" in question.content.decode()
    assert state(alice, bob) == "none" and bob.pk not in blocked_ids(alice)
    answer = browser.post(f"/people/{bob.pk}/do/", {"do": "block", "next": f"/c/{group.pk}/"})
    assert answer["Location"] == f"/c/{group.pk}/"
    assert bob.pk in blocked_ids(alice)
    assert f'href="/people/{bob.pk}/block/"' not in browser.get(f"/c/{group.pk}/members/{bob.pk}/").content.decode()
    answer = browser.post(f"/people/{bob.pk}/do/", {"do": "unblock", "next": "https://example.org/"})
    assert answer["Location"] == "/people/"


def test_search_results_can_be_added_and_the_search_is_kept(browsers, alice, bob):
    page = do(browsers["alice"], bob, "add", q="bo")
    assert page.redirect_chain == [("/people/?q=bo", 302)]
    assert [str(message) for message in page.context["messages"]] == ["Added to contacts."]
    assert state(alice, bob) == "contact"


def test_online_contacts_are_first(browsers, tracker, alice, bob, carol):
    for each in (bob, carol):
        contacts.add_contact(alice.pk, each.pk)
    tracker.record_heartbeat(f"u:{carol.pk}")
    page = browsers["alice"].get("/people/")
    assert [row.user.username for row in page.context["online_contacts"]] == ["carol"]
    assert [row.user.username for row in page.context["offline_contacts"]] == ["bob"]


def test_a_request_is_sent_and_accepted(browsers, alice, bob):
    account_actions.update_profile(bob.pk, {"add_me": "contacts"})
    assert "Request sent." in str(next(iter(do(browsers["alice"], bob, "add").context["messages"])))
    page = browsers["bob"].get("/people/")
    assert [row.user.username for row in page.context["received_requests"]] == ["alice"]
    assert "New contact request" in page.content.decode()
    assert [row.user.username for row in browsers["alice"].get("/people/").context["sent_requests"]] == ["bob"]
    do(browsers["bob"], alice, "accept")
    assert state(alice, bob) == state(bob, alice) == "contact"


@pytest.mark.parametrize(("decision", "left"), [("decline", "none"), ("ignore", "asked")])
def test_a_request_is_declined_or_ignored(browsers, alice, bob, decision, left):
    account_actions.update_profile(bob.pk, {"add_me": "contacts"})
    contacts.add_contact(alice.pk, bob.pk)
    do(browsers["bob"], alice, decision)
    assert state(alice, bob) == left
    assert browsers["bob"].get("/people/").context["received_requests"] == []


def test_blocking_and_unblocking_on_the_page_of_a_person(browsers, alice, bob):
    page = do(browsers["alice"], bob, "block", page="person")
    assert page.redirect_chain == [(f"/people/{bob.pk}/", 302)]
    assert "You’ve blocked this person" in page.content.decode()
    assert [user.username for user in browsers["alice"].get("/people/").context["blocked"]] == ["bob"]
    do(browsers["alice"], bob, "unblock", page="person")
    assert browsers["alice"].get("/people/").context["blocked"] == []


def test_blocked_users_see_no_difference_on_the_page_of_a_person(browsers, alice, bob):
    before = browsers["bob"].get(f"/people/{alice.pk}/")
    contacts.block_user(alice.pk, bob.pk)
    after = browsers["bob"].get(f"/people/{alice.pk}/")
    keep = ("person", "state", "blocked", "shared_count", "direct_conversation_id")
    assert {name: before.context[name] for name in keep} == {name: after.context[name] for name in keep}
    assert after.context["presence"] is None or not after.context["presence"].online


def test_hidden_people_have_no_page_for_strangers(browsers, alice, bob):
    account_actions.update_profile(bob.pk, {"find_me": "nobody"})
    for pk in (bob.pk, 4711):
        assert browsers["alice"].get(f"/people/{pk}/").status_code == 404
        assert browsers["alice"].post(f"/people/{pk}/do/", {"do": "add"}).status_code == 404


def test_the_page_of_the_user_redirects_to_the_profile(browsers, alice):
    assert browsers["alice"].get(f"/people/{alice.pk}/").url == "/settings/"


def test_an_unknown_choice_is_an_error(browsers, alice, bob):
    do(browsers["alice"], bob, "marry")
    assert state(alice, bob) == "none"


def test_names_are_escaped(browsers, alice, bob):
    User.objects.filter(pk=bob.pk).update(name="<b onclick=x>Bob", bio="<script>alert(1)</script>")
    contacts.add_contact(alice.pk, bob.pk)
    for path in ("/people/", f"/people/{bob.pk}/", "/people/?q=bob"):
        page = browsers["alice"].get(path).content.decode()
        assert "<b onclick" not in page and "<script>alert" not in page


def test_the_page_costs_the_same_with_many_contacts(browsers, alice, bob, make_user, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browsers["alice"].get("/people/").status_code == 200
        return len(asked)

    contacts.add_contact(alice.pk, bob.pk)
    one = cost()
    for number in range(20):
        contacts.add_contact(alice.pk, make_user(f"friend{number}").pk)
    assert cost() == one


# ── Privacy ──────────────────────────────────────────────────────────────────────────────────────────────────────
SETTINGS = dict.fromkeys(PRIVACY_FIELDS, "everyone")


def test_privacy_settings_without_scripts(browsers, alice):
    response = browsers["alice"].post(
        "/settings/privacy/", {**SETTINGS, "find_me": "nobody", "add_me": "contacts"}, follow=True
    )
    assert response.redirect_chain == [("/settings/privacy/", 302)]
    alice.refresh_from_db()
    assert (alice.find_me, alice.add_me, alice.write_to_me) == ("nobody", "contacts", "everyone")


def test_an_invalid_privacy_setting_is_an_error_at_its_field(browsers, alice):
    response = browsers["alice"].post("/settings/privacy/", {**SETTINGS, "show_presence": "some", "find_me": "nobody"})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["show_presence"]
    assert response.context["form"]["find_me"].value() == "nobody"  # the form keeps the input
    alice.refresh_from_db()
    assert alice.find_me == "everyone"


def test_the_profile_page_does_not_change_privacy(browsers, alice):
    account_actions.update_profile(alice.pk, {"show_presence": "contacts"})
    browsers["alice"].post("/settings/", {"username": "alice", "name": "Ally", "theme": "system"})
    alice.refresh_from_db()
    assert (alice.name, alice.show_presence) == ("Ally", "contacts")


# ── People who only accept messages from contacts ──────────────────────────────────────────────────────────────────
def limit_messages(user, audience="contacts"):
    User.objects.filter(pk=user.pk).update(write_to_me=audience)


@pytest.mark.parametrize("audience", ["contacts", "nobody"])
def test_a_refused_message_shows_the_person_and_offers_a_contact_request(browsers, alice, bob, audience):
    limit_messages(bob, audience)
    page = browsers["alice"].post("/new/direct/", {"user_id": bob.pk})
    html = page.content.decode()
    assert page.status_code == 403 and "conversation-list" in html  # the page stays, with the list beside it
    assert "Bob only accepts messages from contacts." in html
    assert "Ask to be a contact" in html and 'formaction="/new/direct/"' not in html
    do(browsers["alice"], bob, "add", page="person")
    asked = browsers["alice"].get(f"/people/{bob.pk}/").content.decode()
    assert "Ask to be a contact" not in asked and "They haven’t answered yet." in asked


def test_a_message_to_somebody_whom_the_user_has_blocked_offers_to_unblock(browsers, alice, bob):
    contacts.block_user(alice.pk, bob.pk)
    page = browsers["alice"].post("/new/direct/", {"user_id": bob.pk})
    assert page.status_code == 403 and "Unblock" in page.content.decode()


def test_no_page_offers_a_message_that_is_refused(browsers, alice, bob, carol, group):
    limit_messages(bob)
    pages = ["/people/?q=bo", "/new/?q=bo", f"/people/{bob.pk}/", f"/c/{group.pk}/members/{bob.pk}/"]
    for path in pages:
        html = " ".join(browsers["alice"].get(path).content.decode().split())
        assert "Bob" in html and f'name="user_id" value="{bob.pk}"' not in html, path
        limit_messages(bob, "everyone")
        html = " ".join(browsers["alice"].get(path).content.decode().split())
        assert f'name="user_id" value="{bob.pk}"' in html, path
        limit_messages(bob)


def test_a_conversation_that_exists_is_offered_also_after_the_setting_changed(
    browsers, alice, bob, direct_conversation
):
    limit_messages(bob)
    html = " ".join(browsers["alice"].get("/people/?q=bo").content.decode().split())
    assert f'name="user_id" value="{bob.pk}"' in html
    assert browsers["alice"].post("/new/direct/", {"user_id": bob.pk})["Location"] == f"/c/{direct_conversation.pk}/"
