"""Tests that every kind of response has the HTTP headers that protect users, such as X-Content-Type-Options."""

from __future__ import annotations

import pytest

EXPECTED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", ["/", "/accounts/login/", "/api/v1/me/", "/api/docs/", "/api/docs/?script=", "/nothing-here/", "/people/"]
)
def test_responses_have_security_headers(client, alice, path):
    client.force_login(alice)
    response = client.get(path)
    assert {name: response.headers.get(name) for name in EXPECTED} == EXPECTED
    allowed = response.headers["Permissions-Policy"]
    assert "microphone=(self)" in allowed and "geolocation=()" in allowed and "camera=(self)" in allowed
