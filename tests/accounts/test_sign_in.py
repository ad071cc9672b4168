"""Tests of signing in on the page and through the API (which returns tokens), and of signing out on any device.

Also tests that no response to a failed sign-in reveals whether an account exists.
"""

from http.cookies import SimpleCookie

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.management import call_command
from django.test import Client

from accounts.auth import auth_backends, sign_ins
from accounts.models import SignIn, User
from tests.servers import PASSWORD


@pytest.fixture
def alices_browser(alice):
    return signed_in("alice")


def signed_in(login: str, password: str = PASSWORD, **extra) -> Client:
    client = Client()
    answer = client.post("/accounts/login/", {"login": login, "password": password}, **extra)
    assert answer.status_code == 302, answer.context["form"].errors
    return client


def is_signed_in(client) -> bool:
    return client.get("/api/v1/me/").status_code == 200


def sign_in_id(client) -> str:
    return client.session["sign_in"]


@pytest.mark.parametrize("login", ["alice", "ALICE", "Alice@Example.com", "ａｌｉｃｅ"])
def test_user_name_and_email_sign_in_on_page_and_api(api, make_user, login):
    make_user("alice", email="alice@example.com")
    assert is_signed_in(signed_in(login))
    assert api.sign_in(login).keys() == {"access", "refresh", "expires_in"}


@pytest.mark.parametrize("login", ["alice", "nobody", "alice@example.com", "nobody@example.com", "x" * 254])
def test_a_wrong_password_and_an_unknown_user_give_the_same_error(client, api, make_user, login):
    make_user("alice", email="alice@example.com")
    answer = api.send("post", "auth/token/", {"login": login, "password": "wrong"})
    assert answer.status_code == 401
    assert answer.json() == {"code": "unauthenticated", "detail": "Wrong username or password."}
    assert answer["WWW-Authenticate"]
    page = client.post("/accounts/login/", {"login": login, "password": "wrong"})
    assert page.context["form"].non_field_errors() == ["Wrong username or password."]
    assert page.context["form"]["login"].value() == login  # the input is kept


@pytest.mark.parametrize("login", ["alice", "nobody", "alice@example.com", "nobody@example.com", "gina"])
def test_every_attempt_hashes_one_password(make_user, hashed_passwords, login):
    make_user("alice", email="alice@example.com")
    gina = make_user("gina")
    gina.set_unusable_password()  # as after a sign-up with Google
    gina.save()
    hashed_passwords.clear()
    assert auth_backends.check_password(login, "wrong") is None
    assert len(hashed_passwords) == 1


def test_cookies_are_httponly_and_lax(alices_browser):
    cookie = alices_browser.cookies[django_settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["secure"]


def test_a_sign_in_stores_address_and_browser_name(alice):
    signed_in("alice", headers={"user-agent": "Tester/1"}, REMOTE_ADDR="192.0.2.7")
    row = alice.sign_ins.get()
    assert (row.kind, row.user_agent, row.address) == ("browser", "Tester/1", "192.0.2.7")


def test_signing_out_ends_the_sign_in_and_disconnects_its_sockets(published_events, alice, alices_browser):
    row = sign_in_id(alices_browser)
    stolen = SimpleCookie(alices_browser.cookies.output(header=""))
    alices_browser.post("/accounts/logout/")
    assert SignIn.objects.get(pk=row).ended_at
    assert [(cut.user_id, cut.code, cut.sign_in_id) for cut in published_events.disconnects()] == [
        (alice.pk, 4401, row)
    ]
    thief = Client()
    thief.cookies = stolen
    assert not is_signed_in(thief)


def test_a_session_without_its_sign_in_is_anonymous(alices_browser):
    """If the sign-in of a browser (a `SignIn` row) has ended, the browser is signed out, even if it has a session.

    The session can still exist in Redis, for example if Redis could not be reached when the sign-in ended.
    """
    SignIn.objects.update(ended_at="2026-01-01T00:00Z")
    assert not is_signed_in(alices_browser)
    assert alices_browser.get("/settings/").status_code == 302


def test_a_sign_in_cannot_be_used_by_another_session(alices_browser, bob):
    bobs = signed_in("bob")
    session = bobs.session
    session["sign_in"] = sign_in_id(alices_browser)
    session.save()
    assert not is_signed_in(bobs)


def test_a_password_change_ends_all_other_sign_ins(published_events, alice, alices_browser, make_api):
    phone, app = signed_in("alice"), make_api(alice)
    new = "quite another password"
    answer = alices_browser.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}
    )
    assert answer.status_code == 302
    assert is_signed_in(alices_browser)
    assert not is_signed_in(phone)
    assert app.send("get", "me/").status_code == 401
    assert SignIn.objects.filter(ended_at=None).count() == 1
    (cut,) = published_events.disconnects()
    assert (cut.user_id, cut.code, cut.keep_sign_in_id) == (alice.pk, 4401, sign_in_id(alices_browser))


def test_a_password_changed_by_command_ends_all_sign_ins(alice, alices_browser, make_api, monkeypatch):
    app = make_api(alice)
    monkeypatch.setattr("getpass.getpass", lambda prompt="": "quite another password")
    call_command("changepassword", "alice")
    assert not is_signed_in(alices_browser)
    assert app.send("get", "me/").status_code == 401
    assert app.send("post", "auth/token/session/").status_code == 401


def test_a_reset_link_works_once_and_ends_all_sign_ins(published_events, make_user, make_api, settings):
    alice = make_user("alice", email="alice@example.com")
    settings.ALLOWED_HOSTS = ["*"]
    app, browser = make_api(alice), Client()
    browser.post("/accounts/password/reset/", {"email": "alice@example.com"}, headers={"host": "evil.example"})
    (link,) = [word for word in mail.outbox[0].body.split() if "/password/reset/key/" in word]
    assert link.startswith("http://localhost:8000/accounts/password/reset/key/")
    path = link.removeprefix("http://localhost:8000")
    form = browser.get(path).url
    new = "quite another password"
    assert browser.post(form, {"password1": new, "password2": new}).status_code == 302
    assert app.send("get", "me/").status_code == 401
    assert (
        published_events.disconnects()[-1].user_id == alice.pk
        and published_events.disconnects()[-1].keep_sign_in_id == ""
    )
    again = Client()
    answer = again.get(path)
    assert answer.status_code == 200 and answer.context["token_fail"]
    signed_in("alice", new)


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_a_reset_request_does_not_reveal_accounts(client, make_user, email):
    make_user("alice", email="alice@example.com")
    answer = client.post("/accounts/password/reset/", {"email": email})
    assert answer.status_code == 302 and answer.url == "/accounts/password/reset/done/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_next_does_not_redirect_to_other_sites(alice, target):
    answer = Client().post(f"/accounts/login/?next={target}", {"login": "alice", "password": PASSWORD, "next": target})
    assert answer.status_code == 302 and answer.url == "/"


def test_the_session_list_shows_open_sign_ins_and_the_current_one(alice, alices_browser, make_api):
    app = make_api(alice)
    rows = app.send("get", "sessions/").json()
    assert rows["next"] is None
    assert [(row["kind"], row["current"]) for row in rows["results"]] == [("token", True), ("browser", False)]
    assert rows["results"][0].keys() == {"id", "kind", "user_agent", "address", "created_at", "last_used_at", "current"}
    page = alices_browser.get("/settings/sessions/")
    assert len(page.context["devices"]) == 2 and str(page.context["current_id"]) == sign_in_id(alices_browser)
    # The page for signing out also deletes what the browser stores of the user.
    assert 'href="/accounts/logout/"' in page.content.decode()
    assert f"/settings/sessions/{sign_in_id(alices_browser)}/end/" not in page.content.decode()


def test_an_own_sign_in_can_be_ended_from_another_device(published_events, alice, alices_browser, make_api):
    app = make_api(alice)
    assert app.send("delete", f"sessions/{sign_in_id(alices_browser)}/").status_code == 204
    assert published_events.disconnects()[0].sign_in_id == published_events.disconnects()[0].sign_in_id != ""
    assert not is_signed_in(alices_browser)
    assert app.send("get", "me/").status_code == 200


def test_ending_the_current_sign_in_signs_out(alices_browser):
    answer = alices_browser.post(f"/settings/sessions/{sign_in_id(alices_browser)}/end/")
    assert answer.url == "account_login" or "/accounts/login/" in answer.url
    assert not is_signed_in(alices_browser)


def test_all_other_sign_ins_can_be_ended_on_page_and_api(alice, alices_browser, make_api):
    app, other = make_api(alice), make_api(alice)
    assert app.send("delete", "sessions/").status_code == 204
    assert not is_signed_in(alices_browser) and other.send("get", "me/").status_code == 401
    browser = signed_in("alice")
    browser.post("/settings/sessions/end/")
    assert app.send("get", "me/").status_code == 401 and is_signed_in(browser)


@pytest.mark.parametrize("what", ["somebody else's", "unknown", "ended", "no id at all"])
def test_a_sign_in_of_another_user_is_404(make_api, alice, bob, what):
    app, bobs = make_api(alice), make_api(bob)
    theirs = bob.sign_ins.get()
    if what == "ended":
        theirs = sign_ins.start_sign_in(alice, SignIn.Kind.TOKEN)
        sign_ins.end_sign_ins(alice.pk, theirs.pk)
    path = {"unknown": "00000000-0000-4000-8000-000000000000", "no id at all": "x"}.get(what, theirs.pk)
    answer = app.send("delete", f"sessions/{path}/")
    assert answer.status_code == 404 and answer.json() == {"code": "not_found", "detail": "Not found."}
    assert bobs.send("get", "me/").status_code == 200


def test_signing_in_again_in_the_same_browser_keeps_the_sign_in(alice, alices_browser):
    row = sign_in_id(alices_browser)
    alices_browser.force_login(alice)
    assert sign_in_id(alices_browser) == row and SignIn.objects.count() == 1


def test_another_user_in_the_same_browser_is_another_sign_in(alice, bob, alices_browser):
    alices_browser.force_login(bob)
    assert {row.user_id for row in SignIn.objects.all()} == {alice.pk, bob.pk}
    assert alices_browser.get("/api/v1/me/").json()["username"] == "bob"


def test_last_used_is_written_rarely(alices_browser, django_assert_num_queries):
    alices_browser.get("/api/v1/me/")
    with django_assert_num_queries(2):  # reads the session, and the sign-in with its user
        alices_browser.get("/api/v1/me/")
    SignIn.objects.update(last_used_at="2026-01-01T00:00Z")
    expires = alices_browser.session.get_expiry_date()
    alices_browser.get("/api/v1/me/")
    assert SignIn.objects.get().last_used_at.year > 2025 or SignIn.objects.get().last_used_at.month > 1
    assert alices_browser.session.get_expiry_date() >= expires


def test_an_anonymous_request_makes_no_query(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/api/v1/me/")
        client.get("/accounts/login/")


def test_suspended_users_get_the_reason_on_page_and_api(alice, client, api):
    User.objects.update(is_active=False)
    answer = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert answer.url == "/accounts/suspended/"
    error = api.send("post", "auth/token/", {"login": "alice", "password": PASSWORD})
    assert error.status_code == 403 and error.json()["detail"] == "This account is suspended."
    assert api.send("post", "auth/token/", {"login": "alice", "password": "wrong"}).status_code == 401
