"""Tests of access tokens and refresh tokens: lifetimes, forged tokens, and refresh tokens that are used twice.

Each refresh returns a new pair of tokens; the old refresh token becomes invalid.
"""

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.auth import tokens
from accounts.models import SignIn
from messenger.core.errors import ApplicationError
from tests.servers import PASSWORD


def claims(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def signed(key: str = "", algorithm: str = "HS256", **payload) -> str:
    return jwt.encode(payload, key or django_settings.SECRET_KEY, algorithm=algorithm)


def unsigned(payload: dict, header: dict) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, payload)]
    return ".".join([*parts, ""])


def refresh(api, token: str):
    return api.send("post", "auth/token/refresh/", {"refresh": token})


def test_both_tokens_contain_their_sign_in(api, alice):
    token_pair = api.sign_in("alice")
    row = alice.sign_ins.get()
    assert claims(token_pair["access"])["sid"] == claims(token_pair["refresh"])["sid"] == row.pk.hex
    assert claims(token_pair["refresh"])["jti"] == row.refresh_id.hex
    assert claims(token_pair["access"]).keys() == {
        "token_type",
        "exp",
        "iat",
        "jti",
        "user_id",
        "sid",
    }  # no personal data


def test_lifetimes_are_configurable(api, alice, settings):
    token_pair = api.sign_in("alice")
    access, refresh = claims(token_pair["access"]), claims(token_pair["refresh"])
    assert access["exp"] - access["iat"] == settings.ACCESS_TOKEN_MINUTES * 60
    assert refresh["exp"] - refresh["iat"] == settings.REFRESH_TOKEN_DAYS * 86400


def test_a_refresh_returns_a_new_pair_and_invalidates_the_old_token(api, alice):
    first = api.sign_in("alice")
    answer = api.send("post", "auth/token/refresh/", {"refresh": first["refresh"]})
    assert answer.status_code == 200 and answer.json()["refresh"] != first["refresh"]
    assert answer["Cache-Control"] == "no-store"
    assert SignIn.objects.count() == 1
    again = api.send("post", "auth/token/refresh/", {"refresh": answer.json()["refresh"]})
    assert again.status_code == 200


@pytest.fixture
def later(monkeypatch):
    """Returns a function that moves the clock forward by a number of seconds."""

    def pass_time(seconds: float) -> None:
        now = timezone.now() + timedelta(seconds=seconds)
        monkeypatch.setattr(tokens.timezone, "now", lambda: now)

    return pass_time


def test_a_refresh_token_sent_again_within_30_seconds_returns_the_same_pair(published_events, api, alice, later):
    first = api.sign_in("alice")
    second = refresh(api, first["refresh"]).json()
    later(29)
    repeated = refresh(api, first["refresh"])
    assert repeated.status_code == 200
    assert [repeated.json()[name] for name in ("access", "refresh")] == [second["access"], second["refresh"]]
    assert 0 < repeated.json()["expires_in"] <= second["expires_in"] - 28
    api.access = repeated.json()["access"]
    assert api.send("get", "me/").status_code == 200 and published_events.disconnects() == []
    third = refresh(api, second["refresh"]).json()
    assert third["refresh"] != second["refresh"] and third["access"] != second["access"]
    assert refresh(api, second["refresh"]).json()["refresh"] == third["refresh"]  # also for a pair of a refresh


@pytest.mark.parametrize("age", [0, 2, 29])
def test_a_used_refresh_token_ends_the_sign_in_once_its_successor_was_used(api, alice, later, age):
    first = api.sign_in("alice")
    second = refresh(api, first["refresh"]).json()
    third = refresh(api, second["refresh"]).json()
    later(age)
    assert refresh(api, first["refresh"]).status_code == 401
    assert refresh(api, third["refresh"]).status_code == 401
    assert alice.sign_ins.get().ended_at


def test_the_time_of_a_used_refresh_token_does_not_begin_again(api, alice, later):
    """A used refresh token returns the same new tokens again for 30 seconds after its first use.

    Using it again within this time, or sending requests with the new access token, does not make this time longer.
    """
    first = api.sign_in("alice")
    api.access = refresh(api, first["refresh"]).json()["access"]
    later(25)
    assert refresh(api, first["refresh"]).status_code == 200
    SignIn.objects.update(last_used_at=tokens.timezone.now())
    later(20)
    assert refresh(api, first["refresh"]).status_code == 401


def test_the_new_refresh_token_cannot_be_derived_from_what_is_stored(api, alice):
    """The database row of a sign-in contains only the id of the refresh token, not the token itself.

    A token that is made from this id without SECRET_KEY has no valid signature.
    """
    first = api.sign_in("alice")
    second = refresh(api, first["refresh"]).json()
    stored = " ".join(str(value) for value in SignIn.objects.values().get().values())
    assert second["refresh"] not in stored and second["access"] not in stored
    assert refresh(api, signed(key="x" * 64, **claims(second["refresh"]))).status_code == 401


def test_answers_with_tokens_say_how_long_the_access_token_is_valid(api, alice, settings):
    signed_in = api.sign_in("alice")
    for pair in (signed_in, refresh(api, signed_in["refresh"]).json()):
        assert settings.ACCESS_TOKEN_MINUTES * 60 - 2 <= pair["expires_in"] <= settings.ACCESS_TOKEN_MINUTES * 60
        assert abs(claims(pair["access"])["exp"] - time.time() - pair["expires_in"]) <= 2


def test_reusing_a_refresh_token_later_ends_the_sign_in(published_events, api, alice, later):
    first = api.sign_in("alice")
    second = api.send("post", "auth/token/refresh/", {"refresh": first["refresh"]}).json()
    later(31)
    api.access = second["access"]
    assert api.send("get", "me/").status_code == 200
    stolen = api.send("post", "auth/token/refresh/", {"refresh": first["refresh"]})
    assert stolen.status_code == 401 and stolen.json()["code"] == "unauthenticated"
    assert api.send("get", "me/").status_code == 401
    assert api.send("post", "auth/token/refresh/", {"refresh": second["refresh"]}).status_code == 401
    assert [(cut.user_id, cut.code) for cut in published_events.disconnects()] == [(alice.pk, 4401)]


def test_concurrent_refreshes_return_the_same_pair(each_database, alice):
    from django.db import connection

    token_pair = tokens.issue_token_pair(alice)
    gate, pairs = threading.Barrier(8), []

    def refresh():
        gate.wait()
        try:
            pairs.append(tokens.refresh_token_pair(token_pair.refresh))
        finally:
            connection.close()

    threads = [threading.Thread(target=refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(pairs) == 8 and len({(pair.access, pair.refresh) for pair in pairs}) == 1
    assert tokens.refresh_token_pair(pairs[0].refresh).refresh != pairs[0].refresh
    with pytest.raises(ApplicationError):  # the new token was used: the old one may be stolen
        tokens.refresh_token_pair(token_pair.refresh)
    assert SignIn.objects.get().ended_at


# ── Clients of simplejwt ─────────────────────────────────────────────────────────────────────────────────────────
def test_the_login_may_be_sent_as_username(api, make_user):
    make_user("anna", email="anna@example.org")
    for login in ("anna", "ANNA", "anna@example.org"):
        answer = api.send("post", "auth/token/", {"username": login, "password": PASSWORD})
        assert answer.status_code == 200 and {"access", "refresh"} <= answer.json().keys()
    wrong = api.send("post", "auth/token/", {"username": "anna", "password": "wrong"})
    assert wrong.status_code == 401 and wrong.json()["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "login"), ({"username": 5}, "username"), ({"username": ""}, "username"), ({"login": None}, "login")],
)
def test_a_sign_in_without_a_valid_login_is_invalid(api, db, body, field):
    answer = api.send("post", "auth/token/", {"password": "x", **body})
    assert answer.status_code == 400 and field in answer.json()["fields"]


def test_valid_tokens_are_verified_and_not_used_up(api, alice):
    pair = api.sign_in("alice")
    for _ in range(2):
        for token in (pair["access"], pair["refresh"]):
            answer = api.send("post", "auth/token/verify/", {"token": token})
            assert (answer.status_code, answer.json()) == (200, {})
    assert refresh(api, pair["refresh"]).status_code == 200


def test_a_token_that_cannot_be_used_is_not_verified(api, alice):
    def verify(token):
        return api.send("post", "auth/token/verify/", {"token": token}).status_code

    first = api.sign_in("alice")
    second = refresh(api, first["refresh"]).json()
    assert verify(first["refresh"]) == verify("x") == verify(signed(key="x" * 64, **claims(second["access"]))) == 401
    assert verify(second["refresh"]) == 200, "asking about a used token ends nothing"
    api.send("post", "auth/token/revoke/", {"refresh": second["refresh"]})
    assert verify(second["refresh"]) == verify(second["access"]) == 401


def test_revoking_signs_out_only_this_client(published_events, make_api, alice):
    app, other = make_api(alice), make_api(alice)
    token_pair = app.sign_in("alice")
    assert app.send("post", "auth/token/revoke/", {"refresh": token_pair["refresh"]}).status_code == 204
    assert app.send("get", "me/").status_code == 401
    assert app.send("post", "auth/token/refresh/", {"refresh": token_pair["refresh"]}).status_code == 401
    assert other.send("get", "me/").status_code == 200


FORGED = {
    "nothing": lambda good, row: "",
    "no token": lambda good, row: "nonsense",
    "three dots": lambda good, row: "...",
    "tampered": lambda good, row: good[:-3] + ("aaa" if good[-3:] != "aaa" else "bbb"),
    "another payload": lambda good, row: ".".join(
        [good.split(".")[0], signed(user_id="2", sid=row.hex, exp=9e9).split(".")[1], good.split(".")[2]]
    ),
    "alg none": lambda good, row: unsigned(claims(good), {"alg": "none", "typ": "JWT"}),
    "alg NONE": lambda good, row: unsigned(claims(good), {"alg": "NONE", "typ": "JWT"}),
    "another algorithm": lambda good, row: signed(algorithm="HS512", **claims(good)),
    "a foreign key": lambda good, row: signed(key="x" * 64, **claims(good)),
    "expired": lambda good, row: signed(**{**claims(good), "exp": int(time.time()) - 1}),
    "not yet": lambda good, row: signed(**{**claims(good), "nbf": int(time.time()) + 600}),
    "no end": lambda good, row: signed(**{k: v for k, v in claims(good).items() if k != "exp"}),
    "no type": lambda good, row: signed(**{k: v for k, v in claims(good).items() if k != "token_type"}),
    "no sign-in": lambda good, row: signed(**{k: v for k, v in claims(good).items() if k != "sid"}),
    "another sign-in": lambda good, row: signed(**{**claims(good), "sid": uuid4().hex}),
    "a bad sign-in": lambda good, row: signed(**{**claims(good), "sid": "x"}),
    "a list for an id": lambda good, row: signed(**{**claims(good), "sid": ["x"], "user_id": {}}),
    "another person": lambda good, row: signed(**{**claims(good), "user_id": "999"}),
    "far too long": lambda good, row: good + "a" * 100_000,
    "not latin": lambda good, row: "пароль.пароль.пароль",
    "deep": lambda good, row: base64.urlsafe_b64encode(b"[" * 1400).decode() + ".e30.aaaa",
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_is_401(api, alice, how):
    good = api.sign_in("alice")["access"]
    forged = FORGED[how](good, alice.sign_ins.get().pk)
    if forged.isascii():
        answer = Client().get("/api/v1/me/", headers={"authorization": f"Bearer {forged}"})
        assert answer.status_code == 401 and answer.json()["code"] == "unauthenticated", answer.content
        assert answer["WWW-Authenticate"].startswith("Bearer")
    answer = api.send("post", "auth/token/refresh/", {"refresh": forged})
    assert answer.status_code in {400, 401}, answer.content
    assert api.send("get", "me/").status_code == 200  # the real token still works


def test_access_and_refresh_tokens_are_not_interchangeable(api, alice):
    token_pair = api.sign_in("alice")
    assert api.get("/api/v1/me/", headers={"authorization": f"Bearer {token_pair['refresh']}"}).status_code == 401
    assert api.send("post", "auth/token/refresh/", {"refresh": token_pair["access"]}).status_code == 401
    assert api.send("post", "auth/token/revoke/", {"refresh": token_pair["access"]}).status_code == 401


def test_an_access_token_expires(api, alice, monkeypatch):
    monkeypatch.setattr(tokens.AccessToken, "lifetime", timedelta(minutes=-1))
    api.sign_in("alice")
    assert api.send("get", "me/").status_code == 401


def test_a_bearer_token_overrides_the_cookie_even_if_invalid(client, alice, bob, make_api):
    client.force_login(alice)
    bobs = make_api(bob).access
    assert client.get("/api/v1/me/", headers={"authorization": f"Bearer {bobs}"}).json()["username"] == "bob"
    for bad in ("Bearer nonsense", "Bearer", "bearer ", "BEARER x y"):
        assert client.get("/api/v1/me/", headers={"authorization": bad}).status_code == 401
    assert client.get("/api/v1/me/").json()["username"] == "alice"


def test_a_bearer_token_makes_one_query(api, alice, django_assert_num_queries):
    api.sign_in("alice")
    with django_assert_num_queries(1):
        assert api.send("get", "me/").status_code == 200


def test_a_request_without_credentials_is_401_with_www_authenticate(client, db):
    answer = client.get("/api/v1/me/")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated" and answer["WWW-Authenticate"].startswith("Bearer")


def test_a_session_can_get_tokens_only_with_csrf(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    path, json_type = "/api/v1/auth/token/session/", "application/json"
    assert client.post(path, content_type=json_type).status_code == 403
    client.get("/accounts/password/change/")  # any page that sets the CSRF cookie
    token = client.cookies[django_settings.CSRF_COOKIE_NAME].value
    answer = client.post(path, content_type=json_type, headers={"x-csrftoken": token})
    assert answer.status_code == 200 and answer.json().keys() == {"access", "refresh", "expires_in"}
    assert sorted(alice.sign_ins.values_list("kind", flat=True)) == ["browser", "token"]


def test_a_bearer_token_needs_no_csrf(alice, api):
    access = api.sign_in("alice")["access"]
    strict = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {access}"})
    answer = strict.patch("/api/v1/me/", {"bio": "hello"}, content_type="application/json")
    assert answer.status_code == 200


def test_a_bearer_token_is_not_a_session(api, alice):
    api.sign_in("alice")
    assert api.send("post", "auth/token/session/").status_code == 401


def test_tokens_of_a_suspended_user_are_rejected(api, alice):
    token_pair = api.sign_in("alice")
    alice.is_active = False
    alice.save()
    assert api.send("get", "me/").status_code == 401
    assert api.send("post", "auth/token/refresh/", {"refresh": token_pair["refresh"]}).status_code == 401


def test_tokens_of_an_ended_sign_in_are_rejected(api, alice):
    api.sign_in("alice")
    SignIn.objects.update(ended_at=datetime.now(UTC) - timedelta(seconds=1))
    assert api.send("get", "me/").status_code == 401


@pytest.mark.parametrize(
    "path", ["auth/token/", "auth/signup/", "auth/token/refresh/", "auth/token/verify/", "auth/token/revoke/"]
)
@pytest.mark.parametrize("junk", ["{", "[]", "null", '"x"', '{"login": NaN}', '{"login": "\\ud800", "password": "x"}'])
def test_malformed_bodies_are_invalid(api, db, path, junk):
    answer = api.post(f"/api/v1/{path}", junk, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["code"] == "invalid"


def test_invalid_credentials_in_headers_do_not_prevent_sign_in(api, alice):
    api.access = "nonsense"
    answer = api.send("post", "auth/token/", {"login": "alice", "password": PASSWORD})
    assert answer.status_code == 200
