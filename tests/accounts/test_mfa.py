"""Tests of second factors and passkeys, without a browser.

A second factor is, for example, an authenticator app: after the password, the user must enter a code from the app. The
tests cover when a code is required, how many wrong codes are allowed, and that a change of second factors signs the
user out on all other devices.
"""

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
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.auth.mfa import MFAAdapter
from accounts.models import SignIn
from audit.models import AuditEntry
from tests.servers import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_of(secret: str = SECRET) -> str:
    counter = next(iter(totp.yield_hotp_counters_from_time()))
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


@pytest.fixture
def mfa_user(alice):
    """Returns alice, who has an authenticator app and recovery codes."""
    cache.clear()
    totp.TOTP.activate(alice, SECRET)
    RecoveryCodes.activate(alice)
    return alice


def recovery_code(user) -> str:
    return Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()[0]


def type_password(client: Client, login: str = "alice"):
    return client.post("/accounts/login/", {"login": login, "password": PASSWORD})


# ── The page ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_password_alone_does_not_sign_in(client, mfa_user):
    answer = type_password(client)
    assert answer.url == "/accounts/2fa/authenticate/"
    assert client.get("/api/v1/me/").status_code == 401
    assert not SignIn.objects.exists()


def test_a_code_signs_in_and_works_once(client, mfa_user):
    type_password(client)
    code = code_of()
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert client.get("/api/v1/me/").status_code == 200
    other = Client()
    type_password(other)
    assert other.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    assert other.get("/api/v1/me/").status_code == 401


def test_a_recovery_code_works_once(client, mfa_user):
    code = recovery_code(mfa_user)
    for client, inside in ((Client(), 200), (Client(), 401)):
        type_password(client)
        client.post("/accounts/2fa/authenticate/", {"code": f" {code} "})
        assert client.get("/api/v1/me/").status_code == inside


def test_code_guesses_are_limited_across_addresses(mfa_user, rate_limits_on):
    answers = []
    for number in range(8):
        client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        type_password(client)
        answers.append(client.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode())
    assert "Too many attempts" not in answers[4] and "Too many attempts" in answers[5]
    client = Client(REMOTE_ADDR="10.0.1.1")
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of()})
    assert client.get("/api/v1/me/").status_code == 401, "not even the right one, for a while"


def test_secrets_are_encrypted_in_the_database(mfa_user):
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert SECRET not in kept


# ── The API ────────────────────────────────────────────────────────────────────────────────────────────────────────
def ask(api, **more):
    return api.send("post", "auth/token/", {"login": "alice", "password": PASSWORD, **more})


def test_the_api_requires_the_code(api, mfa_user):
    answer = ask(api)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated" and list(answer.json()["fields"]) == ["code"]
    wrong = ask(api, code="000000")
    assert wrong.status_code == 401 and list(wrong.json()["fields"]) == ["code"]
    right = ask(api, code=code_of())
    assert right.status_code == 200 and right.json()["access"]


def test_the_api_accepts_a_recovery_code_once(api, mfa_user):
    code = recovery_code(mfa_user)
    assert [ask(api, code=code).status_code for _ in range(2)] == [200, 401]


def test_a_wrong_password_does_not_reveal_the_second_factor(api, mfa_user, bob):
    wrong = {"login": "alice", "password": "not-this-one"}
    nobody = {"login": "nobody", "password": "not-this-one"}
    assert api.send("post", "auth/token/", wrong).json() == api.send("post", "auth/token/", nobody).json()


def test_code_guesses_are_limited_in_the_api(api, mfa_user, rate_limits_on):
    answers = [ask(api, code="000000").status_code for _ in range(7)]
    assert answers[:5] == [401] * 5 and set(answers[5:]) == {429}


def test_a_code_is_ignored_without_a_second_factor(api, bob):
    answer = api.send("post", "auth/token/", {"login": "bob", "password": PASSWORD, "code": "1"})
    assert answer.status_code == 200


def test_a_passkey_counts_as_second_factor_in_the_api(api, alice):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.WEBAUTHN, data={})
    assert ask(api).status_code == 401


# ── Ended sign-ins ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def signed_in_client(mfa_user) -> Client:
    client = Client()
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of()})
    assert client.get("/api/v1/me/").status_code == 200
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def test_changing_the_factor_ends_other_sign_ins_and_sockets(published_events, signed_in_client, mfa_user):
    from accounts.auth import tokens

    token_pair = tokens.issue_token_pair(mfa_user)
    published_events.clear()
    answer = signed_in_client.post("/accounts/2fa/totp/deactivate/")
    assert answer.status_code == 302
    assert not Authenticator.objects.exists(), "recovery codes alone are no factor"
    assert signed_in_client.get("/api/v1/me/").status_code == 200, "who removed it stays"
    assert Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {token_pair.access}").status_code == 401
    cut = published_events.disconnects()[0]
    assert cut.user_id == mfa_user.pk and cut.keep_sign_in_id


def test_removing_a_factor_requires_reauthentication(mfa_user):
    client = Client()
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of()})
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    answer = client.post("/accounts/2fa/totp/deactivate/")
    assert "/reauthenticate/" in answer.url
    assert Authenticator.objects.filter(type="totp").exists()


def test_removing_a_provider_ends_other_sign_ins(published_events, alice):
    from accounts.auth import tokens

    account = SocialAccount.objects.create(user=alice, provider="github", uid="1", extra_data={})
    token_pair = tokens.issue_token_pair(alice)
    client = Client()
    type_password(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    published_events.clear()
    assert client.post("/accounts/3rdparty/", {"account": account.pk}).status_code == 302
    assert not SocialAccount.objects.exists()
    assert published_events.disconnects()
    assert client.get("/api/v1/me/").status_code == 200
    assert Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {token_pair.access}").status_code == 401


@pytest.mark.parametrize("what", ["edit", "remove"])
def test_a_passkey_of_another_user_is_404(alice, bob, what):
    key = Authenticator.objects.create(user=bob, type=Authenticator.Type.WEBAUTHN, data={"name": "Bob's"})
    client = Client()
    type_password(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    for method in (client.get, client.post):
        assert method(f"/accounts/2fa/webauthn/keys/{key.pk}/{what}/", {"name": "mine"}).status_code == 404
    assert Authenticator.objects.get().data == {"name": "Bob's"}


# ── Setting up ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_setting_up_an_app_requires_its_first_code(alice):
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
def test_an_invalid_passkey_is_rejected(client, alice, credential):
    client.get("/accounts/2fa/webauthn/login/", HTTP_ACCEPT="application/json")
    answer = client.post("/accounts/2fa/webauthn/login/", {"credential": credential})
    assert answer.status_code == 302 and answer.url == "/accounts/login/"
    assert client.get("/api/v1/me/").status_code == 401


# ── A secret that can no longer be read ────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def unreadable(mfa_user, settings):
    """Returns alice, whose second factors were encrypted with another SECRET_KEY than that of the site."""
    settings.SECRET_KEY = "a key that was not used when the secrets were stored, of many letters"
    return mfa_user


def codes_of_an_empty_secret() -> list[str]:
    seed = RecoveryCodes(Authenticator(type="recovery_codes", data={"seed": MFAAdapter().encrypt(""), "used_mask": 0}))
    return [code_of(""), *seed.get_unused_codes()]


def test_no_code_is_accepted_for_a_secret_that_cannot_be_read(unreadable):
    """Codes of an empty secret, which everybody can compute, must not be valid instead."""
    for code in codes_of_an_empty_secret():
        cache.clear()  # the limit of wrong codes
        client = Client()
        type_password(client)
        page = client.post("/accounts/2fa/authenticate/", {"code": code}).content.decode()
        assert "can no longer be checked. Ask an administrator" in page
        body = {"login": "alice", "password": PASSWORD, "code": code}
        answer = client.post("/api/v1/auth/token/", json.dumps(body), content_type="application/json")
        assert answer.status_code == 401 and "Ask an administrator" in answer.content.decode()
        assert client.get("/api/v1/me/").status_code == 401


def test_pages_say_that_recovery_codes_cannot_be_read_and_make_new_ones(unreadable):
    client = Client()
    client.force_login(unreadable)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert "10 left" not in client.get("/accounts/2fa/").content.decode()
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    assert "can no longer be read" in page and 'class="codes"' not in page
    assert client.get("/accounts/2fa/recovery-codes/download/").status_code == 404
    assert client.get("/accounts/2fa/recovery-codes/generate/").status_code == 200
    client.post("/accounts/2fa/recovery-codes/generate/")
    assert 'class="codes"' in client.get("/accounts/2fa/recovery-codes/").content.decode()


def test_an_operator_removes_second_factors_that_are_lost(mfa_user, capsys):
    client = Client()
    client.force_login(mfa_user)
    call_command("remove_second_factors", "Alice", "--reason", "lost the phone")
    assert "Removed: 2" in capsys.readouterr().out
    assert client.get("/api/v1/me/").status_code == 401, "whoever was signed in may have been somebody else"
    assert type_password(client).url == "/"
    entry = AuditEntry.objects.get(action="factors.remove")
    assert (entry.target_id, entry.reason) == (str(mfa_user.pk), "lost the phone")
    for name, error in (("alice", "has no second factor"), ("nobody", "no person")):
        with pytest.raises(CommandError, match=error):
            call_command("remove_second_factors", name)


def test_a_code_of_an_app_works_once_also_after_the_cache_was_emptied(client, mfa_user):
    """The code of the next 30 seconds is valid already, and stays so for 90."""
    counters = list(totp.yield_hotp_counters_from_time())
    code = totp.format_hotp_value(totp.hotp_value(SECRET, counters[-1]))
    type_password(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    cache.clear()
    for used in (code, code_of()):  # the same, and an older one
        other = Client()
        type_password(other)
        assert "Incorrect code" in other.post("/accounts/2fa/authenticate/", {"code": used}).content.decode()
        body = {"login": "alice", "password": PASSWORD, "code": used}
        assert other.post("/api/v1/auth/token/", json.dumps(body), content_type="application/json").status_code == 401


def test_secrets_of_the_first_release_can_still_be_decrypted(settings):
    """Secrets of second factors that version 0.1.0 encrypted can be decrypted.

    The encryption key is derived from SECRET_KEY and a fixed text, so that it stays the same when modules are renamed.
    """
    key = urlsafe_b64encode(sha256(f"accounts.factors:{settings.SECRET_KEY}".encode()).digest())
    assert MFAAdapter().decrypt(Fernet(key).encrypt(b"secret").decode()) == "secret"
