"""Tests of avatars of groups: an uploaded image is re-encoded, only members see it, and changes are sent as events."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from chat import actions
from chat.models import Conversation, Message
from tests.api.conftest import assert_error


def make_picture(kind: str = "PNG", size: tuple[int, int] = (300, 200)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "teal").save(written, kind)
    return written.getvalue()


@pytest.fixture
def set_picture(api, group):
    def set_picture(user, content: bytes, name: str = "a.png"):
        body = encode_multipart(BOUNDARY, {"avatar": SimpleUploadedFile(name, content)})
        return api(user)("PUT", f"conversations/{group.pk}/avatar/", body, content_type=MULTIPART_CONTENT)

    return set_picture


def test_set_and_remove_a_group_avatar(api, alice, bob, mallory, group, set_picture):
    given = set_picture(alice, make_picture())
    assert given.status_code == 200, given.content
    url = given.json()["avatar_url"]
    assert url.startswith(f"/avatars/rooms/{group.pk}/") and url.endswith(".webp")
    shown = api(bob).get(url)
    assert shown.status_code == 200 and shown["Content-Type"] == "image/webp"
    assert shown["Cache-Control"].startswith("private")
    with Image.open(BytesIO(b"".join(shown.streaming_content))) as picture:
        assert picture.size == (256, 256)
    assert api(mallory).get(url).status_code == 404
    assert Client().get(url).status_code == 401
    second = set_picture(alice, make_picture("JPEG")).json()["avatar_url"]
    assert second != url and api(bob).get(url).status_code == 404
    gone = api(alice).delete(f"conversations/{group.pk}/avatar/").json()
    assert gone["avatar_url"] is None
    assert api(alice).delete(f"conversations/{group.pk}/avatar/").status_code == 200
    told = [line.event["new"] for line in Message.objects.filter(kind="system").order_by("seq")]
    assert told == ["picture", "picture", None]


def test_an_invalid_picture_changes_nothing(api, alice, bob, group, direct_conversation, set_picture):
    version = Conversation.objects.get(pk=group.pk).version
    assert_error(set_picture(alice, b"<svg onload=alert(1)>", "a.svg"), "invalid", 400, "avatar")
    assert_error(set_picture(alice, b"x" * (5 * 1024 * 1024 + 1)), "too_large", 413)
    assert_error(set_picture(bob, make_picture()), "forbidden", 403)
    assert Conversation.objects.get(pk=group.pk).version == version


def test_former_members_cannot_see_it(api, alice, bob, group, set_picture):
    url = set_picture(alice, make_picture()).json()["avatar_url"]
    actions.remove_member(alice.pk, group.pk, bob.pk)
    assert api(bob).get(url).status_code == 404


def test_an_invite_link_shows_the_avatar(api, alice, carol, group, set_picture):
    set_picture(alice, make_picture())
    invite = actions.create_invite(alice.pk, group.pk)
    url = api(carol).get(f"invites/{invite.token}/").json()["avatar_url"]
    browser = Client()
    browser.force_login(carol)
    assert browser.get(url).status_code == 200
    actions.revoke_invite(alice.pk, group.pk, invite.id)
    assert browser.get(url).status_code == 404
