"""Tests that suspended users see why and until when, that they can appeal, and that a suspension ends by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import actions
from accounts.models import Suspension, User
from audit.models import AuditEntry
from messenger.core.errors import ApplicationError
from tests.admin.conftest import moderator  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse 7"


@pytest.fixture
def alice(make_user):
    user = make_user("alice")
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(user: User, password: str = PASSWORD) -> tuple[Client, str]:
    """Returns a browser after the sign-in form, and the text of the page that it shows then."""
    browser = Client()
    response = browser.post("/accounts/login/", {"login": user.username, "password": password}, follow=True)
    return browser, response.content.decode()


def test_a_suspended_user_sees_reason_and_end_after_the_right_password(alice, moderator):  # noqa: F811
    actions.suspend_user(alice.pk, moderator.pk, "Spam in three groups", timedelta(days=7))
    browser, page = sign_in(alice)
    assert "Spam in three groups" in page and "suspended it until" in page
    assert browser.get("/settings/").status_code == 302
    _, page = sign_in(alice, "wrong password 7")
    assert "Spam in three groups" not in page


def test_nobody_sees_the_page_without_a_sign_in(alice, moderator):  # noqa: F811
    actions.suspend_user(alice.pk, moderator.pk, "Spam")
    response = Client().get("/accounts/suspended/")
    assert (response.status_code, response.url) == (302, "/accounts/login/")


def test_a_suspended_user_appeals_once_and_reads_the_answer(alice, moderator):  # noqa: F811
    actions.suspend_user(alice.pk, moderator.pk, "Spam")
    browser, _ = sign_in(alice)
    assert browser.post("/accounts/suspended/", {"text": " \n"}).status_code == 400
    page = browser.post("/accounts/suspended/", {"text": "It was my brother"}, follow=True).content.decode()
    assert "It was my brother" in page and "<textarea" not in page
    assert browser.post("/accounts/suspended/", {"text": "Again"}).status_code == 400
    suspension = Suspension.objects.get()
    actions.reject_appeal(suspension.pk, moderator.pk, "Keep your password to yourself")
    assert "Keep your password to yourself" in browser.get("/accounts/suspended/").content.decode()
    with pytest.raises(ApplicationError):
        actions.reject_appeal(suspension.pk, moderator.pk, "again")
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["user.suspend", "appeal.reject"]


def test_moderators_answer_appeals_in_the_admin(alice, moderator):  # noqa: F811
    actions.suspend_user(alice.pk, moderator.pk, "Spam")
    actions.appeal(alice.pk, "It was <b>my brother</b>")
    suspension = Suspension.objects.get()
    browser = Client()
    browser.force_login(moderator)
    page = browser.get("/admin/accounts/suspension/", {"state": "appeal"}).content.decode()
    assert "alice" in page and "It was &lt;b&gt;my brother" in page
    browser.post(f"/admin/accounts/suspension/{suspension.pk}/act/", {"act": "accept_appeal", "reason": "true"})
    suspension.refresh_from_db()
    alice.refresh_from_db()
    assert alice.is_active and suspension.ended_at
    page = browser.get("/admin/accounts/suspension/", {"state": "appeal"}).content.decode()
    assert "It was" not in page


def test_a_suspension_ends_at_its_time(alice, bob, moderator):  # noqa: F811
    actions.suspend_user(alice.pk, moderator.pk, "A day", timedelta(days=1))
    actions.suspend_user(bob.pk, moderator.pk, "For good")
    assert actions.end_expired_suspensions() == 0
    Suspension.objects.filter(user=alice).update(until=timezone.now())
    assert actions.end_expired_suspensions() == 1
    alice.refresh_from_db()
    bob.refresh_from_db()
    assert (alice.is_active, bob.is_active) == (True, False)
    entry = AuditEntry.objects.get(action="user.restore")
    assert (entry.actor_id, entry.target_id) == (None, str(alice.pk))


def test_a_second_suspension_replaces_reason_and_end_and_the_first_stays_in_the_history(alice, moderator):  # noqa: F811
    actions.suspend_user(alice.pk, moderator.pk, "A day", timedelta(days=1))
    actions.suspend_user(alice.pk, moderator.pk, "For good after all")
    suspension = Suspension.objects.get()
    assert (suspension.reason, suspension.until) == ("For good after all", None)
    actions.restore_user(alice.pk, moderator.pk)
    actions.suspend_user(alice.pk, moderator.pk, "Again")
    assert Suspension.objects.count() == 2


def test_the_admin_asks_for_how_long_and_why(alice, moderator):  # noqa: F811
    browser = Client()
    browser.force_login(moderator)
    data = {"action": "suspend", "_selected_action": [alice.pk]}
    assert 'name="days"' in browser.post("/admin/accounts/user/", data).content.decode()
    browser.post("/admin/accounts/user/", data | {"confirmed": "yes", "reason": "Spam", "days": "7"})
    suspension = Suspension.objects.get()
    assert suspension.reason == "Spam" and suspension.moderator == moderator
    assert timedelta(days=6.9) < suspension.until - timezone.now() <= timedelta(days=7)


def test_the_api_says_why_and_until_when(alice, moderator):  # noqa: F811
    actions.suspend_user(alice.pk, moderator.pk, "Spam in three groups", timedelta(days=7))
    answer = Client().post(
        "/api/v1/auth/token/", {"login": "alice", "password": PASSWORD}, content_type="application/json"
    )
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith("Spam in three groups")


def test_moderators_cannot_suspend_staff_or_answer_for_themselves(moderator, make_user):  # noqa: F811
    other = make_user("molly2", is_staff=True)
    with pytest.raises(ApplicationError):
        actions.suspend_user(other.pk, moderator.pk, "no")
    with pytest.raises(ApplicationError):
        actions.suspend_user(moderator.pk, moderator.pk, "no")
    assert not Suspension.objects.exists()
