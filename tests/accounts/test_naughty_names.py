"""Tests that naughty strings (texts that often reveal bugs) in account fields never cause a server error."""

import pytest
from django.test import Client

from tests.naughty_strings import OURS, sample_naughty_strings


@pytest.fixture
def texts() -> list[str]:
    return sample_naughty_strings()


def postable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # a form cannot hold a lone surrogate


def test_naughty_strings_in_the_api(make_api, alice, texts):
    app, stranger = make_api(alice), make_api()
    for text in texts:
        for changes in ({"name": text, "bio": text}, {"username": text}, {"time_zone": text, "theme": text}):
            assert app.send("patch", "me/", changes).status_code in {200, 400}, changes
        assert stranger.send("post", "auth/token/", {"login": text, "password": text}).status_code in {400, 401}
        assert stranger.send("post", "auth/token/refresh/", {"refresh": text}).status_code in {400, 401}
        answer = stranger.send("post", "auth/signup/", {"username": text, "email": text, "password": text})
        assert answer.status_code in {201, 400}


def test_naughty_strings_on_pages(alice, texts):
    browser, stranger = Client(), Client()
    browser.force_login(alice)
    # Pages are slow, so the test uses all of our own strings, but only every twelfth string of the list.
    for text in map(postable, [*OURS, *texts[len(OURS) :: 12]]):
        form = {"username": "alice", "name": text, "bio": text, "theme": "system", "language": text, "time_zone": text}
        answer = browser.post("/settings/", form)
        assert answer.status_code in {302, 422}
        assert b"<script>alert(" not in answer.content
        answer = stranger.post("/accounts/login/", {"login": text, "password": "x", "next": text})
        assert answer.status_code == 200 and b"<script>alert(" not in answer.content
    long = browser.get("/settings/", headers={"cookie": f"{browser.cookies.output(header='', sep=';')}; timezone=%00"})
    assert long.status_code == 200
