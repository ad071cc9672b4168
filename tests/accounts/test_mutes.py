"""Tests of warnings, mutes for a time, and the notices by which users learn of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone, translation

from accounts import actions as account_actions
from accounts.models import Notice, User
from audit.models import AuditEntry
from calls import actions as call_actions
from chat import actions
from messenger.core.errors import ApplicationError
from tests.admin.conftest import moderator, send_message, superuser  # noqa: F401

HOUR = timedelta(hours=1)


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def acts() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_a_warning_is_on_every_page_until_it_was_read(alice, moderator, group):  # noqa: F811
    account_actions.warn_user(alice.pk, moderator.pk, "Don’t <b>insult</b> people")
    browser = browser_of(alice)
    for path in ("/", "/settings/", f"/c/{group.pk}/"):
        page = browser.get(path).content.decode()
        assert "The moderators have warned you." in page and "Don’t &lt;b&gt;insult" in page, path
    assert "The moderators have warned you." in browser.get("/notices/").content.decode()  # for scripts
    assert browser.get("/notices/", HTTP_SEC_FETCH_DEST="document").url == "/"
    notice = Notice.objects.get()
    assert browser_of(moderator).post(f"/notices/{notice.pk}/read/").status_code == 404
    assert (
        browser.post(f"/notices/{notice.pk}/read/", HTTP_REFERER=f"http://testserver/c/{group.pk}/").status_code == 302
    )
    assert "The moderators have warned you." not in browser.get("/").content.decode()
    assert browser.post(f"/notices/{notice.pk}/read/").status_code == 302  # a second click changes nothing
    alice.refresh_from_db()
    assert alice.notice_count == 0 and acts() == ["user.warn"]


def test_api_clients_list_notices_and_mark_them_as_read(alice, bob, moderator):  # noqa: F811
    account_actions.warn_user(alice.pk, moderator.pk, "Be kind")
    browser = browser_of(alice)
    assert browser.get("/api/v1/me/").json()["notice_count"] == 1
    (notice,) = browser.get("/api/v1/me/notices/").json()["results"]
    assert (notice["kind"], notice["text"], notice["until"]) == ("warning", "Be kind", None)
    assert browser_of(bob).post(f"/api/v1/me/notices/{notice['id']}/read/").status_code == 404
    assert browser.post(f"/api/v1/me/notices/{notice['id']}/read/").status_code == 204
    assert browser.get("/api/v1/me/notices/").json()["results"] == []


def test_a_warning_needs_a_reason_and_can_be_withdrawn(alice, moderator):  # noqa: F811
    with pytest.raises(ApplicationError, match="invalid"):
        account_actions.warn_user(alice.pk, moderator.pk, "")
    notice = account_actions.warn_user(alice.pk, moderator.pk, "Wrong person")
    for _ in range(2):
        account_actions.withdraw_warning(notice.pk, moderator.pk, "a mistake")
    assert "warned" not in browser_of(alice).get("/").content.decode()
    assert acts() == ["user.warn", "warning.withdraw"]


def test_a_muted_user_reads_but_writes_nowhere(alice, bob, moderator, group, direct_conversation):  # noqa: F811
    own, other = send_message(alice, group.pk, "before"), send_message(bob, group.pk, "what?")
    account_actions.mute_user(alice.pk, moderator.pk, HOUR, "Cool down")
    attempts = {
        "send": lambda: send_message(alice, group.pk, "more"),
        "send directly": lambda: send_message(alice, direct_conversation.pk, "more"),
        "forward": lambda: send_message(alice, direct_conversation.pk, "", forward_id=other),
        "edit": lambda: actions.edit_message(alice.pk, own, "more"),
        "react": lambda: actions.set_reaction(alice.pk, other, "👎", True),
        "pin": lambda: actions.set_pinned(alice.pk, own, True),
        "announce": lambda: actions.update_group(alice.pk, group.pk, {"announcement": "more"}),
        "create a group": lambda: actions.create_group(alice.pk, "more", [bob.pk]),
        "call": lambda: call_actions.invite(alice.pk, group.pk, "device-1", "audio"),
    }
    for name, attempt in attempts.items():
        with pytest.raises(ApplicationError) as refused:
            attempt()
        assert refused.value.code == "forbidden" and "You are muted until" in str(refused.value.detail), name
    with translation.override("zh-hans"):
        assert str(refused.value.detail)  # the text is made in the language of the reader
    browser = browser_of(alice)
    page = browser.get(f"/c/{group.pk}/").content.decode()
    assert "what?" in page and "composer-closed" in page and "Cool down" in page and "<message-composer" not in page
    actions.delete_message(alice.pk, own)  # taking something back is possible
    send_message(bob, group.pk, "others may write")


def test_a_mute_ends_by_itself_or_by_a_moderator(alice, moderator, group):  # noqa: F811
    account_actions.mute_user(alice.pk, moderator.pk, HOUR)
    User.objects.filter(pk=alice.pk).update(muted_until=timezone.now() - timedelta(seconds=1))
    send_message(alice, group.pk, "again")
    account_actions.unmute_user(alice.pk, moderator.pk)  # nothing to end
    account_actions.mute_user(alice.pk, moderator.pk, HOUR)
    account_actions.mute_user(alice.pk, moderator.pk, 24 * HOUR)
    account_actions.unmute_user(alice.pk, moderator.pk, "a mistake")
    send_message(alice, group.pk, "and again")
    assert "<message-composer" in browser_of(alice).get(f"/c/{group.pk}/").content.decode()
    assert acts() == ["user.mute", "user.mute", "user.mute", "user.unmute"]
    assert AuditEntry.objects.order_by("pk")[2].before.keys() == {"until"}


def test_a_mute_needs_an_end(alice, moderator):  # noqa: F811
    with pytest.raises(ApplicationError, match="invalid"):
        account_actions.mute_user(alice.pk, moderator.pk, None)


@pytest.mark.parametrize("who", ["bob", "moderator"])
def test_nobody_mutes_or_warns_himself_or_staff_or_without_permission(
    who,
    request,
    bob,
    moderator,  # noqa: F811
    superuser,  # noqa: F811
):
    actor = request.getfixturevalue(who)
    for target in (actor, superuser):
        for act in (
            lambda user: account_actions.mute_user(user.pk, actor.pk, HOUR),
            lambda user: account_actions.warn_user(user.pk, actor.pk, "x"),
            lambda user: account_actions.unmute_user(user.pk, actor.pk),
        ):
            with pytest.raises(ApplicationError, match="forbidden"):
                act(target)
    assert acts() == []


def test_moderators_warn_and_mute_from_the_list_of_people(alice, bob, moderator):  # noqa: F811
    browser = browser_of(moderator)
    data = {"_selected_action": [alice.pk, bob.pk], "index": 0, "confirmed": "yes", "reason": "Be kind"}
    url = "/admin/accounts/user/"
    assert "2 people warned." in browser.post(url, data | {"action": "warn"}, follow=True).content.decode()
    page = browser.post(url, data | {"action": "mute"}, follow=True).content.decode()
    assert "Choose for how long" in page
    assert "2 people muted." in browser.post(url, data | {"action": "mute", "days": "1h"}, follow=True).content.decode()
    assert "2 mutes ended." in browser.post(url, data | {"action": "unmute"}, follow=True).content.decode()
    assert Notice.objects.count() == 6


def test_outcomes_of_many_reports_are_one_notice_and_are_read_together(alice, moderator):  # noqa: F811
    for kind in ("report_acted", "report_acted", "report_dismissed", "report_acted"):
        last = account_actions.add_notice(alice.pk, Notice.Kind(kind))
    account_actions.warn_user(alice.pk, moderator.pk, "Be kind")
    browser = browser_of(alice)
    page = browser.get("/notices/").content.decode()
    assert "Thank you for your 3 reports. The moderators have acted on them." in page
    assert "Thank you for your report. The moderators have looked at it" in page
    assert page.count("I have read this") == 3
    browser.post(f"/notices/{last.pk}/read/")
    assert browser.get("/notices/").content.decode().count("I have read this") == 2
    alice.refresh_from_db()
    assert alice.notice_count == 2
