"""Tests of pages without scripts: people picker, group settings, mentions, own settings, sign-in and error pages."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import override_settings

from chat import actions
from chat.models import Conversation, Membership

pytestmark = pytest.mark.usefixtures("transactional_db")  # another thread, the send queue, stores messages


def test_home_page_without_conversations(browser, alice):
    page = browser(alice).get("/")
    quiet, choose = page.all("div", cls="empty")[::-1]
    assert quiet.one("h2").text == "No chats yet" and "hidden" not in quiet.attrs and "hidden" in choose.attrs
    assert len(page.one("ol", cls="steps").all("a")) == 3


def test_conversation_list_newest_activity_first(browser, alice, bob, carol, group, say):
    direct_conversation = Conversation.objects.get(pk=actions.open_direct_conversation(carol.pk, alice.pk)[0].id)
    say(carol, direct_conversation, "**hello** there")
    say(bob, group, "later")
    rows = browser(alice).get("/").all("a", cls="conversation-row")
    assert [row["data-id"] for row in rows] == [str(group.pk), str(direct_conversation.pk)]
    assert rows[0].one(cls="row-last").text == "Bob : later"
    assert rows[1].one(cls="row-last").text == "hello there"
    assert rows[1]["data-peer-id"] == str(carol.pk)
    found = browser(alice).get("/", find="CAR").all("a", cls="conversation-row")
    assert [row["data-id"] for row in found] == [str(direct_conversation.pk)]


def test_direct_conversation_and_group_from_the_people_picker(browser, alice, bob, carol):
    alice_browser = browser(alice)
    found = alice_browser.get("/new/", q="bo")
    assert [row["data-user-id"] for row in found.all("li") if "data-user-id" in row.attrs] == [str(bob.pk)]
    direct_conversation = alice_browser.post("/new/direct/", user_id=bob.pk)
    assert (
        alice_browser.post("/new/direct/", user_id=bob.pk).response["Location"]
        == direct_conversation.response["Location"]
    )
    chosen = alice_browser.get(f"/new/?user={bob.pk}&user={carol.pk}&user=99999&user=x")
    assert len(chosen.all("a", cls="chip")) == 2
    long = alice_browser.post("/new/group/", user_ids=[bob.pk, carol.pk], title="x" * 81)
    assert long.status == 400 and long.one(id="id_title-error").text
    assert long.one("input", id="id_title")["value"] == "x" * 81
    assert len(long.all("a", cls="chip")) == 2
    alice_browser.post("/new/group/", user_ids=[bob.pk, carol.pk], title=" ")
    assert Conversation.objects.filter(title="Bob and Carol").exists()  # the default title: the names of its members
    made = alice_browser.post("/new/group/", user_ids=[bob.pk, carol.pk], title="Walk on Sunday")
    group = Conversation.objects.get(title="Walk on Sunday")
    assert made.response["Location"] == f"/c/{group.pk}/"
    assert group.member_count == 3


def test_one_page_has_the_form_of_a_group_before_anybody_is_selected(browser, alice, bob, carol):
    """The page for a new conversation shows the form for a new group even if no people are selected yet.

    Selected people stay at their place in the list of people and are marked as selected, so that no row moves.
    """
    alice_browser = browser(alice)
    page = alice_browser.get("/new/")
    assert page.one("input", id="id_title") and page.form("/new/group/")["title"] == ""
    rows = [row["data-user-id"] for row in page.one("ul", cls="rows").all("li")]
    picked = alice_browser.get("/new/", user=bob.pk)
    assert [row["data-user-id"] for row in picked.one("ul", cls="rows").all("li")] == rows
    assert [link["data-user-id"] for link in picked.all("a", cls="picked")] == [str(bob.pk)]
    assert alice_browser.get("/new/" + picked.one("a", cls="picked")["href"]).all("a", cls="picked") == []


@pytest.mark.parametrize("value", ["", "x", "0", "-1", "9" * 30])
def test_a_direct_conversation_needs_an_existing_other_user(browser, alice, value):
    assert browser(alice).post("/new/direct/", user_id=value).status in (302, 404)
    assert not Conversation.objects.exists()


def test_group_settings(browser, alice, bob, carol, mallory, group):
    path = f"/c/{group.pk}/settings/"
    alice_browser, bob_browser = browser(alice), browser(bob)
    fields = {"title": "Renamed", "description": "d", "announcement": "a", "members_may_add": "on"}
    assert alice_browser.post(path, fields).status == 302
    group.refresh_from_db()
    assert (group.title, group.members_may_add, group.members_may_pin) == ("Renamed", True, False)
    refused = alice_browser.post(path, fields | {"title": "x" * 81})
    assert refused.status == 400 and refused.one(id="id_title-error").text
    assert refused.one("input", id="id_title")["value"] == "x" * 81
    assert bob_browser.post(path, fields).status == 403
    assert not bob_browser.get(path).all("input", id="id_title")
    assert browser(mallory).get(path).status == 404
    found = alice_browser.get(path, q="car").one("div", **{"data-part": "results"})
    assert found.one("li")["data-user-id"] == str(carol.pk)
    assert f"user={carol.pk}" in found.one("a", data_act="pick")["href"]
    added = bob_browser.post(f"/c/{group.pk}/members/add/", user_ids=carol.pk, follow=True)
    assert added.status == 200 and "1 person added." in added.one(cls="toast").text
    assert bob_browser.post(f"/c/{group.pk}/members/{carol.pk}/remove/").status == 403
    assert alice_browser.post(f"/c/{group.pk}/members/{bob.pk}/role/", role="admin").status == 302
    assert bob_browser.post(f"/c/{group.pk}/members/{carol.pk}/remove/").status == 302
    assert alice_browser.post(f"/c/{group.pk}/members/{bob.pk}/role/", role="king").status == 302
    assert Membership.objects.get(conversation=group, user=bob).role == "admin"
    assert alice_browser.post(f"/c/{group.pk}/members/{alice.pk}/remove/").status == 403  # the owner cannot leave
    assert alice_browser.post(f"/c/{group.pk}/members/{bob.pk}/role/", role="owner").status == 302
    assert alice_browser.post(f"/c/{group.pk}/members/{alice.pk}/remove/").response["Location"] == "/"
    assert alice_browser.get(f"/c/{group.pk}/").status == 404
    mistyped = bob_browser.post(f"/c/{group.pk}/delete/", title="renamed")
    assert mistyped.status == 400 and mistyped.one(id="id_title-error").text
    assert mistyped.one("input", id="id_title")["value"] == "renamed"
    assert bob_browser.post(f"/c/{group.pk}/delete/", title=" Renamed ").response["Location"] == "/"
    assert bob_browser.get(f"/c/{group.pk}/").status == 404


def test_a_direct_conversation_has_no_settings_page(browser, alice, direct_conversation):
    assert browser(alice).get(f"/c/{direct_conversation.pk}/settings/").status == 404


def test_system_messages_are_sentences(browser, alice, bob, carol, group):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    actions.remove_member(alice.pk, group.pk, bob.pk)
    words = [line.text for line in browser(carol).get(f"/c/{group.pk}/").messages]
    assert words == ["Alice added you", "Alice removed Bob"]


def test_mentions(browser, alice, bob, group, direct_conversation, say):
    say(bob, group, "@alice look")
    say(bob, group, "nothing")
    page = browser(alice).get("/mentions/")
    assert [line.one(cls="body").text for line in page.messages] == ["@alice look"]
    assert page.one("p", cls="where").one("a").text == "Room"
    assert page.one(cls="mention").classes == {"mention", "me"}
    assert browser(bob).get("/mentions/").one(cls="empty")


def test_people_are_not_found_by_email(browser, alice, make_user):
    make_user("secretive", email="someone@example.org")
    assert "secretive" not in browser(alice).get("/people/", q="someone@example").html


def test_the_side_panel_opens_without_scripts(browser, alice, group):
    alice_browser = browser(alice)
    assert "hidden" in alice_browser.get(f"/c/{group.pk}/").one("section", id="panel").attrs
    panel = alice_browser.get(f"/c/{group.pk}/", panel="members").one("section", id="panel")
    assert "hidden" not in panel.attrs
    assert [member["data-role"] for member in panel.all("a", cls="member")] == ["owner", "member"]


# ── Account pages ────────────────────────────────────────────────────────────────────────────────────────────────
GATE = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/confirm-email/",
    "/accounts/3rdparty/login/cancelled/",
]
OWN = ["/settings/", "/settings/sessions/", "/accounts/email/", "/accounts/password/change/", "/accounts/logout/"]


@pytest.mark.parametrize("path", GATE)
def test_pages_for_signed_out_users(browser, path):
    page = browser().get(path)
    assert page.status == 200 and page.one("main", cls="auth-page") and not page.all("live-socket")
    assert page.one("h1").text


@pytest.mark.parametrize("path", OWN)
def test_settings_pages(browser, alice, path):
    page = browser(alice).get(path)
    assert page.status == 200
    assert page.one("main", cls="page").one("h1").text
    assert len([link for link in page.one("nav", cls="nav").all("a") if "aria-current" in link.attrs]) == 1


def test_signing_in_by_form(browser, alice):
    nobody = browser()
    page = nobody.get("/accounts/login/")
    token = page.all("input", name="csrfmiddlewaretoken")[0]["value"]
    wrong = nobody.client.post("/accounts/login/", {"csrfmiddlewaretoken": token, "login": "alice", "password": "no"})
    assert b'role="alert"' in wrong.content and b'value="alice"' in wrong.content and b'value="no"' not in wrong.content
    right = {"csrfmiddlewaretoken": token, "login": "alice", "password": "let-me-talk"}
    assert nobody.client.post("/accounts/login/", right)["Location"] == "/"


def test_provider_buttons_and_the_hint_for_developers(browser):
    assert "GOOGLE_CLIENT_ID" not in browser().get("/accounts/login/").html
    with override_settings(DEBUG=True):
        assert "GOOGLE_CLIENT_ID" in browser().get("/accounts/login/").html
    providers = settings.SOCIALACCOUNT_PROVIDERS | {"github": {"APPS": [{"client_id": "a", "secret": "b"}]}}
    with override_settings(SOCIALACCOUNT_PROVIDERS=providers):
        page = browser().get("/accounts/login/")
    form = page.one("form", action="/accounts/github/login/")
    assert form["method"] == "post" and "GitHub" in form.text


def test_theme_language_and_time_zone_of_the_reader(browser, make_user):
    page = browser(make_user("dora", theme="dark", language="zh-hans", time_zone="Asia/Shanghai")).get("/")
    html = page.one("html")
    assert (html["data-theme"], html["lang"], html["data-time-zone"]) == ("dark", "zh-Hans", "Asia/Shanghai")


# ── Error pages ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("template", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html", "error.html"])
def test_error_pages_need_no_query_and_no_context(template, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert 'class="auth-page"' in render_to_string(template, {})


def test_an_unknown_path_is_not_found(browser, alice):
    for who in (browser(), browser(alice)):
        page = who.get("/no/such/page/")
        assert page.status == 404 and page.one("main", cls="auth-page")


def test_a_page_that_does_not_exist_leads_signed_out_people_to_the_sign_in(client, alice):
    signed_out = client.get("/nowhere/").content.decode()
    assert 'href="/accounts/login/">Sign in</a>' in signed_out and "Back to chats" not in signed_out
    client.force_login(alice)
    assert '<a class="btn quiet" href="/">Back to chats</a>' in client.get("/nowhere/").content.decode()
