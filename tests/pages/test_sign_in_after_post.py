"""Tests of forms that are sent after the session has ended.

After the sign-in, the user must come back to the page that contains the form.
"""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from chat import actions
from chat.models import Message
from scheduling import scheduled_messages
from tests.servers import PASSWORD


@pytest.mark.parametrize("address", ["/c/1/send/", "/c/1/read/"])
@pytest.mark.parametrize(
    ("data", "referer", "page"),
    [
        ({"next": "/c/1/"}, "", "/c/1/"),
        ({}, "http://testserver/c/1/", "/c/1/"),
        ({"next": "https://evil.example/"}, "https://evil.example/", "/"),
        ({}, "", "/"),
    ],
)
def test_a_sign_in_never_ends_at_an_address_that_only_accepts_post(client, db, address, data, referer, page):
    response = client.post(address, data, headers={"referer": referer})
    assert response.status_code == 302
    assert response["Location"].endswith(f"?next={page}")


def list_paths(resolver: URLResolver, prefix: str = "/") -> list[str]:
    """Returns an example path for each URL pattern of the pages. Ids are replaced by 1, all other parameters by `x`."""
    paths = []
    for entry in resolver.url_patterns:
        route = prefix + re.sub(
            r"<(\w+:)?\w+>", lambda part: "1" if "id" in part[0] or "int" in part[0] else "x", str(entry.pattern)
        )
        if isinstance(entry, URLPattern):
            paths.append(route)
        elif not route.startswith(("/admin/", "/api/", "/accounts/", "/i18n/")):
            paths += list_paths(entry, route)
    return [path for path in paths if not re.search(r"[\\^$(]", path)]


@pytest.mark.usefixtures("transactional_db")
def test_every_address_that_only_accepts_post_leads_back_to_the_page_of_its_form(alice):
    signed_in, checked = Client(), 0
    signed_in.force_login(alice)
    for path in list_paths(get_resolver()):
        if signed_in.get(path).status_code != 405:
            continue
        response = Client().post(path, {}, headers={"referer": "http://testserver/c/1/?panel=members"})
        if response.status_code == 302 and "/accounts/login/" in response["Location"]:
            assert response["Location"].endswith("?next=/c/1/%3Fpanel%3Dmembers"), path
            checked += 1
    assert checked > 10


def test_after_signing_in_the_page_of_the_form_is_shown(client, alice, group):
    response = client.post(
        f"/c/{group.pk}/send/", {"body": "x"}, headers={"referer": f"http://testserver/c/{group.pk}/"}
    )
    page = client.post(
        response["Location"], {"login": "alice", "password": PASSWORD, "next": f"/c/{group.pk}/"}, follow=True
    )
    assert page.redirect_chain[-1][0] == f"/c/{group.pk}/" and page.status_code == 200


def test_the_words_of_a_message_are_back_after_signing_in(client, alice, group):
    page = f"/c/{group.pk}/"
    response = client.post(f"{page}send/", {"body": "字字 & words", "next": page})
    client.post(response["Location"], {"login": "alice", "password": PASSWORD, "next": page})
    assert "字字 &amp; words</textarea>" in client.get(page).content.decode()
    assert "字字" not in client.get(page).content.decode()  # only once


@pytest.mark.parametrize(
    ("page", "action", "data"),
    [
        ("/settings/", "/settings/", {"username": "alice", "bio": "字字 & words"}),
        ("/c/{group}/settings/", "/c/{group}/settings/", {"title": "Room", "announcement": "字字 & words"}),
        ("/new/", "/new/group/", {"title": "字字 & words"}),
        ("/settings/notifications/", "/settings/notifications/", {"keywords": "字字 & words"}),
        ("/accounts/email/", "/accounts/email/", {"email": "字字 & words", "action_add": ""}),
        ("/m/{message}/act/", "/m/{message}/edit/", {"body": "字字 & words"}),
        ("/m/{message}/act/", "/m/{message}/report/", {"reason": "字字 & words"}),
        ("/m/{message}/forward/", "/m/{message}/forward/", {"body": "字字 & words"}),
        ("/c/{group}/send-later/", "/c/{group}/send-later/", {"body": "字字 & words"}),
        ("/c/{group}/send-later/", "/c/{group}/send-later/", {"body": "字字 & words", "at": "2026-12-01T09:00"}),
        ("/later/{scheduled}/", "/later/{scheduled}/", {"body": "字字 & words", "choice": "2026-12-01T09:00+08:00"}),
        ("/c/{group}/words/", "/c/{group}/words/", {"words": "字字 & words", "effect": "mask"}),
        ("/people/{bob}/report/", "/people/{bob}/report/", {"kind": "spam", "reason": "字字 & words"}),
    ],
)
def test_the_words_of_each_form_are_back_after_signing_in(
    transactional_db, client, alice, bob, group, page, action, data
):
    sender = bob if "report" in action else alice
    message, _created = actions.send_message(sender.pk, group.pk, uuid.uuid4(), "hello")
    in_an_hour = timezone.now() + timedelta(hours=1)
    scheduled, _created = scheduled_messages.schedule(alice.pk, group.pk, uuid.uuid4(), "later", in_an_hour)
    ids = {"group": group.pk, "message": message.id, "scheduled": scheduled.pk, "bob": bob.pk}
    page, action = page.format(**ids), action.format(**ids)
    response = client.post(action, data | {"next": page})
    assert response.status_code == 302 and response["Location"].endswith(f"?next={page}")
    client.post(response["Location"], {"login": "alice", "password": PASSWORD, "next": page})
    assert "字字 &amp; words" in client.get(page).content.decode()
    assert "字字" not in client.get(page).content.decode()  # only once


def test_a_password_is_never_kept_for_after_the_sign_in(client, alice):
    client.post("/settings/", {"username": "alice", "password": "secret words", "bio": "x"})
    assert "secret words" not in str(dict(client.session))


def test_an_expired_form_shows_the_words_and_sends_them_again(alice, group, transactional_db):
    """A form whose CSRF token has expired is shown again with its values, so that the user can send them again.

    The token has expired because alice has signed in again in another tab.
    """
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    url, own = f"/c/{group.pk}/send/", {"origin": settings.SITE_URL, "host": urlsplit(settings.SITE_URL).netloc}
    client_id = str(uuid.uuid4())
    expired = {"csrfmiddlewaretoken": "x" * 64, "body": "字字 & words", "client_id": client_id}
    refused = browser.post(url, expired, headers=own)
    shown = refused.content.decode()
    assert refused.status_code == 403 and ">字字 &amp; words</textarea>" in shown and client_id in shown
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown)[1]
    again = {"csrfmiddlewaretoken": token, "body": "字字 & words", "client_id": client_id}
    assert browser.post(url, again, headers=own).status_code == 302
    assert Message.objects.get(kind="text").body == "字字 & words"


def test_an_expired_form_of_another_page_is_sent_again_with_its_values(alice, group, transactional_db):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    url, own = f"/c/{group.pk}/settings/", {"origin": settings.SITE_URL, "host": urlsplit(settings.SITE_URL).netloc}
    values = {"title": "Room", "description": "字字 & words", "announcement": "", "members_may_add": "on"}
    shown = browser.post(url, values | {"csrfmiddlewaretoken": "x" * 64}, headers=own).content.decode()
    fields = dict(re.findall(r'<input name="(\w+)" type="hidden" value="([^"]*)">', shown))
    assert fields == values | {"description": "字字 &amp; words"}
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown)[1]
    assert browser.post(url, values | {"csrfmiddlewaretoken": token}, headers=own).status_code == 302
    group.refresh_from_db()
    assert group.description == "字字 & words"
    refused = browser.post("/accounts/password/change/", {"oldpassword": "a", "password1": "b"}, headers=own)
    assert "Send again" not in refused.content.decode()  # without the passwords it would be incomplete


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("page", ["/accounts/login/", "/accounts/signup/"])
def test_an_expired_form_with_a_password_shows_its_other_values_again(page):
    browser = Client(enforce_csrf_checks=True)
    own = {"origin": settings.SITE_URL, "host": urlsplit(settings.SITE_URL).netloc}
    name = "login" if "login" in page else "username"
    refused = browser.post(
        page, {name: "小明不见了", "password1": "secret-words", "password": "secret-words"}, headers=own
    )
    assert refused.status_code == 403 and f'href="{page}"' in refused.content.decode()
    shown = browser.get(page, headers=own).content.decode()
    assert 'value="小明不见了"' in shown and "secret-words" not in shown
    assert "小明不见了" not in browser.get(page, headers=own).content.decode()  # only once


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_words_of_another_site_are_not_offered_for_sending(alice, group, origin):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    refused = browser.post(f"/c/{group.pk}/send/", {"body": "evil words"}, headers={"origin": origin})
    assert refused.status_code == 403 and "evil words" not in refused.content.decode()
