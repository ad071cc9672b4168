"""Tests of rate limits of password guesses, which are counted per IP address, account and known device.

A known device is a browser in which the user has signed in before. All endpoints and server processes share the counts.
"""

import threading

import pytest
from allauth.account.models import EmailAddress
from allauth.core import context
from django.core import mail
from django.test import Client, RequestFactory

from accounts import actions
from accounts.auth import login_limits
from accounts.auth.adapters import AccountAdapter
from accounts.forms import RequestLoginCodeForm
from accounts.models import User
from accounts.usernames import rules
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError
from tests.servers import PASSWORD

pytestmark = pytest.mark.usefixtures("rate_limits_on")


def guess(api, login="alice", password="wrong", address="192.0.2.1", **extra):
    return api.send("post", "auth/token/", {"login": login, "password": password}, REMOTE_ADDR=address, **extra)


def test_the_eleventh_guess_for_an_account_from_an_address_is_rejected(api, alice):
    answers = [guess(api) for number in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[-1].json()["code"] == "rate_limited" and 0 < answers[-1].json()["retry_after"] <= 30
    assert answers[-1]["Retry-After"]
    assert guess(api, password=PASSWORD).status_code == 429  # even with the correct password


def test_an_unknown_name_is_limited_too(api, db):
    assert [guess(api, login="nobody").status_code for n in range(11)] == [401] * 10 + [429]


@pytest.fixture
def clock(monkeypatch):
    """Returns a function that moves the clock of the rate limits forward by a number of seconds."""
    now = [1000.0]
    monkeypatch.setattr(rate_limits.time, "monotonic", lambda: now[0])

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    return pass_time


@pytest.mark.parametrize(
    "attacker", ["192.0.2.1", "2001:db8::{n:x}", "::ffff:192.0.2.1"], ids=["IPv4", "IPv6 network", "mapped IPv4"]
)
def test_a_stranger_at_one_address_cannot_keep_the_owner_out(api, make_user, clock, attacker):
    """The owner of an account can sign in while a stranger at another IP address tries wrong passwords of the account.

    The stranger tries many times, by user name and e-mail, with added spaces, in upper and lower case.
    """
    make_user("anna", email="anna@example.org")
    logins = ["anna", "ANNA", " anna ", "anna@example.org", "Anna@Example.org"]
    for number in range(300):
        guess(api, logins[number % len(logins)], address=attacker.format(n=number + 1))
        clock(1)
        if number % 20 == 0:
            assert guess(api, "anna", PASSWORD, address="198.51.100.7").status_code == 200
            assert guess(api, "anna", PASSWORD, address="::ffff:198.51.100.8").status_code == 200


def test_guesses_from_many_addresses_are_limited_together(api, alice, settings):
    settings.RATES = settings.RATES | {"guess.person": (10, 0.01)}
    answers = [guess(api, address=f"192.0.2.{number}").status_code for number in range(11)]
    assert answers == [401] * 11, "the answer does not tell whether the account exists"
    assert guess(api, password=PASSWORD, address="192.0.2.99").status_code == 401  # even with the correct password


def test_one_address_cannot_use_up_the_limit_of_an_account(settings):
    (_, per_address), (burst, per_account) = settings.RATES["guess.address"], settings.RATES["guess.person"]
    assert per_account > per_address and burst > settings.RATES["guess.address"][0]


# ── Known devices ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def limited_account(settings):
    settings.RATES = settings.RATES | {"guess.person": (10, 0.01)}


def sign_in_by_page(client, login="alice", password=PASSWORD, address="203.0.113.5"):
    return client.post("/accounts/login/", {"login": login, "password": password}, REMOTE_ADDR=address)


def test_the_owner_signs_in_on_a_known_device_while_many_addresses_guess(api, client, alice, limited_account):
    sign_in_by_page(client)
    client.post("/accounts/logout/")
    for number in range(15):
        guess(api, address=f"192.0.2.{number}")
    assert sign_in_by_page(Client()).status_code == 200, "an unknown device is refused"
    for _ in range(10):  # also from an address that others have used up
        guess(api, login="nobody", address="203.0.113.5")
    assert sign_in_by_page(client, address="203.0.113.5").status_code == 302
    api.cookies = client.cookies
    assert guess(api, password=PASSWORD, address="203.0.113.5").status_code == 200, "the API knows the device too"


def test_guesses_from_a_known_device_are_limited(client, alice, limited_account):
    sign_in_by_page(client)
    client.post("/accounts/logout/")
    codes = [sign_in_by_page(client, password="wrong", address=f"192.0.2.{n}").status_code for n in range(11)]
    assert codes == [200] * 10 + [429]
    assert sign_in_by_page(Client(), address="198.51.100.7").status_code == 302, "other devices are not affected"


def test_a_device_is_known_to_those_only_who_signed_in_with_it(client, api, alice, bob, limited_account):
    sign_in_by_page(client, "bob")
    client.post("/accounts/logout/")
    codes = [sign_in_by_page(client, password="wrong").status_code for _ in range(11)]
    assert codes == [200] * 10 + [429], "for alice it is a stranger's"
    assert sign_in_by_page(client, "bob").status_code == 302


def test_a_wrong_password_makes_no_device_known_and_nobody_can_forge_one(client, alice, limited_account):
    sign_in_by_page(client, password="wrong")
    assert "device" not in client.cookies
    sign_in_by_page(client)
    cookie = client.cookies["device"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and int(cookie["max-age"]) > 86400
    for forged in (f"x.{alice.pk}", f"x.{alice.pk}:a:b", cookie.value[:-2] + "xx", "", ".", "\x00"):
        stranger = Client()
        stranger.cookies["device"] = forged
        for _ in range(11):
            sign_in_by_page(stranger, password="wrong", address="192.0.2.9")
        assert sign_in_by_page(stranger, address="192.0.2.9").status_code == 429
        rate_limits.reset_all()


# ── E-mails ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_strangers_cannot_fill_a_mailbox(client, api, make_user, settings, clock):
    """If strangers sign up many times with the e-mail address of an existing user, this user gets only a few e-mails.

    The strangers use the sign-up page and the API, many IP addresses, and the e-mail address in upper and lower case.
    """
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    user = make_user("anna", email="anna@example.org")
    EmailAddress.objects.create(user=user, email="anna@example.org", verified=True, primary=True)
    for number in range(24):
        email = "anna@example.org" if number % 3 else "Anna@EXAMPLE.org"
        form = {"username": f"some{number}", "email": email, "password1": "correct horse battery"}
        body = {**form, "password": form["password1"]}
        if number % 2:
            answer = client.post("/accounts/signup/", form, REMOTE_ADDR=f"192.0.2.{number}")
            assert answer.status_code == 302
        else:
            answer = api.send("post", "auth/signup/", body, REMOTE_ADDR=f"192.0.2.{number}")
            assert (answer.status_code, answer.json()) == (201, {"verify": True}), "the same answer with and without"
        clock(3)
    assert len(mail.outbox) == settings.RATES["mail.address"][0]
    other = {"username": "other", "email": "other@example.org", "password": "correct horse battery"}
    assert api.send("post", "auth/signup/", other).status_code == 201
    assert mail.outbox[-1].to == ["other@example.org"], "other addresses are not affected"
    client.post("/accounts/password/reset/", {"email": "anna@example.org"})
    assert mail.outbox[-1].to == ["anna@example.org"], "nor other kinds of e-mails"


def test_a_mailbox_gets_few_links_for_a_new_password(client, make_user, settings, clock):
    user = make_user("anna", email="anna@example.org")
    EmailAddress.objects.create(user=user, email="anna@example.org", verified=True, primary=True)
    settings.ACCOUNT_RATE_LIMITS = False
    for number in range(30):
        email = "anna@example.org" if number % 2 else "nobody@example.org"
        assert client.post("/accounts/password/reset/", {"email": email}).status_code == 302
    for address in ("anna@example.org", "nobody@example.org"):
        assert len([sent for sent in mail.outbox if sent.to == [address]]) == settings.RATES["mail.address"][0]
    clock(3600)
    client.post("/accounts/password/reset/", {"email": "anna@example.org"})
    assert mail.outbox[-1].to == ["anna@example.org"]


def request_code(address: str, email: str = "anna@example.org") -> bool:
    """Requests an e-mail with a code for signing in. Returns whether it was sent."""
    request = RequestFactory().post("/accounts/login/code/", REMOTE_ADDR=address)
    before = len(mail.outbox)
    with context.request_context(request):
        AccountAdapter(request).send_mail("account/email/login_code", email, {"code": "ABC-DEF"})
    return len(mail.outbox) > before


def test_a_stranger_at_one_address_cannot_keep_the_owner_from_getting_a_code(db, clock):
    """An e-mailed code works only in the browser that has requested it. So the owner needs one of their own."""
    for number in range(200):
        request_code(f"2001:db8::{number:x}", "Anna@example.org")
        clock(10)
    assert 5 < len(mail.outbox) < 30
    assert not request_code("2001:db8::1")
    assert request_code("198.51.100.7") and request_code("2001:db8:0:1::1")


def test_many_addresses_cannot_fill_a_mailbox_with_codes(db, clock):
    assert sum(request_code(f"192.0.2.{number}") for number in range(100)) == 50
    assert request_code("192.0.2.1", "other@example.org")


def test_codes_for_signing_in_are_limited_for_each_ip_address_by_the_table_of_rates(db, settings):
    from messenger import settings as shipped  # the test settings switch limits off

    assert shipped.ACCOUNT_RATE_LIMITS["request_login_code"] is None, "allauth has no limit of its own"
    settings.RATES = {**settings.RATES, "code.request": (3, 1e-6)}

    def ask(number: int, address: str) -> bool:
        with context.request_context(RequestFactory().post("/accounts/login/code/", REMOTE_ADDR=address)):
            return RequestLoginCodeForm({"email": f"{number}@example.org"}).is_valid()

    assert [ask(number, "192.0.2.1") for number in range(4)] == [True, True, True, False]
    assert ask(9, "192.0.2.2")
    assert [ask(n, f"2001:db8::{n:x}") for n in range(4)] == [True, True, True, False], "a /64 network counts as one"


def test_the_eleventh_name_from_one_address_is_rejected(api, alice):
    assert [guess(api, login=f"name{n}").status_code for n in range(11)] == [401] * 10 + [429]
    assert guess(api, address="192.0.2.2", password=PASSWORD).status_code == 200


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_CLIENT_IP"])
def test_a_forged_forwarded_for_header_is_ignored(api, db, header):
    codes = [guess(api, login=f"name{n}", **{header: f"198.51.100.{n}"}).status_code for n in range(11)]
    assert codes == [401] * 10 + [429]


def test_the_address_behind_a_trusted_proxy_is_used(api, db, settings):
    settings.TRUSTED_PROXIES = ["192.0.2.1"]
    codes = [
        guess(api, login=f"name{n}", HTTP_X_FORWARDED_FOR=f"9.9.9.9, 198.51.100.{n}").status_code for n in range(11)
    ]
    assert codes == [401] * 11
    forged = [
        guess(api, login=f"name{n}", HTTP_X_FORWARDED_FOR=f"9.9.9.{n}, 203.0.113.1").status_code for n in range(11)
    ]
    assert forged == [401] * 10 + [429]


def test_the_sign_in_page_shares_the_limit_of_the_api(client, api, alice):
    for _ in range(5):
        assert guess(api).status_code == 401
    for _ in range(5):
        answer = client.post("/accounts/login/", {"login": "alice", "password": "wrong"}, REMOTE_ADDR="192.0.2.1")
        assert answer.status_code == 200
    answer = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    assert answer.status_code == 429 and answer["Retry-After"]
    assert "Too many attempts" in answer.context["form"].non_field_errors()[0]
    assert answer.context["form"]["login"].value() == "alice"
    assert guess(api).status_code == 429


def test_the_admin_uses_the_sign_in_page(client, db):
    answer = client.get("/admin/")
    assert answer.status_code == 302
    answer = client.get(answer.url)
    assert answer.status_code == 302 and answer.url.startswith("/accounts/login/?next=")
    assert client.post("/admin/login/", {"username": "alice", "password": "wrong"}).url.startswith("/accounts/login/")


def test_reauthentication_counts_as_a_guess(client, alice):
    client.force_login(alice)
    for _ in range(12):
        answer = client.post("/accounts/reauthenticate/", {"password": "wrong"})
    assert answer.status_code == 429 or "Too many" in str(answer.context["form"].errors)


def test_a_correct_sign_in_is_not_counted(api, alice):
    assert {guess(api, password=PASSWORD).status_code for _ in range(25)} == {200}
    assert guess(api).status_code == 401


def test_concurrent_guesses_are_all_counted(each_database, alice):
    from django.db import connection

    outcomes, gate = [], threading.Barrier(20)

    def attempt_login(number):
        gate.wait()
        for _ in range(5):
            try:
                actions.sign_in("alice", "wrong", "192.0.2.1")
            except ApplicationError as error:
                outcomes.append(error.code)
        connection.close()

    threads = [threading.Thread(target=attempt_login, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes.count("unauthenticated") <= 11 and len(outcomes) == 100


def test_sign_up_is_limited_by_address_on_page_and_api(client, api, db, settings):
    for _ in range(settings.RATES["signup.address"][0]):
        assert api.send("post", "auth/signup/", {"username": "a", "password": "x"}).status_code == 400
    answer = api.send("post", "auth/signup/", {"username": "dave", "password": "correct horse battery"})
    assert answer.status_code == 429 and answer.json()["retry_after"] > 0
    page = client.post("/accounts/signup/", {"username": "dave", "password1": "correct horse battery"})
    assert page.status_code == 429
    assert not User.objects.exists()


def test_page_views_of_a_user_are_rate_limited(client, alice, bob, settings):
    settings.RATES = settings.RATES | {"page.person": (3, 0.01)}
    client.force_login(alice)
    codes = [client.get("/people/").status_code for _ in range(4)]
    assert codes == [200] * 3 + [429]
    other = Client()
    other.force_login(bob)
    assert other.get("/people/").status_code == 200


def test_limits_off_disables_rate_limits(api, alice, settings):
    settings.LIMITS = False
    assert {guess(api).status_code for _ in range(15)} == {401}


def test_names_and_addresses_are_stored_as_hashes(alice):
    assert all("alice" not in key for key, _, _ in login_limits._attempt_buckets("alice", "192.0.2.1"))


def test_processes_share_the_count_through_redis(redis_url, settings, alice):
    settings.REDIS_URL = redis_url
    for _ in range(5):
        for _process in range(2):
            rate_limits.reset_all()  # clears local counts, as in a process that has just started
            with pytest.raises(ApplicationError, match="unauthenticated"):
                actions.sign_in("alice", "wrong", "192.0.2.1")
    rate_limits.reset_all()
    with pytest.raises(ApplicationError, match="rate_limited"):
        actions.sign_in("alice", "wrong", "192.0.2.1")


def test_redis_does_not_count_a_correct_attempt(redis_url, settings, alice):
    settings.REDIS_URL = redis_url
    for _ in range(15):
        assert actions.sign_in("alice", PASSWORD, "192.0.2.1") == alice
    with pytest.raises(ApplicationError, match="unauthenticated"):
        actions.sign_in("alice", "wrong", "192.0.2.1")


def test_mails_can_be_requested_without_redis(settings, client, alice):
    from django.core.cache import caches

    away = {"BACKEND": "messenger.core.cache.RedisCacheWithFallback", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}
    settings.ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None, "signup": None}
    codes = [client.post("/accounts/password/reset/", {"email": "nobody@example.org"}).status_code for _ in range(8)]
    assert codes[0] == 302 and codes[-1] == 429, "counted all the same"
    caches["default"].clear()


def test_users_can_sign_in_without_redis(settings, alice):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert actions.sign_in("alice", PASSWORD, "192.0.2.1") == alice
    assert Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("login", ["x" * 900_000, "漢" * 300_000, "🅐" * 200_000])
def test_a_very_long_login_is_refused_on_the_page_and_fills_no_cache(client, api, db, login):
    page = client.post("/accounts/login/", {"login": login, "password": "wrong"})
    assert page.status_code == 200
    assert page.context["form"].errors["login"]
    assert guess(api, login).status_code in (400, 413)
    cached_before = rules._skeleton.cache_info().currsize
    # Texts are cut before they are cached. So two long texts that differ only behind the limit share one entry.
    assert rules.skeleton(login + "a") == rules.skeleton(login + "b")
    assert rules._skeleton.cache_info().currsize <= cached_before + 1
