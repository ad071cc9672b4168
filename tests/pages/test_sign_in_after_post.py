"""A form that was sent after the session ended leads, after the sign-in, to the page that the form was on."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

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
    """Returns a path for each URL pattern of the pages, with 1 for each number and `x` for each other part."""
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
