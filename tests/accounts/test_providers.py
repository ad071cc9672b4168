"""Google and GitHub (A2, A3, what is configured already): buttons, names, and whose account an e-mail opens."""

import pytest
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.socialaccount.internal.flows.login import complete_login
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from accounts.auth import providers
from accounts.auth.adapters import AccountAdapter, SocialAccountAdapter
from accounts.models import User

KEYS = {"APPS": [{"client_id": "id", "secret": "secret"}]}


@pytest.fixture
def request_(db):
    from django.contrib.auth.models import AnonymousUser

    request = RequestFactory().get("/accounts/github/login/callback/")
    request.session, request.user = SessionStore(), AnonymousUser()
    request._messages = CookieStorage(request)
    with context.request_context(request):
        yield request


@pytest.fixture
def github(settings):
    settings.SOCIALACCOUNT_PROVIDERS = {**settings.SOCIALACCOUNT_PROVIDERS, "github": KEYS}


def comes_back(request, uid="7", email="", verified=False, **data):
    """As after a walk over the provider, with what it says of the person."""
    adapter = SocialAccountAdapter(request)
    login = SocialLogin(user=User(), account=SocialAccount(provider="github", uid=uid, extra_data={}))
    login.provider = adapter.get_provider(request, "github")
    login.user = adapter.populate_user(request, login, {"email": email, **data})
    if email:
        login.email_addresses = [EmailAddress(email=email, verified=verified, primary=True)]
    login.state = {"process": "login"}
    return complete_login(request, login)


def test_without_keys_there_is_no_button_and_developers_read_which_are_missing():
    assert providers.list_configured() == []
    assert providers.list_unconfigured() == [
        ("Google", ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"]),
        ("GitHub", ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"]),
        ("WeChat", ["WEIXIN_CLIENT_ID", "WEIXIN_CLIENT_SECRET"]),
    ]


def test_with_keys_there_is_one(github):
    assert providers.list_configured() == [
        {"id": "github", "name": "GitHub", "icon": "github", "url": "/accounts/github/login/"}
    ]
    assert [name for name, _ in providers.list_unconfigured()] == ["Google", "WeChat"]


def test_somebody_new_gets_an_account_with_a_name_of_their_own(request_, github):
    comes_back(request_, username="octo-cat", name="Octo \u202eCat", email="o@example.com", verified=True)
    user = User.objects.get()
    assert (user.username, user.name, user.email) == ("octo-cat", "Octo Cat", "o@example.com")
    assert not user.has_usable_password()
    assert user.sign_ins.count() == 1


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ({"username": "b0b"}, "b0b"),
        ({"username": "admin", "name": ""}, "user"),
        ({"username": "", "name": "王 小明"}, "王_小明"),
        ({"username": "a b c!!"}, "a_b_c"),
        ({"username": "-x-y-.", "name": ""}, "x-y"),
        ({"username": "é" * 80}, "é" * 29),
        ({"username": "😀", "name": "\u202e"}, "user"),
        ({}, "user"),
    ],
)
def test_a_name_is_made_that_keeps_the_rules_and_is_free(request_, github, bob, said, made):
    comes_back(request_, **{"username": None, **said})
    (user,) = User.objects.exclude(pk=bob.pk)
    assert user.username.startswith(made)
    user.full_clean(exclude=["password"])


def test_an_e_mail_never_becomes_part_of_the_name(request_, github):
    comes_back(request_, email="secret.address@example.com", verified=True)
    assert "secret" not in User.objects.get().username


@pytest.mark.parametrize("verified", [False, True])
def test_an_e_mail_never_opens_an_account_that_exists(request_, github, person, verified):
    bob = person("bob", email="bob@example.com")
    EmailAddress.objects.create(user=bob, email="bob@example.com", verified=True, primary=True)
    comes_back(request_, username="mallory", email="bob@example.com", verified=verified)
    assert not SocialAccount.objects.filter(user=bob).exists()
    assert request_.session.get("_auth_user_id") != str(bob.pk)


def test_the_same_provider_account_comes_back_to_the_same_person(request_, github):
    comes_back(request_, username="octo")
    request_.session.flush()
    comes_back(request_, username="renamed")
    assert User.objects.count() == SocialAccount.objects.count() == 1


def test_a_suspended_person_does_not_come_in_by_a_provider(request_, github):
    comes_back(request_, username="octo")
    User.objects.update(is_active=False)
    request_.session.flush()
    from django.contrib.auth.models import AnonymousUser

    request_.user = AnonymousUser()
    answer = comes_back(request_, username="octo")
    assert answer.url == "/accounts/inactive/" and "_auth_user_id" not in request_.session


def test_closed_is_closed_by_this_door_too(request_, github, settings):
    settings.SIGNUP = "closed"
    comes_back(request_, username="octo")
    assert not User.objects.exists()


def test_names_run_out_never(request_, bob):
    adapter = AccountAdapter(request_)
    made = set()
    for _ in range(20):
        name = adapter.generate_unique_username(["bob"])
        made.add(name)
        User.objects.create_user(name)
    assert len(made) == 20
