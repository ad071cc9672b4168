"""Tests of the pages of a group without scripts: invite links, avatar, announcement, pins and confirmation pages."""

from __future__ import annotations

import re
from io import BytesIO
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.models import User
from chat import actions, selectors
from chat.models import Conversation, Invite, Membership
from messenger.core import rate_limits

pytestmark = pytest.mark.usefixtures("transactional_db")  # another thread, the send queue, stores messages


def test_an_invite_link_is_created_listed_and_revoked(browser, alice, bob, group):
    path, alice_browser = f"/c/{group.pk}/settings/", browser(alice)
    made = alice_browser.post(f"/c/{group.pk}/invites/", days="7", max_uses="3", follow=True)
    url = made.one("input", cls="link-text")["value"]
    assert "used 0 of 3" in made.text
    assert alice_browser.get(path).one("input", cls="link-text")["value"] == url
    assert not browser(bob).get(path).all("input", cls="link-text")  # members see only their own links
    number = Invite.objects.get().pk
    gone = alice_browser.post(f"/c/{group.pk}/invites/{number}/revoke/", follow=True)
    assert not gone.all("input", cls="link-text")
    wrong = alice_browser.post(f"/c/{group.pk}/invites/", days="7", max_uses="many")
    assert wrong.status == 400 and wrong.one("input", id="id_max_uses")["value"] == "many"
    assert wrong.one(id="id_max_uses-error").text


def test_an_invite_link_asks_for_confirmation(browser, alice, carol, group):
    actions.update_group(alice.pk, group.pk, {"description": "Where we talk"})
    token = actions.create_invite(alice.pk, group.pk).token
    carol_browser = browser(carol)
    page = carol_browser.get(f"/i/{token}/")
    assert page.one("h2").text == "Room" and "2 members" in page.text and "Where we talk" in page.text
    assert page.response["Referrer-Policy"] == "strict-origin" and page.response["Cache-Control"] == "no-store"
    assert not Membership.objects.filter(user=carol).exists()
    joined = carol_browser.post(f"/i/{token}/", follow=True)
    assert [line.text for line in joined.messages][-1] == "You joined with an invite link from Alice"
    seen_by_alice = [line.text for line in browser(alice).get(f"/c/{group.pk}/").messages]
    assert seen_by_alice[-1] == "Carol joined with your invite link"
    assert carol_browser.get(f"/i/{token}/").response["Location"] == f"/c/{group.pk}/"


def test_sign_in_returns_to_the_invite_link(browser, alice, carol, group):
    token = actions.create_invite(alice.pk, group.pk).token
    nobody = browser()
    page = nobody.get("/accounts/login/", next=f"/i/{token}/")
    assert page.form("/accounts/login/")["next"] == f"/i/{token}/"
    assert any(f"next=%2Fi%2F{token}%2F" in link["href"] for link in page.all("a"))  # the sign-up link
    assert "Room" not in page.text
    words = "to join the group you were invited to."
    assert f"Sign in {words}" in page.text
    assert f"Create an account {words}" in nobody.get("/accounts/signup/", next=f"/i/{token}/").text
    assert words not in nobody.get("/accounts/login/", next="/c/1/").text


def test_a_signed_out_visitor_sees_what_the_invite_link_leads_to(browser, alice, group):
    """The page of an invite link shows a signed-out visitor the name, description and size of the group.

    Its main button creates an account, a quieter one signs in.
    """
    actions.update_group(alice.pk, group.pk, {"description": "Where we talk"})
    token = actions.create_invite(alice.pk, group.pk).token
    page = browser().get(f"/i/{token}/")
    assert page.status == 200 and page.one("h2").text == "Room" and page.one("span", cls="avatar")
    assert "Alice invited you." in page.text and "2 members" in page.text and "Where we talk" in page.text
    assert page.one("a", cls="brand").text == "Messenger"
    create, sign_in = page.all("a", cls="btn")
    assert (create.text, sign_in.text) == ("Create an account", "Sign in") and sign_in.classes - create.classes == {
        "quiet"
    }
    kept = f"?next=%2Fi%2F{token}%2F"
    assert create["href"] == f"/accounts/signup/{kept}" and sign_in["href"] == f"/accounts/login/{kept}"
    assert page.response["Referrer-Policy"] == "strict-origin" and page.response["Cache-Control"] == "no-store"
    assert "Bob" not in page.text  # no members, no messages


@pytest.mark.parametrize("signup", ["invite", "closed"])
def test_an_invite_link_offers_no_account_where_sign_up_is_closed(browser, alice, group, settings, signup):
    settings.SIGNUP = signup
    token = actions.create_invite(alice.pk, group.pk).token
    page = browser().get(f"/i/{token}/")
    assert [link.text for link in page.all("a", cls="btn")] == ["Sign in"]


def test_a_new_account_and_a_sign_in_continue_to_the_invite_link(alice, bob, group):
    token = actions.create_invite(alice.pk, group.pk).token
    path = f"/i/{token}/"
    newcomer = Client()
    fields = {"username": "newcomer", "password1": "let-me-talk-now", "next": path}
    assert newcomer.post("/accounts/signup/", fields)["Location"] == path
    assert "Join" in newcomer.get(path).content.decode()
    User.objects.create_user("later", password="let-me-talk-now")
    fields = {"login": "later", "password": "let-me-talk-now", "next": path}
    assert Client().post("/accounts/login/", fields)["Location"] == path


def test_a_link_that_confirms_an_email_leads_back_to_the_invite_link(alice, group, settings, mailoutbox):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    token = actions.create_invite(alice.pk, group.pk).token
    path, newcomer = f"/i/{token}/", Client()
    fields = {"username": "newcomer", "email": "new@example.org", "password1": "let-me-talk-now", "next": path}
    newcomer.post("/accounts/signup/", fields)
    url = re.search(r"https?://[^/]+(/accounts/confirm-email/\S+)", str(mailoutbox[-1].body))
    assert url and newcomer.post(url[1])["Location"] == path


def test_tries_with_wrong_links_are_limited_by_address_before_sign_in(alice, group, settings):
    settings.LIMITS = True
    rate_limits.reset_all()
    statuses = [Client().get(f"/i/wrong-{number}/").status_code for number in range(12)]
    assert statuses[:10] == [404] * 10 and statuses[-1] == 429
    rate_limits.reset_all()


def test_a_page_for_signed_out_visitors_says_what_the_site_is(browser, settings):
    settings.SITE_NAME = "Harbour"
    page = browser().get("/accounts/login/", next="/")
    assert page.one("a", cls="brand").text == "Harbour"
    assert page.one("h1").text == "Sign in" and "Harbour is for talking with people you know" in page.text
    create = next(link for link in page.all("a", cls="btn") if link.text == "Create an account")
    assert create["href"] == "/accounts/signup/?next=%2F"


def test_all_unusable_links_show_the_same_page(browser, alice, carol, group):
    token = actions.create_invite(alice.pk, group.pk).token
    actions.revoke_invite(alice.pk, group.pk, selectors.list_invites(alice.pk, group.pk)[0].id)
    carol_browser = browser(carol)
    pages = [carol_browser.get(f"/i/{token}/"), carol_browser.get("/i/x/"), carol_browser.post(f"/i/{token}/")]
    pages += [browser().get(f"/i/{token}/"), browser().get("/i/x/")]
    assert [page.status for page in pages] == [404] * 5
    assert {page.one("h1").text for page in pages} == {"This link doesn’t work"}


def test_group_avatar_by_the_settings_form(browser, alice, bob, group):
    path, alice_browser = f"/c/{group.pk}/settings/", browser(alice)
    written = BytesIO()
    Image.new("RGB", (300, 300), "teal").save(written, "PNG")
    fields = {"title": "Room", "members_may_add": "on", "members_may_pin": "on", "revisions_visible": "on"}
    picture = SimpleUploadedFile("a.png", written.getvalue(), "image/png")
    assert alice_browser.post(path, fields | {"picture": picture}).status == 302
    url = alice_browser.get(path).one("span", data_part="face").one("img")["src"]
    assert browser(bob).client.get(url).status_code == 200
    rows = browser(bob).get("/").all("a", cls="conversation-row")
    assert rows[0].one("img")["src"] == url
    wrong = alice_browser.post(
        path, fields | {"picture": SimpleUploadedFile("a.png", b"nothing", "image/png"), "title": "Kept"}
    )
    assert wrong.status == 400 and wrong.one(id="id_picture-error").text
    assert wrong.one("input", id="id_title")["value"] == "Kept"
    unsaved = fields | {"title": "Typed", "announcement": "Not saved yet", "members_may_pin": ""}
    assert alice_browser.post(path, unsaved | {"remove_picture": "on"}).status == 302
    page = alice_browser.get(path)
    assert not page.one("span", data_part="face").all("img")
    assert page.one("input", id="id_title")["value"] == "Typed"
    assert page.one("textarea", id="id_announcement").text == "Not saved yet"
    assert selectors.get_conversation(alice.pk, group.pk).announcement == ""


def test_an_announcement_is_new_until_it_is_dismissed(browser, alice, bob, group):
    actions.update_group(alice.pk, group.pk, {"announcement": "Read https://example.org/a\n<b>now</b>"})
    his, path = browser(bob), f"/c/{group.pk}/"
    bar = his.get(path).one("conversation-announcement")
    assert "hidden" not in bar.attrs and "<b>now</b>" in bar.one(cls="whole").text
    assert bar.one("a")["href"] == "https://example.org/a"
    assert "hidden" in browser(alice).get(path).one("conversation-announcement").attrs  # alice wrote it
    version = bar.one("input", name="announcement_seen")["value"]
    his.post(f"/c/{group.pk}/mine/", announcement_seen=version)
    assert "hidden" in his.get(path).one("conversation-announcement").attrs
    actions.update_group(alice.pk, group.pk, {"announcement": "Something else"})
    assert "hidden" not in his.get(path).one("conversation-announcement").attrs


def test_a_new_group_names_who_added_the_reader_until_it_is_opened(browser, alice, bob, carol, group):
    made = actions.create_group(alice.pk, "Walk", [bob.pk])
    his = browser(bob)
    first_row = his.get("/?show=unread").all("a", cls="conversation-row")[0]
    assert first_row["data-id"] == str(made.id) and first_row.one(cls="row-last").text == "Alice added you"
    assert {"added", "unread"} <= set(first_row["class"].split())
    assert "hidden" not in first_row.one(cls="dot").attrs
    page = his.get(f"/c/{made.id}/")  # a page may be requested before it is opened, so this does not count as opening
    assert "Alice created this group on" in page.one(cls="beginning").text
    assert "and added you" in page.one(cls="beginning").text
    his.post(f"/c/{made.id}/read/", seq=page.one("form", cls="mark-read").one("input", name="seq")["value"])
    row = his.get("/").one("a", cls="conversation-row", data_id=str(made.id))
    assert "added" not in row["class"].split() and row.one(cls="row-last").text == "No messages yet"
    assert "added you" not in browser(alice).get("/").one("a", cls="conversation-row", data_id=str(made.id)).text


def test_a_group_in_which_nobody_writes_stands_above_the_others_for_whom_was_added(browser, alice, carol, group, say):
    say(alice, group, "an old message")
    made = actions.create_group(carol.pk, "newer", [])
    actions.send_message(carol.pk, made.id, uuid4(), "a newer message")
    actions.add_members(alice.pk, group.pk, [carol.pk])
    rows = browser(carol).get("/").all("a", cls="conversation-row")
    assert rows[0]["data-id"] == str(group.pk) and rows[0].one(cls="row-last").text == "Alice added you"
    actions.send_message(carol.pk, group.pk, uuid4(), "hello")
    assert "added" not in browser(carol).get("/").all("a", cls="conversation-row")[0]["class"].split()


def test_an_announcement_is_formatted_as_a_message_is_everywhere(browser, alice, bob, group):
    """The bar and the group info render its Markdown; the line of the bar and the message in the log are plain text."""
    words = "Bring **gloves** and `rope`, see [the shop](https://evil.example/x)\n\n- one\n- two"
    actions.update_group(alice.pk, group.pk, {"announcement": words})
    bar = browser(bob).get(f"/c/{group.pk}/").one("conversation-announcement")
    assert bar.one(data_part="line").text == "Bring gloves and rope, see the shop one two"
    page = browser(bob).get(f"/c/{group.pk}/settings/").one(data_part="about")
    for whole in (bar.one(cls="whole"), page.one(cls="msg-text")):
        assert whole.one("strong").text == "gloves" and whole.one("code").text == "rope"
        assert [item.text for item in whole.all("li")] == ["one", "two"]
        assert whole.one("a")["title"] == "evil.example"  # the same hint of the host as in a message
    line = browser(bob).get(f"/c/{group.pk}/").one("message-log").all("li", cls="system")[-1].text
    assert "Bring gloves and rope, see the shop" in line and "**" not in line and "](" not in line
    assert "**" not in browser(bob).get("/").one("conversation-list").text


def test_pins_have_a_page_and_a_count(browser, alice, bob, group, say):
    first, second = say(alice, group, "keep **this**"), say(bob, group, "and this")
    for message in (first, second):
        actions.set_pinned(alice.pk, message.id, True)
    bob_browser = browser(bob)
    assert bob_browser.get(f"/c/{group.pk}/").one(cls="pin-tool").one(cls="num").text == "2"
    pinned = bob_browser.get(f"/c/{group.pk}/pins/")
    assert [line["data-id"] for line in pinned.one("ul", cls="pins").all("li")] == [str(second.id), str(first.id)]
    assert pinned.all("a", cls="pin")[1]["href"] == f"/c/{group.pk}/?at={first.seq}#m-{first.seq}"
    actions.delete_message(alice.pk, second.id)  # a deleted message is not pinned any more
    assert len(bob_browser.get(f"/c/{group.pk}/pins/").all("a", cls="pin")) == 1
    bob_browser.post(f"/m/{first.id}/pin/", active="")
    assert "hidden" in bob_browser.get(f"/c/{group.pk}/").one(cls="pin-tool").attrs
    actions.update_group(alice.pk, group.pk, {"members_may_pin": False})
    actions.set_pinned(alice.pk, first.id, True)
    assert not bob_browser.get(f"/c/{group.pk}/pins/").one("ul", cls="pins").all("button")


def test_confirmation_pages(browser, alice, bob, carol, group):
    alice_browser, bob_browser = browser(alice), browser(bob)
    assert "Transfer ownership to Bob?" in alice_browser.get(f"/c/{group.pk}/members/{bob.pk}/give/").text
    assert "Remove Bob from the group?" in alice_browser.get(f"/c/{group.pk}/members/{bob.pk}/remove/").text
    assert "Transfer ownership or delete the group first" in alice_browser.get(f"/c/{group.pk}/leave/").text
    assert bob_browser.get(f"/c/{group.pk}/leave/").one("form", action=f"/c/{group.pk}/members/{bob.pk}/remove/")
    assert bob_browser.get(f"/c/{group.pk}/members/{alice.pk}/give/").status == 403
    assert bob_browser.get(f"/c/{group.pk}/delete/").status == 403
    assert alice_browser.post(f"/c/{group.pk}/delete/", title="").status == 400
    assert Conversation.objects.get(pk=group.pk).deleted_at is None


def test_the_card_of_a_member(browser, alice, bob, carol, mallory, group):
    User.objects.filter(pk=bob.pk).update(bio="Servers, bread. https://bob.example")
    actions.create_group(alice.pk, "Both of us", [bob.pk])
    actions.create_group(bob.pk, "Without her", [carol.pk])
    card = browser(alice).get(f"/c/{group.pk}/members/{bob.pk}/").one(cls="card")
    assert "Servers, bread." in card.text and "@bob" in card.text
    assert [each.text for each in card.one("section", cls="card-shared").all("a")] == ["Both of us", "Room"]
    assert card.one("button", formaction=f"/c/{group.pk}/members/{bob.pk}/role/")["value"] == "admin"
    assert not browser(bob).get(f"/c/{group.pk}/members/{alice.pk}/").all("button", name="role")
    assert browser(alice).get(f"/c/{group.pk}/members/{carol.pk}/").status == 404
    assert browser(mallory).get(f"/c/{group.pk}/members/{bob.pk}/").status == 404


def test_several_people_are_selected_and_added_at_once(browser, alice, bob, carol, mallory, group):
    hers, path = browser(alice), f"/c/{group.pk}/settings/"
    page = hers.get(f"{path}?q=&user={carol.pk}&user={mallory.pk}&user={bob.pk}")
    assert [chip["data-user-id"] for chip in page.all("a", cls="chip")] == [str(carol.pk), str(mallory.pk)]  # not bob
    added = hers.post(f"/c/{group.pk}/members/add/", user_ids=[carol.pk, mallory.pk], follow=True)
    assert "2 people added." in added.one(cls="toast").text


def test_a_large_group_is_paged_and_searched(browser, alice, group):
    users = User.objects.bulk_create([User(username=f"guest{number:04}") for number in range(320)])
    actions.add_members(alice.pk, group.pk, [user.pk for user in users])
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/settings/")
    section = page.one("section", id="members")
    assert section.one("h2").text == "Members 322" and len(section.one("ul", cls="rows").all("li")) == 50
    more = next(link["href"] for link in section.all("a") if "after=" in link.attrs["href"])
    following = alice_browser.get(f"/c/{group.pk}/settings/{more.partition('#')[0]}").one("section", id="members")
    assert following.one("ul", cls="rows").all("li")[0].one("small").text.startswith("@guest0048")
    found = alice_browser.get(f"/c/{group.pk}/settings/", member="guest0300").one("section", id="members")
    assert len(found.one("ul", cls="rows").all("li")) == 1
    panel = alice_browser.get(f"/c/{group.pk}/").one("member-panel")
    assert len(panel.all("a", cls="member")) == 100 and panel["data-count"] == "322" and panel["data-after"]


def test_former_members_have_no_card(browser, alice, bob, group):
    alice_browser = browser(alice)
    card = f"/c/{group.pk}/members/{bob.pk}/"
    assert alice_browser.get(card).status == 200
    actions.remove_member(bob.pk, group.pk, bob.pk)
    for address in (card, f"{card}give/", f"{card}remove/"):
        assert alice_browser.get(address).status == 404
