"""Every address of the admin × who asks. Moderators look at what is theirs to judge, and cannot raise themselves."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from accounts import moderator_group
from accounts.models import User
from chat import actions
from chat.models import Invite, Message, Report
from tests.admin.conftest import permission, say

# What is behind the address, for: nobody, a person, staff without rights, a moderator, a superuser.
# `in`: sent to the sign-in page. Models that are not named here are seen by superusers alone.
LISTS = {
    "chat.conversation": ("in", "in", 403, 200, 200),
    "chat.message": ("in", "in", 403, 200, 200),
    "chat.report": ("in", "in", 403, 200, 200),
    "chat.invite": ("in", "in", 403, 200, 200),
    "accounts.user": ("in", "in", 403, 200, 200),
}
SUPERUSERS_ALONE = ("in", "in", 403, 403, 200)
WITHOUT_HAND = {"chat.conversation", "chat.message", "chat.report", "chat.invite", "admin.logentry"}


@pytest.fixture
def desks(desk, bob, staff, moderator, superuser):
    return [desk(user) for user in (None, bob, staff, moderator, superuser)]


def outcome(answer):
    if answer.status_code == 302:
        assert re.match(r"(/accounts|/admin)/login/", answer.headers["Location"]), answer.headers["Location"]
        return "in"
    return answer.status_code


@pytest.fixture
def report(alice, bob, room) -> Report:
    message = say(alice, room.pk, "hello")
    actions.report(bob.pk, message, "")
    return Report.objects.get()


def models() -> list[str]:
    return sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.mark.parametrize("model", models())
def test_lists(model, desks):
    name = model.replace(".", "_")
    got = tuple(outcome(desk.get(f"{name}_changelist")) for desk in desks)
    assert got == LISTS.get(model, SUPERUSERS_ALONE)


@pytest.mark.parametrize("model", models())
def test_nothing_is_added_or_deleted_by_moderators_and_messages_by_nobody(model, desks, report, alice, bob):
    moderator, superuser = desks[3:]
    name = model.replace(".", "_")
    rows = {"chat.report": report, "chat.message": report.message, "accounts.user": alice}
    rows["chat.conversation"] = report.message.conversation
    rows["chat.invite"] = Invite.objects.create(
        conversation=report.message.conversation, made_by=alice, created_at=timezone.now()
    )
    pk = rows[model].pk if model in rows else 1
    assert outcome(moderator.get(f"{name}_add")) == 403
    assert outcome(moderator.get(f"{name}_delete", pk)) in (403, 302)
    if model in WITHOUT_HAND:
        LogEntry.objects.create(pk=1, user=alice, action_flag=2)
        assert outcome(superuser.get(f"{name}_add")) == 403
        assert outcome(superuser.get(f"{name}_delete", pk)) == 403
        url = reverse(f"admin:{name}_change", args=[pk])
        assert superuser.client.get(url).status_code == 200
        assert superuser.client.post(url, {"body": "forged", "title": "forged"}).status_code == 403
        answer = superuser.client.post(
            reverse(f"admin:{name}_changelist"), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        )
        assert answer.status_code in (200, 302)
        assert Message.objects.filter(pk=report.message_id, body="hello").exists()
        assert Report.objects.exists() and LogEntry.objects.filter(pk=1).exists()


ACTS = [("message", "hide"), ("message", "restore"), ("report", "only_settle"), ("report", "hide_and_settle")]


@pytest.mark.parametrize(("model", "act"), [*ACTS, ("report", "suspend_and_settle")])
def test_acts_are_for_moderators(model, act, desks, report):
    pk = report.pk if model == "report" else report.message_id
    for desk in desks[:3]:
        url = reverse(f"admin:chat_{model}_act", args=[pk])
        assert outcome(desk.client.post(url, {"act": act})) in ("in", 403)
    report.refresh_from_db()
    assert report.settled_at is None and report.message.deleted_at is None and report.message.sender.is_active
    assert desks[3].press(model, act, pk).status_code == 200
    assert desks[3].client.get(url).status_code == 403  # nothing is done by a link
    assert desks[3].client.post(url, {"act": "delete_selected"}).status_code == 403
    assert desks[3].client.post(url, {}).status_code == 403


@pytest.mark.parametrize(
    ("without", "model", "act"),
    [
        ("chat.moderate_message", "message", "hide"),
        ("chat.moderate_message", "report", "hide_and_settle"),
        ("chat.change_report", "report", "only_settle"),
        ("accounts.suspend_user", "report", "suspend_and_settle"),
    ],
)
def test_each_permission_counts_by_itself(without, model, act, desk, moderator, report):
    Group.objects.get(name=moderator_group.NAME).permissions.remove(permission(without))
    at = desk(User.objects.get(pk=moderator.pk))
    pk = report.pk if model == "report" else report.message_id
    assert at.press(model, act, pk).status_code == 403
    assert act not in at.list(model).content.decode()


def test_the_group_has_what_it_needs_and_no_more(moderator):
    assert moderator.get_all_permissions() == {
        "accounts.view_user",
        "accounts.suspend_user",
        "chat.view_conversation",
        "chat.view_message",
        "chat.moderate_message",
        "chat.view_report",
        "chat.change_report",
        "chat.view_invite",
        "chat.change_invite",
    }


def test_moderators_cannot_raise_themselves(desk, moderator, superuser):
    at = desk(moderator)
    for target in (moderator, superuser):
        url = reverse("admin:accounts_user_change", args=[target.pk])
        forged = {"username": target.username, "is_superuser": "on", "is_staff": "on", "groups": [1], "_save": "Save"}
        at.client.post(url, forged)
    assert at.get("auth_group_changelist").status_code == 403
    assert at.get("auth_user_password_change", superuser.pk).status_code == 403
    moderator.refresh_from_db()
    assert not moderator.is_superuser and moderator.user_permissions.count() == 0 and moderator.groups.count() == 1


def test_a_suspended_moderator_is_out_at_once(desk, moderator, superuser):
    from accounts import actions as account_actions

    at = desk(moderator)
    assert at.list("message").status_code == 200
    account_actions.suspend(moderator.pk, superuser.pk)
    assert outcome(at.list("message")) == "in"


def test_no_script_of_ours_or_theirs_stands_in_a_page(desk, moderator, report):
    at = desk(moderator)
    pages = at.get("index"), at.list("message"), at.page("message", report.message_id), at.page("report", report.pk)
    for answer in pages:
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        page = answer.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), "an inline script would not run"
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), "an inline style or handler would not work"
    missing = at.client.get("/admin/nowhere/at/all/")
    assert missing.status_code in (302, 404) and "Content-Security-Policy" in missing.headers
