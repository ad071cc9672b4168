"""Tests that sign-in pages and endpoints do not reveal whether an account exists or whether its e-mail is confirmed.

Also tests the counting of sign-in attempts, look-alike user names, and that the header X-Forwarded-Proto is trusted
only if a trusted proxy has sent it.
"""

from __future__ import annotations

import re

import pytest
from allauth.account import app_settings
from allauth.account.models import EmailAddress
from allauth.core import context
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.forms import RequestLoginCodeForm
from accounts.models import User
from tests.servers import PASSWORD


@pytest.fixture
def email_confirmation_required(settings):
    cache.clear()  # allauth sends only one mail to an address within three minutes
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert app_settings.EMAIL_VERIFICATION == "mandatory"


def visible_part(answer) -> tuple:
    """Returns the status and text of a response, as a pair. Two responses with equal pairs look the same to a user.

    The CSRF token and the nonces (random values that differ in each response) are removed from the text. The user names
    and e-mail addresses that the tests send are replaced by `…`.
    """
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|nonce="[^"]+"|nonce-[^\']+', "", answer.content.decode())
    return answer.status_code, re.sub(r"new-here|alice@example\.org|nobody@example\.org", "…", text)


def sign_in(login: str, password: str = PASSWORD, client: Client | None = None):
    return (client or Client()).post("/accounts/login/", {"login": login, "password": password})


# ── Unconfirmed addresses ──────────────────────────────────────────────────────────────────────────────────────────
def test_the_sign_in_page_does_not_reveal_an_unconfirmed_account(make_user, email_confirmation_required):
    user = make_user("new-here", email="alice@example.org")
    EmailAddress.objects.create(user=user, email="alice@example.org", verified=False, primary=True)
    known = visible_part(sign_in("alice@example.org"))
    assert known == visible_part(sign_in("nobody@example.org"))
    assert "your email address isn’t confirmed yet" in known[1]


def test_signing_in_unconfirmed_sends_the_confirmation_mail_again(make_user, email_confirmation_required):
    user = make_user("new-here", email="alice@example.org")
    EmailAddress.objects.create(user=user, email="alice@example.org", verified=False, primary=True)
    client = Client()
    sign_in("new-here", client=client)
    link = re.search(r"http://localhost:8000(/accounts/confirm-email/\S+)", mail.outbox[0].body)
    client.post(link[1])
    assert sign_in("new-here", client=client).status_code == 302
    assert client.get("/api/v1/me/").status_code == 200


def test_a_confirmation_link_of_another_user_signs_nobody_out(make_user, email_confirmation_required):
    """Bob opens alice's link, for example because mallory has sent it to him. He stays signed in, and alice is not."""
    alice, bob = make_user("alice", name="Alice"), make_user("bob", name="Bob")
    address = EmailAddress.objects.create(user=alice, email="alice@example.org", verified=False, primary=True)
    with context.request_context(RequestFactory().get("/")):
        address.send_confirmation()
    link = re.search(r"http://localhost:8000(/accounts/confirm-email/\S+)", mail.outbox[0].body)
    client = Client()
    client.force_login(bob)
    page = client.get(link[1]).content.decode()
    assert client.get("/").wsgi_request.user == bob, "opening the link changes nothing"
    assert "Is alice@example.org the email address of Alice?" in page
    assert "You’re signed in as Bob and stay signed in. Only the address of Alice is confirmed." in page
    own_client = Client()
    own_client.force_login(alice)
    for other_client in (own_client, Client()):
        page = other_client.get(link[1]).content.decode()
        assert "Is alice@example.org the email address of Alice?" in page and "stay signed in" not in page
    client.post(link[1])
    address.refresh_from_db()
    assert address.verified
    assert client.get("/").wsgi_request.user == bob


def test_a_sign_in_code_is_sent_to_confirmed_addresses_only(make_user, email_confirmation_required, settings):
    """No sign-in code is sent to an e-mail address that its account has not confirmed.

    An attacker may have created the account with somebody else's address. If the real owner of the address signed in
    with a code, the address would be confirmed, and the attacker, who knows the password, could use the owner's
    account.
    """
    planted = make_user("planted", email="alice@example.org")
    EmailAddress.objects.create(user=planted, email="alice@example.org", verified=False, primary=True)

    def found():
        cache.clear()
        with context.request_context(RequestFactory().post("/accounts/login/code/")):
            form = RequestLoginCodeForm({"email": "alice@example.org"})
            assert form.is_valid()  # the form is valid for an unknown address, too
            return form._user

    assert found() is None
    EmailAddress.objects.update(verified=True)
    assert found() == planted
    assert settings.ACCOUNT_FORMS["request_login_code"] == "accounts.forms.RequestLoginCodeForm"


def test_a_user_without_address_needs_no_confirmation(make_user, email_confirmation_required, api):
    """Users without an e-mail address can sign in, although other users must confirm their e-mail address first.

    Such users signed up with WeChat and set a password, or were created by the operator of the site.
    """
    make_user("wei")
    client = Client()
    sign_in("wei", client=client)
    assert client.get("/api/v1/me/").status_code == 200
    assert api.sign_in("wei")


# ── Attempts are counted per account ───────────────────────────────────────────────────────────────────────────────
def test_attempts_by_name_and_by_email_share_one_limit(make_user, rate_limits_on, api, settings):
    settings.RATES = settings.RATES | {"guess.person": (10, 10 / 60)}
    make_user("alice", email="alice@example.org")
    answers = []
    for number in range(8):
        for login in ("alice", "alice@example.org"):
            answer = api.send(
                "post", "auth/token/", {"login": login, "password": "wrong"}, REMOTE_ADDR=f"10.0.0.{number}"
            )
            answers.append(answer.status_code)
    assert answers == [401] * 16, "each login by itself was tried eight times only"
    right = {"login": "alice@example.org", "password": PASSWORD}
    assert api.send("post", "auth/token/", right, REMOTE_ADDR="10.0.9.9").status_code == 401


def test_correct_passwords_do_not_count_as_attempts(make_user, rate_limits_on, api):
    make_user("alice", email="alice@example.org")
    for _ in range(12):
        api.sign_in("alice")
        api.sign_in("alice@example.org")


# ── Forwarded headers ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("peer", "secure"), [("10.1.1.1", True), ("203.0.113.9", False)])
def test_forwarded_https_is_trusted_from_trusted_proxies_only(settings, db, peer, secure):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    answer = Client().get("/accounts/login/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO="https")
    assert answer.wsgi_request.is_secure() is secure


# ── Look-alike names ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("one", "other"), [("who", "vvho"), ("mark", "rnark"), ("Willow", "vviIIovv"), ("Mum", "rnurn")]
)
def test_letter_sequences_that_look_like_one_letter_are_taken(client, make_user, one, other):
    make_user(one)
    answer = client.post("/accounts/signup/", {"username": other, "password1": "a-long-one-77"})
    assert "taken" in answer.content.decode() and User.objects.count() == 1
