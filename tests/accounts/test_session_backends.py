"""Tests of the session backends: sessions cached in Redis, and their behaviour when Redis is unreachable."""

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, aget_user, get_user
from django.core.cache import caches
from django.test import AsyncClient, Client, RequestFactory

from accounts.auth import sign_ins
from accounts.authentication import authenticate_socket
from accounts.models import SignIn
from accounts.session_backends import cached_db
from accounts.session_backends import db as database_sessions
from messenger.live.handshake import NOT_SIGNED_IN, SocketRefused
from tests.servers import PASSWORD


def use_redis(settings, url):
    options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "OPTIONS": options}
    }
    settings.SESSION_ENGINE = "accounts.session_backends.cached_db"


def signed_in() -> Client:
    client = Client()
    assert client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}).status_code == 302
    return client


def test_a_session_is_read_from_redis(settings, redis_url, alice, django_assert_num_queries):
    use_redis(settings, redis_url)
    client = signed_in()
    with django_assert_num_queries(1):  # reads the sign-in and its user
        assert client.get("/api/v1/me/").status_code == 200


def test_an_empty_redis_keeps_users_signed_in(settings, redis_url, alice):
    use_redis(settings, redis_url)
    client = signed_in()
    caches["default"].clear()
    assert client.get("/api/v1/me/").status_code == 200


def test_users_can_sign_in_and_out_without_redis(settings, alice):
    use_redis(settings, "redis://127.0.0.1:1/0")
    client = signed_in()
    assert client.get("/api/v1/me/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/api/v1/me/").status_code == 401


def test_an_ended_session_left_in_redis_is_not_signed_in(settings, redis_url, alice):
    use_redis(settings, redis_url)
    client = signed_in()
    key = client.cookies["sessionid"].value
    kept = dict(sign_ins.session_store_class()(key).items())
    sign_ins.end_sign_ins(alice.pk)
    store = sign_ins.session_store_class()(key)
    caches["default"].set(store.cache_key_prefix + key, kept, 600)  # as if deleting it had failed
    assert client.get("/api/v1/me/").status_code == 401


ODD = ["\0" + "a" * 31, "a" * 31 + "\0", "A" * 32, "a" * 33, "a" * 31 + "\n", "é" * 32, "../" + "a" * 29, "a" * 8]


@pytest.mark.parametrize("engine", ["accounts.session_backends.cached_db", "accounts.session_backends.db"])
def test_an_invalid_session_key_makes_no_query(settings, db, django_assert_num_queries, engine):
    settings.SESSION_ENGINE = engine
    with django_assert_num_queries(0):
        for key in ODD:
            store = sign_ins.session_store_class()(key)
            assert store.session_key is None and not store.exists(key) and store.load() == {} and not store.keys()
            with pytest.raises(SocketRefused) as caught:
                authenticate_socket({}, [], {"sessionid": key})
            assert caught.value.code == NOT_SIGNED_IN


@pytest.mark.parametrize("engine", ["accounts.session_backends.cached_db", "accounts.session_backends.db"])
def test_an_invalid_cookie_is_anonymous_and_can_sign_in(settings, alice, engine):
    settings.SESSION_ENGINE = engine
    client = Client()
    odd = {"HTTP_COOKIE": 'sessionid="\\000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"'}
    assert client.get("/accounts/login/", **odd).status_code == 200
    assert client.get("/api/v1/me/", **odd).status_code == 401
    answer = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}, **odd)
    assert answer.status_code == 302 and len(answer.cookies["sessionid"].value) == 32


OLD_BACKEND = "accounts.passwords.PasswordBackend"  # its path in sessions of version 0.1.0


@pytest.mark.parametrize("engine", ["accounts.session_backends.cached_db", "accounts.session_backends.db"])
def test_a_session_of_the_first_release_is_still_signed_in_everywhere(settings, alice, engine):
    settings.SESSION_ENGINE = engine
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client = signed_in()
    session = client.session
    session[BACKEND_SESSION_KEY] = OLD_BACKEND
    session.save()
    key = client.cookies["sessionid"].value
    assert client.get("/api/v1/me/").status_code == 200
    assert client.get("/settings/").status_code == 200
    assert client.get("/admin/").status_code == 200
    assert authenticate_socket({}, [], {"sessionid": key}).user_id == alice.pk
    request = RequestFactory().get("/")
    request.session = sign_ins.session_store_class()(key)
    assert get_user(request) == alice
    # The session also survives allauth's reauthentication and Django's update after a new password.
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    changed = {"oldpassword": PASSWORD, "password1": "correct horse 7", "password2": "correct horse 7"}
    assert client.post("/accounts/password/change/", changed).status_code == 302
    assert client.get("/api/v1/me/").status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_a_session_of_the_first_release_is_signed_in_on_the_asynchronous_path(alice):
    client = AsyncClient()
    await client.aforce_login(alice)
    session = await client.asession()
    await session.aset(BACKEND_SESSION_KEY, OLD_BACKEND)
    await session.asave()
    assert (await client.get("/settings/")).status_code == 200
    request = RequestFactory().get("/")
    request.session = sign_ins.session_store_class()(session.session_key)
    assert await aget_user(request) == alice


def test_names_in_stored_sessions_do_not_change():
    """The salt and the cache key prefix of stored sessions stay the same in all versions of the messenger.

    If one of them changed, stored sessions could not be read, and all users would be signed out. For example, Django
    makes the salt from the name of the session class, so renaming the class would change it.
    """
    for store in (database_sessions.SessionStore(), cached_db.SessionStore()):
        assert store.key_salt == "django.contrib.sessions.SessionStore"
    assert cached_db.SessionStore.cache_key_prefix == "django.contrib.sessions.cached_db"


@pytest.mark.django_db(transaction=True)
async def test_the_asynchronous_path_returns_the_user(alice):
    client = AsyncClient()
    await client.aforce_login(alice)
    answer = await client.get("/settings/", headers={"accept-language": "zh-hans"})
    assert answer.status_code == 200 and answer["Content-Language"] == "zh-hans"
    assert answer["Cache-Control"] == "private, no-store"
    assert (await AsyncClient().get("/settings/")).status_code == 302
    assert await SignIn.objects.acount() == 1
