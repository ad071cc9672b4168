"""Tests that acts of staff and group admins are in the audit log, and that changes of the log are found."""

from __future__ import annotations

import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions as account_actions
from accounts.models import User
from audit import actions as audit
from audit import chain
from audit.models import AppendOnlyError, AuditEntry, ChainHead
from chat import actions
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError
from tests.admin.conftest import moderator, superuser  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def list_acts() -> list[tuple[str, int | None, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "actor_id", "target_id"))


def list_faults(heads=()) -> list[str]:
    return list(chain.find_faults(heads))


def rewrite(**fields) -> None:
    """Changes the second entry as somebody with access to the database could."""
    models.QuerySet.update(AuditEntry.objects.filter(number=2), **fields)


@pytest.fixture
def browser_of():
    def sign_in(user: User) -> Client:
        browser = Client()
        browser.force_login(user)
        return browser

    return sign_in


@pytest.fixture
def sealed_entries(alice):
    for reason in ("first", "second", "third"):
        audit.record("user.suspend", 1, alice, reason=reason)
    assert audit.seal() == 0  # each was sealed after its commit
    return list(AuditEntry.objects.order_by("number"))


# ── What is in the log ───────────────────────────────────────────────────────────────────────────────────────────
def test_acts_of_group_admins_are_in_the_log_with_old_and_new_values(alice, bob, carol, group):
    actions.update_group(alice.pk, group.pk, {"title": "Hikers"})
    actions.add_members(alice.pk, group.pk, [carol.pk])
    actions.set_role(alice.pk, group.pk, carol.pk, "admin")
    invite = actions.create_invite(alice.pk, group.pk)
    actions.revoke_invite(alice.pk, group.pk, invite.id)
    message, _ = actions.send_message(bob.pk, group.pk, uuid.uuid4(), "rude")
    actions.delete_message(carol.pk, message.id)
    actions.remove_member(carol.pk, group.pk, bob.pk)
    actions.delete_group(alice.pk, group.pk)
    assert list_acts() == [
        ("group.change", alice.pk, str(group.pk)),
        ("member.add", alice.pk, str(carol.pk)),
        ("member.role", alice.pk, str(carol.pk)),
        ("invite.create", alice.pk, str(invite.id)),
        ("invite.revoke", alice.pk, str(invite.id)),
        ("message.delete", carol.pk, str(message.id)),
        ("member.remove", carol.pk, str(bob.pk)),
        ("group.delete", alice.pk, str(group.pk)),
    ]
    first, _, role = AuditEntry.objects.order_by("pk")[:3]
    assert (first.before, first.after) == ({"title": group.title}, {"title": "Hikers"})
    assert (role.before, role.after) == ({"role": "member"}, {"role": "admin"})
    assert set(AuditEntry.objects.values_list("conversation_id", flat=True)) == {group.pk}


def test_what_members_do_with_their_own_messages_is_not_in_the_log(bob, group):
    message, _ = actions.send_message(bob.pk, group.pk, uuid.uuid4(), "a typo")
    actions.delete_message(bob.pk, message.id)
    actions.remove_member(bob.pk, group.pk, bob.pk)
    assert list_acts() == []


def test_a_refused_act_is_not_in_the_log(mallory, bob, group):
    for act in (
        lambda: actions.update_group(bob.pk, group.pk, {"title": "Mine"}),
        lambda: actions.delete_group(mallory.pk, group.pk),
        lambda: account_actions.suspend_user(bob.pk, mallory.pk),
    ):
        with pytest.raises(ApplicationError):
            act()
    assert list_acts() == []


def test_an_act_of_the_admin_has_reason_and_address(alice, moderator):  # noqa: F811
    browser = Client(REMOTE_ADDR="203.0.113.7")
    browser.force_login(moderator)
    data = {
        "action": "suspend",
        "_selected_action": [alice.pk],
        "confirmed": "yes",
        "reason": "spam\n from three accounts",
    }
    browser.post("/admin/accounts/user/", data)
    (entry,) = AuditEntry.objects.all()
    assert (entry.action, entry.actor_id, entry.target_id) == ("user.suspend", moderator.pk, str(alice.pk))
    assert (entry.reason, entry.address) == ("spam from three accounts", "203.0.113.7")


def test_a_change_in_a_form_of_the_admin_is_in_the_log_without_values(alice, superuser):  # noqa: F811
    browser = Client()
    browser.force_login(superuser)
    url = reverse("admin:accounts_user_change", args=[alice.pk])
    form = browser.get(url).context["adminform"].form
    data = {
        name: value for name, value in form.initial.items() if value not in (None, "") and not isinstance(value, list)
    }
    response = browser.post(url, data | {"name": "Alice the Secret", **_management_form(browser.get(url))})
    assert response.status_code == 302, response.context["errors"]
    (entry,) = AuditEntry.objects.all()
    assert (entry.action, entry.actor_id, entry.target_id) == ("admin.change", superuser.pk, str(alice.pk))
    assert "Secret" not in json.dumps(entry.after) and entry.after["fields"]


def _management_form(response) -> dict[str, str]:
    forms = [each.formset.management_form for each in response.context["inline_admin_formsets"]]
    return {form.add_prefix(name): form.initial[name] for form in forms for name in form.initial}


def test_the_log_survives_the_account_and_has_no_names(alice, moderator):  # noqa: F811
    account_actions.suspend_user(alice.pk, moderator.pk, "spam")
    User.objects.filter(pk=alice.pk).delete()
    (entry,) = AuditEntry.objects.all()
    assert entry.target_id == str(alice.pk) and "alice" not in json.dumps([entry.before, entry.after, str(entry)])


# ── The chain ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_entries_cannot_be_changed_or_deleted_by_code(sealed_entries):
    entry = sealed_entries[0]
    entry.reason = "another"
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            change()
    with pytest.raises(AppendOnlyError):
        AuditEntry.objects.update(reason="another")
    assert list_faults() == []


@pytest.mark.parametrize(
    "change",
    [{"reason": "another"}, {"actor_id": 99}, {"after": {"x": 1}}, {"action": "user.restore"}, {"address": "::1"}],
)
def test_a_changed_entry_is_found(change, sealed_entries):
    rewrite(**change)
    (fault,) = list_faults()
    assert fault.startswith("Entry 2 of")


def test_a_removed_entry_and_a_cut_tail_are_found(sealed_entries):
    _, second, third = sealed_entries
    models.QuerySet.delete(AuditEntry.objects.filter(pk=second.pk))
    assert list_faults() == ["Entries 2 to 2 are missing."]
    models.QuerySet.delete(AuditEntry.objects.filter(pk=third.pk))
    assert list_faults() == ["The chain ends with entry 1; its head says 3."]


def test_a_chain_computed_again_is_found_by_the_published_head(sealed_entries, tmp_path, settings):
    settings.AUDIT_HEADS = str(tmp_path / "heads.txt")
    assert audit.publish_head() and audit.publish_head() is None
    # Somebody with all rights in the database changes an entry and computes everything behind it again, or cuts it off.
    rewrite(reason="another")
    digest = ""
    for entry in AuditEntry.objects.order_by("number"):
        digest = chain.compute_digest(digest, entry.number, entry)
        models.QuerySet.update(AuditEntry.objects.filter(pk=entry.pk), digest=digest)
    ChainHead.objects.update(digest=digest)
    assert list_faults() == []
    with pytest.raises(CommandError, match="1 faults"):
        call_command("verify_audit", stderr=(errors := StringIO()))
    assert "Entry 3 has another digest than was published" in errors.getvalue()
    models.QuerySet.delete(AuditEntry.objects.filter(number=3))
    ChainHead.objects.update(number=2, digest=AuditEntry.objects.get(number=2).digest)
    with pytest.raises(CommandError):
        call_command("verify_audit", stderr=(errors := StringIO()))
    assert "Entry 3 is missing; it was published at" in errors.getvalue()


def test_an_untouched_log_is_verified(sealed_entries, tmp_path, settings):
    settings.AUDIT_HEADS = str(tmp_path / "heads.txt")
    audit.publish_head()
    audit.record("user.restore", 1, reason="later")
    audit.publish_head()
    call_command("verify_audit", stdout=(output := StringIO()))
    assert output.getvalue() == "4 entries are in order; 2 published digests match.\n"
    assert (tmp_path / "heads.txt").stat().st_mode & 0o077 == 0


def test_an_entry_is_sealed_after_its_commit_and_not_stored_after_a_rollback(alice):
    with write_transaction():
        audit.record("user.suspend", 1, alice)
        assert AuditEntry.objects.get().number is None
    assert AuditEntry.objects.get().number == 1
    with pytest.raises(RuntimeError), write_transaction():
        audit.record("user.restore", 1, alice)
        raise RuntimeError
    assert AuditEntry.objects.count() == 1 and list_faults() == []


# ── Reading it ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_administrators_search_and_download_the_log(sealed_entries, alice, superuser, moderator):  # noqa: F811
    browser = Client()
    browser.force_login(superuser)
    url = reverse("admin:audit_auditentry_changelist")
    for query, count in (("alice", 3), ("second", 1), ("in:12", 0), ("nobody", 0)):
        assert len(browser.get(url, {"q": query}).context["cl"].result_list) == count, query
    response = browser.get(reverse("admin:audit_download"))
    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert [line["reason"] for line in lines] == ["first", "second", "third"]
    assert [line["digest"] for line in lines] == [entry.digest for entry in sealed_entries]
    call_command("export_audit", stdout=(output := StringIO()))
    assert [json.loads(line) for line in output.getvalue().splitlines()] == lines
    browser.force_login(moderator)
    assert browser.get(url).status_code == browser.get(reverse("admin:audit_download")).status_code == 403


def test_owner_and_admins_see_what_they_have_done_in_the_group(alice, bob, carol, mallory, group, browser_of):
    actions.update_group(alice.pk, group.pk, {"title": "Hikers", "members_may_pin": False})
    actions.add_members(alice.pk, group.pk, [carol.pk])
    actions.set_role(alice.pk, group.pk, carol.pk, "admin")
    url = reverse("group_log", args=[group.pk])
    for reader in (alice, carol):
        page = browser_of(reader).get(url).content.decode()
        assert page.index("changed a role") < page.index("added a member") < page.index("changed the group")
        assert f"{group.title} → Hikers" in page and "Members can pin messages: ✓ → ✗" in page
        assert "Member → Admin" in page and carol.display_name in page
    assert browser_of(bob).get(url).status_code == 403
    assert browser_of(mallory).get(url).status_code == 404


def test_the_log_of_a_group_has_pages(alice, group, browser_of):
    for number in range(60):
        audit.record("group.change", alice.pk, conversation_id=group.pk, after={"title": f"Title {number}"})
    browser = browser_of(alice)
    first = browser.get(reverse("group_log", args=[group.pk]))
    older = browser.get(reverse("group_log", args=[group.pk]), {"before": first.context["after"]})
    changes = [act.changes[0].after for response in (first, older) for act in response.context["acts"]]
    assert changes == [f"Title {number}" for number in reversed(range(60))] and older.context["after"] is None


def test_the_list_takes_the_same_number_of_queries_for_any_number_of_acts(client, superuser, alice, group):  # noqa: F811
    client.force_login(superuser)

    def count_queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("admin:audit_auditentry_changelist")).status_code == 200
        return len(captured)

    def act(number: int) -> None:
        actions.update_group(alice.pk, group.pk, {"title": f"Room {number}"})
        account_actions.suspend_user(User.objects.create_user(f"person{number}").pk, superuser.pk)

    act(0)
    count_queries()
    before = count_queries()
    for number in range(1, 8):
        act(number)
    assert count_queries() == before


def test_the_log_of_a_group_is_in_the_api(client, alice, bob, group):
    actions.update_group(alice.pk, group.pk, {"title": "New"})
    client.force_login(alice)
    (act,) = client.get(f"/api/v1/conversations/{group.pk}/log/").json()["results"]
    assert (act["action"], act["actor"]["username"], act["target"]) == ("group.change", "alice", None)
    assert [(each["after"]) for each in act["changes"]] == ["New"]
    client.force_login(bob)
    assert client.get(f"/api/v1/conversations/{group.pk}/log/").status_code == 403
