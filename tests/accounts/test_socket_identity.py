"""Tests how the server finds out which user opens a WebSocket.

Also tests that the server regularly checks whether the users of open WebSockets are still signed in.
"""

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts import actions
from accounts.auth import sign_ins, tokens
from accounts.authentication import authenticate_socket, find_ended_sign_ins
from accounts.models import SignIn, User
from messenger.live.handshake import SocketRefused


def cookies_of(user) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {name: morsel.value for name, morsel in client.cookies.items()}


def bearer(token: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {token}".encode()}


def error(headers=None, subprotocols=(), cookies=None) -> int:
    with pytest.raises(SocketRefused) as caught:
        authenticate_socket(headers or {}, list(subprotocols), cookies or {})
    return caught.value.code


def test_a_cookie_authenticates(alice, django_assert_num_queries):
    cookies = cookies_of(alice)
    with django_assert_num_queries(2):
        identity = authenticate_socket({}, [], cookies)
    assert (identity.user_id, identity.by_bearer, identity.subprotocol) == (alice.pk, False, None)
    assert identity.sign_in_id == str(alice.sign_ins.get().pk)


def test_an_authorization_header_authenticates(alice, django_assert_num_queries):
    token_pair = tokens.issue_token_pair(alice)
    with django_assert_num_queries(1):
        identity = authenticate_socket(bearer(token_pair.access), [], {})
    assert (identity.user_id, identity.by_bearer, identity.subprotocol) == (alice.pk, True, None)


def test_a_subprotocol_token_authenticates(alice):
    token_pair = tokens.issue_token_pair(alice)
    identity = authenticate_socket({}, ["messenger.v1", f"bearer.{token_pair.access}"], {})
    assert (identity.user_id, identity.by_bearer, identity.subprotocol) == (alice.pk, True, "messenger.v1")


def test_an_offered_subprotocol_is_accepted(alice):
    assert authenticate_socket({}, ["messenger.v1"], cookies_of(alice)).subprotocol == "messenger.v1"


def test_a_bad_bearer_never_falls_back_to_the_cookie(alice):
    cookies = cookies_of(alice)
    assert error(bearer("nonsense"), [], cookies) == 4401
    assert error({b"authorization": b"Bearer"}, [], cookies) == 4401
    assert error({}, ["messenger.v1", "bearer.nonsense"], cookies) == 4401
    assert error({}, ["messenger.v1", "bearer."], cookies) == 4401


@pytest.mark.parametrize(
    "cookies", [{}, {"sessionid": ""}, {"sessionid": "nonsense"}, {"sessionid": "x" * 5000}, {"sessionid": "../a"}]
)
def test_missing_credentials_are_4401(db, cookies):
    assert error({}, [], cookies) == 4401


def test_malformed_headers_are_4401(db):
    for value in (b"\xff\xfe", b"Basic YTpi", b"Bearer \xff.\xff.\xff", b"Bearer " + b"a" * 60_000):
        assert error({b"authorization": value}) == 4401


def test_a_refresh_token_is_rejected(alice):
    assert error(bearer(tokens.issue_token_pair(alice).refresh)) == 4401


@pytest.mark.parametrize("how", ["cookie", "bearer"])
@pytest.mark.parametrize(
    ("what", "code"), [("signed out", 4401), ("new password", 4401), ("suspended", 4403), ("switched off", 4403)]
)
def test_revoked_credentials_are_rejected(alice, make_user, how, what, code):
    proof = (
        {"cookies": cookies_of(alice)}
        if how == "cookie"
        else {"headers": bearer(tokens.issue_token_pair(alice).access)}
    )
    if what == "signed out":
        SignIn.objects.update(ended_at=timezone.now())
    elif what == "new password":
        alice.set_password("another one")
        alice.save()
    elif what == "switched off":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    else:
        SignIn.objects.all()  # the sign-in exists; only its user is inactive
        User.objects.filter(pk=alice.pk).update(is_active=False, suspended_at=timezone.now())
    assert error(**proof) == code


def test_a_forged_session_is_rejected(alice, bob):
    cookies = cookies_of(alice)
    store = sign_ins.session_store_class()(cookies[django_settings.SESSION_COOKIE_NAME])
    store["_auth_user_id"] = str(bob.pk)
    store.save()
    assert error({}, [], cookies) == 4401


def test_the_periodic_check_finds_ended_sign_ins_in_one_query(
    alice, bob, carol, mallory, make_user, django_assert_num_queries
):
    rows = {user: sign_ins.start_sign_in(user, SignIn.Kind.TOKEN) for user in (alice, bob, carol, mallory)}
    sign_ins.end_sign_ins(bob.pk, rows[bob].pk)
    carol.set_password("another one")
    carol.save()
    User.objects.filter(pk=mallory.pk).update(is_active=False)
    pairs = [(user.pk, str(row.pk)) for user, row in rows.items()]
    pairs += [(alice.pk, "00000000-0000-4000-8000-000000000000"), (alice.pk, "no id")]
    with django_assert_num_queries(1):
        over = find_ended_sign_ins(pairs)
    assert over == {
        str(rows[bob].pk): 4401,
        str(rows[carol].pk): 4401,
        str(rows[mallory].pk): 4403,
        "00000000-0000-4000-8000-000000000000": 4401,
        "no id": 4401,
    }


def test_the_periodic_check_rejects_a_sign_in_of_another_user(alice, bob):
    row = sign_ins.start_sign_in(alice, SignIn.Kind.TOKEN)
    assert find_ended_sign_ins([(bob.pk, str(row.pk))]) == {str(row.pk): 4401}
    assert find_ended_sign_ins([]) == {}


def test_suspension_disconnects_open_sockets(published_events, alice, make_user):
    admin = make_user("root", is_superuser=True, is_staff=True)
    tokens.issue_token_pair(alice)
    actions.suspend_user(alice.pk, admin.pk)
    assert [(cut.user_id, cut.code, cut.sign_in_id) for cut in published_events.disconnects()] == [(alice.pk, 4403, "")]
