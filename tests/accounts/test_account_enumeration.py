"""Doors tell nobody whether an account exists, whose e-mail is whose, and are not fooled by what a client claims."""

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
def must_confirm(settings):
    cache.clear()  # one mail to an address in three minutes
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert app_settings.EMAIL_VERIFICATION == "mandatory"


def seen(answer) -> tuple:
    """What somebody sees of an answer: without the token of its form, and with what they typed left out."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|nonce="[^"]+"|nonce-[^\']+', "", answer.content.decode())
    return answer.status_code, re.sub(r"new-here|alice@example\.org|nobody@example\.org", "…", text)


def sign_in(login: str, password: str = PASSWORD, client: Client | None = None):
    return (client or Client()).post("/accounts/login/", {"login": login, "password": password})


# ── Whoever has not confirmed an address ─────────────────────────────────────────────────────────────────────────
def test_the_sign_in_page_does_not_tell_an_unconfirmed_account_from_none(person, must_confirm):
    user = person("new-here", email="alice@example.org")
    EmailAddress.objects.create(user=user, email="alice@example.org", verified=False, primary=True)
    known = seen(sign_in("alice@example.org"))
    assert known == seen(sign_in("nobody@example.org"))
    assert "the e-mail is not confirmed yet" in known[1]


def test_but_whoever_has_the_mailbox_finds_the_link_in_it_once_more(person, must_confirm):
    user = person("new-here", email="alice@example.org")
    EmailAddress.objects.create(user=user, email="alice@example.org", verified=False, primary=True)
    client = Client()
    sign_in("new-here", client=client)
    link = re.search(r"http://localhost:8000(/accounts/confirm-email/\S+)", mail.outbox[0].body)
    client.post(link[1])
    assert sign_in("new-here", client=client).status_code == 302
    assert client.get("/api/v1/me/").status_code == 200


def test_a_code_is_sent_to_confirmed_addresses_alone(person, must_confirm, settings):
    """It would confirm the address of an account that somebody else made, who knows its password."""
    planted = person("planted", email="alice@example.org")
    EmailAddress.objects.create(user=planted, email="alice@example.org", verified=False, primary=True)

    def found():
        cache.clear()
        with context.request_context(RequestFactory().post("/accounts/login/code/")):
            form = RequestLoginCodeForm({"email": "alice@example.org"})
            assert form.is_valid()  # as for an address that nobody has
            return form._user

    assert found() is None
    EmailAddress.objects.update(verified=True)
    assert found() == planted
    assert settings.ACCOUNT_FORMS["request_login_code"] == "accounts.forms.RequestLoginCodeForm"


def test_whoever_has_no_address_has_none_to_confirm(person, must_confirm, api):
    """Who came by WeChat and set a password; who was made by the operator."""
    person("wei")
    client = Client()
    sign_in("wei", client=client)
    assert client.get("/api/v1/me/").status_code == 200
    assert api.sign_in("wei")


# ── One person's tries are one count, whatever they are called by ───────────────────────────────────────────────
def test_by_name_and_by_e_mail_together_ten_tries_and_nobody_is_told(person, limited, api):
    person("alice", email="alice@example.org")
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


def test_right_passwords_use_nothing_up(person, limited, api):
    person("alice", email="alice@example.org")
    for _ in range(12):
        api.sign_in("alice")
        api.sign_in("alice@example.org")


# ── What a client claims ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("peer", "secure"), [("10.1.1.1", True), ("203.0.113.9", False)])
def test_https_is_believed_from_our_proxies_only(settings, db, peer, secure):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    answer = Client().get("/accounts/login/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO="https")
    assert answer.wsgi_request.is_secure() is secure


# ── Names that are read as one ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("one", "other"), [("who", "vvho"), ("mark", "rnark"), ("Willow", "vviIIovv"), ("Mum", "rnurn")]
)
def test_two_letters_that_look_like_one_are_that_one(client, person, one, other):
    person(one)
    answer = client.post("/accounts/signup/", {"username": other, "password1": "a-long-one-77"})
    assert "taken" in answer.content.decode() and User.objects.count() == 1
