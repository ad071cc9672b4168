"""Tests which users (moderators, administrators, other staff) may open which admin page.

Moderators see only the pages that they need for moderation, and cannot give themselves more permissions.
"""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from accounts.auth import moderator_group
from accounts.models import User
from audit.models import AuditEntry
from chat import actions
from chat.models import Invite, Message, ReportCase
from tests.admin.conftest import get_permission, send_message

# Status of a list for: a signed-out user, a user, staff without permissions, a moderator, a superuser.
# `in`: redirect to the sign-in page. Only superusers see models that are not listed here.
LISTS = {
    "chat.conversation": ("in", "in", 403, 200, 200),
    "chat.message": ("in", "in", 403, 200, 200),
    "chat.reportcase": ("in", "in", 403, 200, 200),
    "chat.invite": ("in", "in", 403, 200, 200),
    "accounts.suspension": ("in", "in", 403, 200, 200),
    "accounts.notice": ("in", "in", 403, 200, 200),
    "accounts.addressban": ("in", "in", 403, 200, 200),
    "chat.wordlist": ("in", "in", 403, 200, 200),
    "accounts.user": ("in", "in", 403, 200, 200),
}
SUPERUSERS_ONLY = ("in", "in", 403, 403, 200)
ADDED_BY_MODERATORS = {"accounts.addressban", "chat.wordlist"}
READ_ONLY_MODELS = {"chat.conversation", "chat.message", "chat.reportcase", "chat.invite", "audit.auditentry"}


@pytest.fixture
def sessions(admin_session, bob, staff, moderator, superuser):
    return [admin_session(user) for user in (None, bob, staff, moderator, superuser)]


def outcome(response):
    if response.status_code == 302:
        assert re.match(r"(/accounts|/admin)/login/", response.headers["Location"]), response.headers["Location"]
        return "in"
    return response.status_code


@pytest.fixture
def report(alice, bob, group) -> ReportCase:
    message = send_message(alice, group.pk, "hello")
    actions.report_message(bob.pk, message, "")
    return ReportCase.objects.get()


def models() -> list[str]:
    return sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.mark.parametrize("model", models())
def test_who_sees_which_list(model, sessions):
    name = model.replace(".", "_")
    got = tuple(outcome(admin_session.get(f"{name}_changelist")) for admin_session in sessions)
    assert got == LISTS.get(model, SUPERUSERS_ONLY)


@pytest.mark.parametrize("model", models())
def test_nothing_is_added_or_deleted_by_moderators_and_messages_by_nobody(model, sessions, report, alice, bob):
    moderator, superuser = sessions[3:]
    name = model.replace(".", "_")
    rows = {"chat.reportcase": report, "chat.message": report.message, "accounts.user": alice}
    rows["chat.conversation"] = report.message.conversation
    rows["chat.invite"] = Invite.objects.create(
        conversation=report.message.conversation, made_by=alice, created_at=timezone.now()
    )
    pk = rows[model].pk if model in rows else 1
    assert outcome(moderator.get(f"{name}_add")) == (200 if model in ADDED_BY_MODERATORS else 403)
    assert outcome(moderator.get(f"{name}_delete", pk)) in (403, 302)
    if model in READ_ONLY_MODELS:
        rows["audit.auditentry"] = AuditEntry.objects.create(created_at=timezone.now(), action="user.suspend")
        pk = rows[model].pk if model in rows else 1
        assert outcome(superuser.get(f"{name}_add")) == 403
        assert outcome(superuser.get(f"{name}_delete", pk)) == 403
        url = reverse(f"admin:{name}_change", args=[pk])
        assert superuser.client.get(url).status_code == 200
        assert superuser.client.post(url, {"body": "forged", "title": "forged"}).status_code == 403
        response = superuser.client.post(
            reverse(f"admin:{name}_changelist"), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        )
        assert response.status_code in (200, 302)
        assert Message.objects.filter(pk=report.message_id, body="hello").exists()
        assert ReportCase.objects.exists() and AuditEntry.objects.exists()


ACTS = [("message", "hide"), ("message", "restore"), ("reportcase", "dismiss"), ("reportcase", "hide_and_settle")]


@pytest.mark.parametrize(("model", "act"), [*ACTS, ("reportcase", "suspend_and_settle")])
def test_only_moderators_run_actions(model, act, sessions, report):
    pk = report.pk if model == "reportcase" else report.message_id
    for admin_session in sessions[:3]:
        url = reverse(f"admin:chat_{model}_act", args=[pk])
        assert outcome(admin_session.client.post(url, {"act": act})) in ("in", 403)
    report.refresh_from_db()
    assert report.settled_at is None and report.message.deleted_at is None and report.message.sender.is_active
    assert sessions[3].press_button(model, act, pk).status_code == 200
    assert sessions[3].client.get(url).status_code == 403  # a GET request runs no action
    assert sessions[3].client.post(url, {"act": "delete_selected"}).status_code == 403
    assert sessions[3].client.post(url, {}).status_code == 403


@pytest.mark.parametrize(
    ("without", "model", "act"),
    [
        ("chat.moderate_message", "message", "hide"),
        ("chat.moderate_message", "reportcase", "hide_and_settle"),
        ("chat.change_reportcase", "reportcase", "dismiss"),
        ("accounts.suspend_user", "reportcase", "suspend_and_settle"),
    ],
)
def test_each_action_needs_its_own_permission(without, model, act, admin_session, moderator, report):
    Group.objects.get(name=moderator_group.GROUP_NAME).permissions.remove(get_permission(without))
    session = admin_session(User.objects.get(pk=moderator.pk))
    pk = report.pk if model == "reportcase" else report.message_id
    assert session.press_button(model, act, pk).status_code == 403
    assert act not in session.list(model).content.decode()


def test_permissions_of_the_moderator_group(moderator):
    assert moderator.get_all_permissions() == {
        "accounts.view_user",
        "accounts.suspend_user",
        "accounts.view_suspension",
        "accounts.view_notice",
        "accounts.view_addressban",
        "accounts.add_addressban",
        "chat.view_wordlist",
        "chat.add_wordlist",
        "chat.change_wordlist",
        "chat.view_conversation",
        "chat.view_message",
        "chat.moderate_message",
        "chat.view_reportcase",
        "chat.change_reportcase",
        "chat.view_invite",
        "chat.change_invite",
    }


def test_moderators_cannot_give_themselves_permissions(admin_session, moderator, superuser):
    session = admin_session(moderator)
    for target in (moderator, superuser):
        url = reverse("admin:accounts_user_change", args=[target.pk])
        forged = {"username": target.username, "is_superuser": "on", "is_staff": "on", "groups": [1], "_save": "Save"}
        session.client.post(url, forged)
    assert session.get("auth_group_changelist").status_code == 403
    assert session.get("auth_user_password_change", superuser.pk).status_code == 403
    moderator.refresh_from_db()
    assert not moderator.is_superuser and moderator.user_permissions.count() == 0 and moderator.groups.count() == 1


def test_a_suspended_moderator_loses_access_at_once(admin_session, moderator, superuser):
    from accounts import actions as account_actions

    session = admin_session(moderator)
    assert session.list("message").status_code == 200
    account_actions.suspend_user(moderator.pk, superuser.pk)
    assert outcome(session.list("message")) == "in"


def test_pages_have_no_inline_scripts_or_styles(admin_session, moderator, report):
    session = admin_session(moderator)
    pages = [session.get("index"), session.list("message")]
    pages += [session.page("message", report.message_id), session.page("reportcase", report.pk)]
    for response in pages:
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        page = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), "an inline script would not run"
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), "an inline style or handler would not work"
    missing = session.client.get("/admin/nowhere/at/all/")
    assert missing.status_code in (302, 404) and "Content-Security-Policy" in missing.headers


def test_staff_without_a_second_factor_cannot_open_the_admin_if_the_site_wants_one(admin_session, moderator, settings):
    settings.STAFF_SECOND_FACTOR = True
    session = admin_session(moderator)
    for response in (session.get("index"), session.list("message"), session.run_action("message", "hide", 1)):
        assert "/accounts/2fa/" in (response.headers.get("Location") or response.request["PATH_INFO"])
    Authenticator.objects.create(user=moderator, type=Authenticator.Type.TOTP, data={})
    assert session.list("message").status_code == 200


def test_the_admin_has_the_colours_of_the_other_pages(admin_session, moderator):
    page = admin_session(moderator).list("reportcase").content.decode()
    for name in ("base/tokens", "admin-theme"):
        assert re.search(rf'<link rel="stylesheet" href="[^"]*css/{name}[^"]*[.]css">', page), name
