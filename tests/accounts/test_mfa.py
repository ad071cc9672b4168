"""Second factors and passkeys, without a browser: what each door asks for, how often, and what ends with them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.socialaccount.models import SocialAccount
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.test import Client

from accounts.auth.mfa import MFAAdapter
from accounts.models import SignIn
from tests.servers import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_of(secret: str = SECRET) -> str:
    counter = next(iter(totp.yield_hotp_counters_from_time()))
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


@pytest.fixture
def guarded(alice):
    """alice has an authenticator app, and recovery codes."""
    cache.clear()
    totp.TOTP.activate(alice, SECRET)
    RecoveryCodes.activate(alice)
    return alice


def recovery_code(user) -> str:
    return Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()[0]


def type_password(client: Client, login: str = "alice"):
    return client.post("/accounts/login/", {"login": login, "password": PASSWORD})


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_password_alone_opens_nothing(client, guarded):
    answer = type_password(client)
    assert answer.url == "/accounts/2fa/authenticate/"
    assert client.get("/api/v1/me/").status_code == 401
    assert not SignIn.objects.exists()


def test_with_the_code_one_is_in_and_the_code_is_spent(client, guarded):
    type_password(client)
    code = code_of()
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert client.get("/api/v1/me/").status_code == 200
    other = Client()
    type_password(other)
    assert other.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    assert other.get("/api/v1/me/").status_code == 401


def test_a_recovery_code_lets_in_once(client, guarded):
    code = recovery_code(guarded)
    for client, inside in ((Client(), 200), (Client(), 401)):
        type_password(client)
        client.post("/accounts/2fa/authenticate/", {"code": f" {code} "})
        assert client.get("/api/v1/me/").status_code == inside


def test_codes_cannot_be_guessed_from_many_addresses(guarded, limited):
    answers = []
    for number in range(8):
        client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        type_password(client)
        answers.append(client.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode())
    assert "Too many tries" not in answers[4] and "Too many tries" in answers[5]
    client = Client(REMOTE_ADDR="10.0.1.1")
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of()})
    assert client.get("/api/v1/me/").status_code == 401, "not even the right one, for a while"


def test_secrets_are_no_plain_text_in_the_database(guarded):
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert SECRET not in kept


# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────
def ask(api, **more):
    return api.send("post", "auth/token/", {"login": "alice", "password": PASSWORD, **more})


def test_the_api_asks_for_the_code_and_says_so(api, guarded):
    answer = ask(api)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated" and list(answer.json()["fields"]) == ["code"]
    wrong = ask(api, code="000000")
    assert wrong.status_code == 401 and list(wrong.json()["fields"]) == ["code"]
    right = ask(api, code=code_of())
    assert right.status_code == 200 and right.json()["access"]


def test_the_api_takes_a_recovery_code_once(api, guarded):
    code = recovery_code(guarded)
    assert [ask(api, code=code).status_code for _ in range(2)] == [200, 401]


def test_whoever_does_not_know_the_password_does_not_learn_of_a_second_factor(api, guarded, bob):
    wrong = {"login": "alice", "password": "not-this-one"}
    nobody = {"login": "nobody", "password": "not-this-one"}
    assert api.send("post", "auth/token/", wrong).json() == api.send("post", "auth/token/", nobody).json()


def test_codes_cannot_be_guessed_at_the_api_either(api, guarded, limited):
    answers = [ask(api, code="000000").status_code for _ in range(7)]
    assert answers[:5] == [401] * 5 and set(answers[5:]) == {429}


def test_without_a_second_factor_a_code_does_not_matter(api, bob):
    answer = api.send("post", "auth/token/", {"login": "bob", "password": PASSWORD, "code": "1"})
    assert answer.status_code == 200


def test_a_passkey_is_a_second_factor_for_the_api_too(api, alice):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.WEBAUTHN, data={})
    assert ask(api).status_code == 401


# ── What ends ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def inside(guarded) -> Client:
    client = Client()
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of()})
    assert client.get("/api/v1/me/").status_code == 200
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def test_with_the_factor_the_other_devices_go_and_their_sockets_at_once(told, inside, guarded):
    from accounts.auth import tokens

    pair = tokens.issue_token_pair(guarded)
    told.clear()
    answer = inside.post("/accounts/2fa/totp/deactivate/")
    assert answer.status_code == 302
    assert not Authenticator.objects.exists(), "recovery codes alone are no factor"
    assert inside.get("/api/v1/me/").status_code == 200, "who removed it stays"
    assert Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 401
    cut = told.cuts()[0]
    assert cut.user_id == guarded.pk and cut.keep_sign_in_id


def test_a_factor_is_not_removed_without_showing_that_it_is_you(guarded):
    client = Client()
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of()})
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    answer = client.post("/accounts/2fa/totp/deactivate/")
    assert "/reauthenticate/" in answer.url
    assert Authenticator.objects.filter(type="totp").exists()


def test_with_a_provider_the_other_devices_go(told, alice):
    from accounts.auth import tokens

    account = SocialAccount.objects.create(user=alice, provider="github", uid="1", extra_data={})
    pair = tokens.issue_token_pair(alice)
    client = Client()
    type_password(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    told.clear()
    assert client.post("/accounts/3rdparty/", {"account": account.pk}).status_code == 302
    assert not SocialAccount.objects.exists()
    assert told.cuts()
    assert client.get("/api/v1/me/").status_code == 200
    assert Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 401


@pytest.mark.parametrize("what", ["edit", "remove"])
def test_somebody_elses_passkey_is_not_there(alice, bob, what):
    key = Authenticator.objects.create(user=bob, type=Authenticator.Type.WEBAUTHN, data={"name": "Bob's"})
    client = Client()
    type_password(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    for method in (client.get, client.post):
        assert method(f"/accounts/2fa/webauthn/keys/{key.pk}/{what}/", {"name": "mine"}).status_code == 404
    assert Authenticator.objects.get().data == {"name": "Bob's"}


# ── Setting up ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_app_is_set_up_with_its_first_code(alice):
    client = Client()
    type_password(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert secret in page.content.decode() and "data:image/svg+xml" in page.content.decode()
    wrong = client.post("/accounts/2fa/totp/activate/", {"code": "000000"})
    assert wrong.status_code == 200 and secret in wrong.content.decode(), "the same one, still"
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)
    codes = answer.context["unused_codes"]
    assert len(codes) == 10 and codes[0] in answer.content.decode()
    text = client.get("/accounts/2fa/recovery-codes/download/").content.decode()
    assert codes[0] in text and "{%" not in text


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", '"x"', "null", '{"response": {"userHandle": null}}', "nonsense"]
)
def test_a_passkey_that_is_none_opens_nothing_and_breaks_nothing(client, alice, credential):
    client.get("/accounts/2fa/webauthn/login/", HTTP_ACCEPT="application/json")
    answer = client.post("/accounts/2fa/webauthn/login/", {"credential": credential})
    assert answer.status_code == 302 and answer.url == "/accounts/login/"
    assert client.get("/api/v1/me/").status_code == 401


def test_secrets_of_the_first_release_can_still_be_decrypted(settings):
    """The key must not follow a renamed module."""
    key = urlsafe_b64encode(sha256(f"accounts.factors:{settings.SECRET_KEY}".encode()).digest())
    assert MFAAdapter().decrypt(Fernet(key).encrypt(b"secret").decode()) == "secret"
