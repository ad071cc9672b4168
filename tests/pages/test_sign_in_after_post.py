"""A form that was sent after the session ended leads, after the sign-in, to the page that the form was on."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("address", ["/c/1/send/", "/c/1/read/"])
@pytest.mark.parametrize(
    ("data", "referer", "page"),
    [
        ({"next": "/c/1/"}, "", "/c/1/"),
        ({}, "http://testserver/c/1/", "http%3A//testserver/c/1/"),
        ({"next": "https://evil.example/"}, "https://evil.example/", "/"),
        ({}, "", "/"),
    ],
)
def test_a_sign_in_never_ends_at_an_address_that_only_accepts_post(client, db, address, data, referer, page):
    response = client.post(address, data, headers={"referer": referer})
    assert response.status_code == 302
    assert response["Location"].endswith(f"?next={page}")
