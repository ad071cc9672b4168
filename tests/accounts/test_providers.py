"""Tests of sign-in with Google and GitHub: buttons, user names, and e-mail addresses of existing accounts.

An e-mail address that Google or GitHub sends never gives access to an existing account.
"""

import pytest
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.socialaccount.internal.flows.login import complete_login
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory
from django.utils import timezone

from accounts.auth import providers
from accounts.auth.adapters import AccountAdapter, SocialAccountAdapter
from accounts.models import User

KEYS = {"APPS": [{"client_id": "id", "secret": "secret"}]}


@pytest.fixture
def social_request(db):
    from django.contrib.auth.models import AnonymousUser

    request = RequestFactory().get("/accounts/github/login/callback/")
    request.session, request.user = SessionStore(), AnonymousUser()
    request._messages = CookieStorage(request)
    with context.request_context(request):
        yield request


@pytest.fixture
def github(settings):
    settings.SOCIALACCOUNT_PROVIDERS = {**settings.SOCIALACCOUNT_PROVIDERS, "github": KEYS}


def complete_sign_in(request, uid="7", email="", verified=False, **data):
    """Completes a sign-in with GitHub, as if GitHub had sent the account data in the arguments. Returns the response.

    `uid` is the id of the GitHub account; `verified` tells whether GitHub has verified the address `email`.
    """
    adapter = SocialAccountAdapter(request)
    login = SocialLogin(user=User(), account=SocialAccount(provider="github", uid=uid, extra_data={}))
    login.provider = adapter.get_provider(request, "github")
    login.user = adapter.populate_user(request, login, {"email": email, **data})
    if email:
        login.email_addresses = [EmailAddress(email=email, verified=verified, primary=True)]
    login.state = {"process": "login"}
    return complete_login(request, login)


def test_a_provider_without_keys_has_no_button_but_a_hint_in_debug():
    assert providers.list_configured() == []
    assert providers.list_unconfigured() == [
        ("Google", ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"]),
        ("GitHub", ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"]),
        ("WeChat", ["WEIXIN_CLIENT_ID", "WEIXIN_CLIENT_SECRET"]),
    ]


def test_a_provider_with_keys_has_a_button(github):
    assert providers.list_configured() == [
        {"id": "github", "name": "GitHub", "icon": "github", "url": "/accounts/github/login/"}
    ]
    assert [name for name, _ in providers.list_unconfigured()] == ["Google", "WeChat"]


def test_a_new_user_gets_an_account_with_a_user_name(social_request, github):
    complete_sign_in(social_request, username="octo-cat", name="Octo \u202eCat", email="o@example.com", verified=True)
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
def test_the_generated_user_name_is_valid_and_free(social_request, github, bob, said, made):
    complete_sign_in(social_request, **{"username": None, **said})
    (user,) = User.objects.exclude(pk=bob.pk)
    assert user.username.startswith(made)
    user.full_clean(exclude=["password"])


def test_the_user_name_contains_no_email(social_request, github):
    complete_sign_in(social_request, email="secret.address@example.com", verified=True)
    assert "secret" not in User.objects.get().username


@pytest.mark.parametrize("verified", [False, True])
def test_a_provider_email_does_not_sign_in_to_an_existing_account(social_request, github, make_user, verified):
    bob = make_user("bob", email="bob@example.com")
    EmailAddress.objects.create(user=bob, email="bob@example.com", verified=True, primary=True)
    complete_sign_in(social_request, username="mallory", email="bob@example.com", verified=verified)
    assert not SocialAccount.objects.filter(user=bob).exists()
    assert social_request.session.get("_auth_user_id") != str(bob.pk)


@pytest.mark.parametrize("has_signed_in", [False, True])
def test_a_sign_up_that_was_never_confirmed_does_not_keep_the_owner_of_the_address_out(
    social_request, github, make_user, settings, has_signed_in
):
    """mallory signs up with carol's e-mail address, but cannot confirm it. Then carol signs in with GitHub.

    GitHub has verified that the address belongs to carol, so mallory's account is deleted and carol gets an account.
    But if mallory has used the account before (`has_signed_in`), it stays, and carol gets none.
    """
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    mallory = make_user("mallory", email="carol@example.com")
    EmailAddress.objects.create(user=mallory, email="carol@example.com", verified=False, primary=True)
    if has_signed_in:  # before the site required confirmed addresses
        User.objects.filter(pk=mallory.pk).update(last_login=timezone.now())
    complete_sign_in(social_request, username="carol", email="carol@example.com", verified=True)
    names = set(User.objects.values_list("username", flat=True))
    assert names == ({"mallory"} if has_signed_in else {"carol"})
    assert SocialAccount.objects.exists() is not has_signed_in


def test_an_unconfirmed_second_address_does_not_keep_the_owner_of_the_address_out(social_request, github, make_user):
    """mallory, who uses her account, adds carol's e-mail address to it, and cannot confirm it."""
    mallory = make_user("mallory", email="mallory@example.com", last_login=timezone.now())
    EmailAddress.objects.create(user=mallory, email="mallory@example.com", verified=True, primary=True)
    EmailAddress.objects.create(user=mallory, email="carol@example.com", verified=False, primary=False)
    complete_sign_in(social_request, username="carol", email="carol@example.com", verified=True)
    carol = SocialAccount.objects.get().user
    assert (carol.username, carol.email) == ("carol", "carol@example.com")
    assert list(mallory.emailaddress_set.values_list("email", flat=True)) == ["mallory@example.com"]


def test_the_same_provider_account_signs_in_the_same_user(social_request, github):
    complete_sign_in(social_request, username="octo")
    social_request.session.flush()
    complete_sign_in(social_request, username="renamed")
    assert User.objects.count() == SocialAccount.objects.count() == 1


def test_a_suspended_user_cannot_sign_in_with_a_provider(social_request, github):
    complete_sign_in(social_request, username="octo")
    User.objects.update(is_active=False)
    social_request.session.flush()
    from django.contrib.auth.models import AnonymousUser

    social_request.user = AnonymousUser()
    answer = complete_sign_in(social_request, username="octo")
    assert answer.url == "/accounts/suspended/" and "_auth_user_id" not in social_request.session


def test_closed_sign_up_applies_to_providers(social_request, github, settings):
    settings.SIGNUP = "closed"
    complete_sign_in(social_request, username="octo")
    assert not User.objects.exists()


def test_a_free_user_name_is_always_found(social_request, bob):
    adapter = AccountAdapter(social_request)
    made = set()
    for _ in range(20):
        name = adapter.generate_unique_username(["bob"])
        made.add(name)
        User.objects.create_user(name)
    assert len(made) == 20
