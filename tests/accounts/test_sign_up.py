"""Tests of signing up on the page and through the API. Both follow the same rules."""

import threading

import pytest
from allauth.account.models import EmailAddress
from django.core import mail, signing
from django.core.cache import cache
from django.core.management import CommandError, call_command
from redis.exceptions import ConnectionError

from accounts.auth import auth_backends, signup_links
from accounts.models import SignIn, User

GOOD = "correct horse battery"


def sign_up_by_page(client, **changes):
    return client.post("/accounts/signup/", {"username": "carol", "email": "", "password1": GOOD, **changes})


def sign_up_by_api(api, **changes):
    return api.send("post", "auth/signup/", {"username": "carol", "password": GOOD, **changes})


@pytest.fixture
def with_mail(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
    cache.clear()  # removes reserved names and the mail limits of allauth
    yield
    cache.clear()


def test_the_page_signs_up_and_signs_in(client, db):
    answer = sign_up_by_page(client, email="Carol@Example.com")
    assert answer.status_code == 302 and answer.url == "/"
    carol = User.objects.get(username="carol")
    assert carol.email == "carol@example.com"
    assert client.session["sign_in"] == str(carol.sign_ins.get().pk)


def test_the_api_signs_up_and_returns_a_token_pair(api, db):
    answer = sign_up_by_api(api, email="carol@example.com")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    api.access = answer.json()["access"]
    assert api.send("get", "me/").json()["username"] == "carol"
    assert "sessionid" not in api.cookies


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"username": "a"}, "username"),
        ({"username": "admin"}, "username"),
        ({"username": "b0b"}, "username"),
        ({"username": "a\u202eb"}, "username"),
        ({"username": "x" * 200}, "username"),
        ({"email": "nonsense"}, "email"),
        ({"password": "123"}, "password"),
        ({"password": "carol"}, "password"),
        ({"password": ""}, "password"),
    ],
)
def test_invalid_data_is_a_field_error_on_page_and_api(client, api, bob, wrong, field):
    answer = sign_up_by_api(api, **wrong)
    assert answer.status_code == 400, answer.json()
    assert answer.json()["code"] == "invalid" and list(answer.json()["fields"]) == [field]

    page = sign_up_by_page(
        client, **{{"password": "password1"}.get(name, name): value for name, value in wrong.items()}
    )
    assert page.status_code == 200
    assert {"password": "password1"}.get(field, field) in page.context["form"].errors
    assert User.objects.count() == 1


def test_a_short_username_has_one_error(client, db):
    form = sign_up_by_page(client, username="a").context["form"]
    assert form.errors["username"] == ["A username must have 2 to 30 characters."]


@pytest.mark.parametrize("junk", [{"username": 7, "password": GOOD}, {}, {"username": "carol", "password": ["x"]}])
def test_values_that_are_not_text_are_invalid(api, db, junk):
    assert api.send("post", "auth/signup/", junk).status_code == 400


def test_concurrent_sign_ups_with_one_name_create_one_account(transactional_db, make_api):
    answers = []

    def sign_up():
        from django.db import connection

        answers.append(sign_up_by_api(make_api()).status_code)
        connection.close()

    threads = [threading.Thread(target=sign_up) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [201] + [400] * 9
    assert User.objects.count() == 1


def test_a_lost_race_for_a_name_is_a_field_error(client, bob, monkeypatch):
    """Two sign-ups choose the same user name at once: the second one gets an error at the field of the user name.

    The name is free when the second sign-up checks it, but taken when the second sign-up stores it.
    """
    monkeypatch.setattr("accounts.auth.adapters.AccountAdapter.clean_username", lambda self, name, shallow=False: name)
    page = sign_up_by_page(client, username="B0b")
    assert page.status_code == 200 and "username" in page.context["form"].errors


def test_a_known_address_is_not_revealed_without_mail(client, api, make_user):
    bob = make_user("bob", email="bob@example.com")
    assert sign_up_by_api(api, username="mallory", email="bob@example.com").status_code == 201
    assert auth_backends.find_account("bob@example.com") == bob


def test_a_confirmed_address_can_be_used_to_sign_in(make_user):
    make_user("mallory", email="bob@example.com")
    bob = make_user("bob", email="bob@example.com")
    EmailAddress.objects.create(user=bob, email="bob@example.com", verified=True)
    assert auth_backends.find_account("BOB@example.com") == bob


def test_the_address_must_be_confirmed_with_mail(api, db, with_mail):
    answer = sign_up_by_api(api, email="carol@example.com")
    assert answer.status_code == 201 and answer.json() == {"verify": True}
    assert [message.to for message in mail.outbox] == [["carol@example.com"]]
    assert "http://localhost:8000/accounts/confirm-email/" in mail.outbox[0].body
    error = api.send("post", "auth/token/", {"login": "carol", "password": GOOD})
    wrong = api.send("post", "auth/token/", {"login": "carol", "password": "another one"})
    assert error.status_code == wrong.status_code == 401 and error.content == wrong.content

    EmailAddress.objects.update(verified=True)
    assert api.send("post", "auth/token/", {"login": "carol", "password": GOOD}).status_code == 200


@pytest.mark.parametrize("entry_point", ["api", "page"])
def test_a_known_address_is_not_revealed_with_mail(make_api, make_user, with_mail, hashed_passwords, entry_point):
    bob = make_user("bob", email="bob@example.com")
    EmailAddress.objects.create(user=bob, email="bob@example.com", verified=True, primary=True)

    def sign_up(name, email):
        hashed_passwords.clear()
        mail.outbox.clear()
        cache.clear()
        answer = (sign_up_by_api if entry_point == "api" else sign_up_by_page)(make_api(), username=name, email=email)
        headers = {
            name: value for name, value in answer.headers.items() if name not in ("Content-Length", "Expires")
        }  # Expires is the time of the answer
        return answer.status_code, answer.content, headers, set(answer.cookies), len(hashed_passwords), len(mail.outbox)

    known, fresh = sign_up("carol", "bob@example.com"), sign_up("dave", "dave@example.com")
    assert known == fresh
    assert mail.outbox[0].to == ["dave@example.com"]
    assert not User.objects.filter(username="carol").exists()  # bob gets a mail instead


@pytest.mark.parametrize("entry_point", ["api", "page"])
def test_signing_up_again_does_not_reveal_the_address(make_api, make_user, with_mail, entry_point):
    bob = make_user("bob", email="bob@example.com")
    EmailAddress.objects.create(user=bob, email="bob@example.com", verified=True, primary=True)
    cache.clear()

    def sign_up_twice(name, email):
        sign_up = sign_up_by_api if entry_point == "api" else sign_up_by_page
        answers = [sign_up(make_api(), username=again, email=email) for again in (name, name, name.upper())]
        return [(answer.status_code, "taken" in answer.content.decode()) for answer in answers]

    known, fresh = sign_up_twice("carol", "bob@example.com"), sign_up_twice("dave", "dave@example.com")
    assert known == fresh and known[1][1] and known[2][1]
    changed = make_api(bob).send("patch", "me/", {"username": "carol"})
    assert changed.status_code == 400 and list(changed.json()["fields"]) == ["username"]
    assert not User.objects.filter(username="carol").exists()


def test_sign_up_works_without_the_cache(api, make_user, with_mail, monkeypatch):
    def raise_connection_error(*_args):
        raise ConnectionError("Redis is away")

    monkeypatch.setattr("accounts.usernames.reservations.cache.get_many", raise_connection_error)
    monkeypatch.setattr("accounts.usernames.reservations.cache.set_many", raise_connection_error)
    bob = make_user("bob", email="bob@example.com")
    EmailAddress.objects.create(user=bob, email="bob@example.com", verified=True, primary=True)
    for email in ("bob@example.com", "dave@example.com"):
        assert sign_up_by_api(api, email=email).json() == {"verify": True}


def test_closed_sign_up_is_closed_on_page_and_api(client, api, db, settings):
    settings.SIGNUP = "closed"
    assert sign_up_by_api(api).status_code == 403
    sign_up_by_page(client)
    assert not User.objects.exists()
    with pytest.raises(CommandError):
        call_command("invite")


def test_sign_up_by_invitation_requires_a_signed_link(client, api, db, settings, capsys):
    settings.SIGNUP = "invite"
    assert sign_up_by_api(api).status_code == 403
    assert sign_up_by_api(api, invite="forged").status_code == 403
    sign_up_by_page(client)
    client.get("/join/forged/")
    sign_up_by_page(client)
    assert not User.objects.exists()

    call_command("invite", "--days", "2")
    link = capsys.readouterr().out.strip()
    assert link.startswith("http://localhost:8000/join/")
    assert client.get(link.removeprefix("http://localhost:8000")).url == "/accounts/signup/"
    sign_up_by_page(client)
    assert User.objects.filter(username="carol").exists()
    assert sign_up_by_api(api, username="dave", invite=link.split("/join/")[1].rstrip("/")).status_code == 201


def test_an_invitation_expires(db, settings, monkeypatch):
    token = signup_links.make_signup_link(2).split("/join/")[1].rstrip("/")
    assert signup_links.is_valid_token(token)
    import time

    later = time.time() + 2 * 86400 + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert not signup_links.is_valid_token(token)


def test_an_unknown_name_does_not_sign_in_or_up(client, api, db):
    assert api.send("post", "auth/token/", {"login": "nobody-here", "password": GOOD}).status_code == 401
    client.post("/accounts/login/", {"login": "nobody-here", "password": GOOD})
    assert not User.objects.exists() and not SignIn.objects.exists()


def test_the_first_administrator_is_created_by_command(db, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", GOOD)
    call_command("createsuperuser", "--noinput", "--username", "admin", "--email", "")
    assert User.objects.get(username="admin").is_superuser
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput", "--username", "Adm1n", "--email", "")
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput", "--username", "a b", "--email", "")


def test_the_first_administrator_can_sign_in_without_mail(api, db, with_mail, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", GOOD)
    call_command("createsuperuser", "--noinput", "--username", "admin", "--email", "Root@Example.com")
    api.sign_in("admin", GOOD)
    api.sign_in("root@example.com", GOOD)


def test_a_confirmed_address_stays_with_its_account(make_user, with_mail):
    bob = make_user("bob", email="bob@example.com")
    EmailAddress.objects.create(user=bob, email="bob@example.com", verified=True)
    User.objects.create_superuser("root", "bob@example.com", GOOD)
    assert auth_backends.find_account("bob@example.com") == bob


def test_the_password_reset_page_is_not_cacheable(client, alice):
    for path in ("/accounts/password/reset/key/1-set-password/", "/accounts/password/reset/key/1-abc-def/"):
        assert "no-store" in client.get(path)["Cache-Control"]


def test_sign_up_links_of_the_first_release_are_still_valid():
    """Links that allow a person to sign up (if SIGNUP=invite) stay valid, even if version 0.1.0 signed them.

    The salt of the signature is a fixed text, so that it stays the same when modules are renamed.
    """
    assert signup_links.is_valid_token(signing.dumps(7, salt="accounts.invitations"))
