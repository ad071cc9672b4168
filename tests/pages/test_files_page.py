"""Tests of the page that lists the files of a conversation: by kind, newest first, paginated, for members only."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import actions
from chat.actions import attachments
from chat.attachments import uploads
from chat.models import Attachment
from chat.views import file_list
from tests.attachments.test_message_files import make_image

pytestmark = pytest.mark.usefixtures("transactional_db")


def send_files(person, group, *named: tuple[str, bytes], body: str = ""):
    ids = [uploads.store_upload(person.pk, name, len(data), [data]).pk for name, data in named]
    message, _ = actions.send_message(person.pk, group.pk, uuid.uuid4(), body, attachment_ids=ids)
    for each in Attachment.objects.filter(message=message.id, kind="image"):
        attachments.process_file(each.file_id)
    return message


def names(page) -> list[str]:
    return [each.text for each in page.all(cls="doc-name")]


def test_files_by_kind_with_sender_and_link_to_the_message(browser, alice, bob, group):
    send_files(bob, group, ("old.pdf", b"%PDF-1.4 old"))
    message = send_files(alice, group, ("a.png", make_image()), ("new.pdf", b"%PDF-1.4 new"))
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/files/")
    assert names(page) == ["new.pdf", "old.pdf"] and len(page.all("a", cls="attachment-image")) == 1
    assert [each.one("b").text for each in page.all("p", cls="file-by")] == ["Alice", "Alice", "Bob"]
    assert page.all("p", cls="file-by")[0].one("a")["href"] == f"/m/{message.id}/"
    photos = alice_browser.get(f"/c/{group.pk}/files/", kind="image")
    assert names(photos) == [] and len(photos.all("a", cls="attachment-image")) == 1
    documents = alice_browser.get(f"/c/{group.pk}/files/", kind="file")
    assert names(documents) == ["new.pdf", "old.pdf"] and not documents.all("a", cls="attachment-image")
    assert documents.one("nav", cls="kinds").one("a", aria_current="page").text == "Documents"
    # The menu of the conversation links to the page.
    assert alice_browser.get(f"/c/{group.pk}/").one(id="conversation-menu").all("a", href=f"/c/{group.pk}/files/")


def test_a_picture_in_processing_shows_its_name(browser, alice, group):
    upload = uploads.store_upload(alice.pk, "a.png", len(make_image()), [make_image()])
    actions.send_message(alice.pk, group.pk, uuid.uuid4(), "", attachment_ids=[upload.pk])
    shot = browser(alice).get(f"/c/{group.pk}/").one("ol").one("a", cls="attachment-image")
    assert shot.one("canvas")["aria-label"] == shot.one("noscript").text == "a.png"


def test_files_are_searched_by_name_and_kind_in_this_conversation_only(
    browser, alice, bob, group, direct_conversation, monkeypatch
):
    monkeypatch.setattr(file_list, "PAGE_SIZE", 2)
    send_files(bob, direct_conversation, ("plan of ours.pdf", b"%PDF-1.4"))
    found = send_files(bob, group, ("Plan 1.pdf", b"%PDF-1.4"), ("other.pdf", b"%PDF-1.4"), body="plan")
    send_files(alice, group, ("plan.png", make_image()))
    send_files(alice, group, ("年度计划_plan.pdf", b"%PDF-1.4"))
    send_files(bob, group, ("holiday.pdf", b"%PDF-1.4"), body="not the plan")
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/files/", q="PLAN")
    assert names(page) == ["年度计划_plan.pdf"] and len(page.all("a", cls="attachment-image")) == 1
    (older,) = [link for link in page.all("a") if link.text == "Older files"]
    rest = alice_browser.get(f"/c/{group.pk}/files/" + older["href"])
    assert names(rest) == ["Plan 1.pdf"]
    assert rest.one("p", cls="file-by").one("a")["href"] == f"/m/{found.id}/?q=PLAN"
    page = alice_browser.get(f"/c/{group.pk}/files/", q="plan", kind="file")
    assert names(page) == ["年度计划_plan.pdf", "Plan 1.pdf"]
    assert page.one("input", name="kind")["value"] == "file"
    assert page.one("nav", cls="kinds").all("a")[1]["href"] == "?q=plan&kind=image"
    assert names(alice_browser.get(f"/c/{group.pk}/files/", q="from:bob has:file")) == [
        "holiday.pdf",
        "Plan 1.pdf",
        "other.pdf",
    ]
    assert "No files found for" in alice_browser.get(f"/c/{group.pk}/files/", q="nothing").one("main").text
    page = alice_browser.get(f"/c/{group.pk}/files/", q="has:everything")
    assert page.status == 400 and page.one("main").one(role="alert").text.startswith("“has:”")


def test_text_of_an_empty_page(browser, alice, group):
    alice_browser = browser(alice)
    assert "No files yet" in alice_browser.get(f"/c/{group.pk}/files/").one(cls="empty").text
    assert "No photos yet" in alice_browser.get(f"/c/{group.pk}/files/", kind="image").one(cls="empty").text
    assert (
        "No files yet" in alice_browser.get(f"/c/{group.pk}/files/", kind="nonsense", before="x").one(cls="empty").text
    )


def test_pages_take_as_many_queries_for_many_files_as_for_few(browser, alice, group, monkeypatch):
    monkeypatch.setattr(file_list, "PAGE_SIZE", 3)
    for number in range(5):
        send_files(alice, group, (f"{number}.pdf", b"%PDF-1.4"))
    alice_browser = browser(alice)
    page = alice_browser.get(f"/c/{group.pk}/files/", kind="file")
    assert names(page) == ["4.pdf", "3.pdf", "2.pdf"]
    (older,) = [link for link in page.all("a") if link.text == "Older files"]
    rest = alice_browser.get(
        f"/c/{group.pk}/files/",
        **dict(direct_conversation.split("=") for direct_conversation in older["href"].removeprefix("?").split("&")),
    )
    assert names(rest) == ["1.pdf", "0.pdf"]
    assert not [link for link in rest.all("a") if link.text == "Older files"]
    counts = []
    for size in (1, 5):
        monkeypatch.setattr(file_list, "PAGE_SIZE", size)
        with CaptureQueriesContext(connection) as asked:
            alice_browser.get(f"/c/{group.pk}/files/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_deleted_files_are_not_listed_and_non_members_get_404(browser, alice, bob, mallory, group):
    message = send_files(alice, group, ("secret.pdf", b"%PDF-1.4"))
    assert browser(mallory).get(f"/c/{group.pk}/files/").status == 404
    assert browser(mallory).get(f"/c/{group.pk}/files/", q="secret").status == 404
    assert names(browser(bob).get(f"/c/{group.pk}/files/", q="secret")) == ["secret.pdf"]
    actions.delete_message(alice.pk, message.id)
    assert names(browser(bob).get(f"/c/{group.pk}/files/")) == []
    assert names(browser(bob).get(f"/c/{group.pk}/files/", q="secret")) == []
