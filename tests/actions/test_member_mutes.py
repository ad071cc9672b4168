"""Tests that admins of a group mute members there for a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from chat import actions, selectors
from chat.models import Membership
from messenger.core.errors import ApplicationError
from tests.admin.conftest import send_message


def test_a_muted_member_reads_but_does_not_write_in_this_group(alice, bob, group, direct_conversation, client):
    own = send_message(bob, group.pk, "before")
    member = actions.mute_member(alice.pk, group.pk, bob.pk, 3600)
    assert member.muted_until
    for attempt in (
        lambda: send_message(bob, group.pk, "more"),
        lambda: actions.edit_message(bob.pk, own, "more"),
        lambda: actions.set_reaction(bob.pk, own, "👍", True),
    ):
        with pytest.raises(ApplicationError, match="forbidden") as refused:
            attempt()
        assert "The admins of this group have muted you until" in str(refused.value.detail)
    send_message(bob, direct_conversation.pk, "elsewhere")
    client.force_login(bob)
    page = client.get(f"/c/{group.pk}/").content.decode()
    assert "The admins of this group have muted you" in page and "<message-composer" not in page
    actions.remove_member(bob.pk, group.pk, bob.pk)
    actions.add_members(alice.pk, group.pk, [bob.pk])  # leaving and coming back does not end it
    with pytest.raises(ApplicationError, match="forbidden"):
        send_message(bob, group.pk, "back")
    Membership.objects.filter(user=bob).update(muted_until=timezone.now() - timedelta(seconds=1))
    send_message(bob, group.pk, "it ends by itself")
    actions.mute_member(alice.pk, group.pk, bob.pk, 3600)
    assert actions.mute_member(alice.pk, group.pk, bob.pk, 0).muted_until is None
    send_message(bob, group.pk, "and by an admin")


def test_admins_mute_members_only_and_it_is_in_the_log_of_the_group(alice, bob, carol, mallory, group, client):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    actions.set_role(alice.pk, group.pk, carol.pk, "admin")
    for actor, target, code in (
        (bob, carol, "forbidden"),
        (bob, bob, "forbidden"),
        (carol, alice, "forbidden"),
        (carol, carol, "forbidden"),
        (mallory, bob, "not_found"),
        (carol, mallory, "not_found"),
    ):
        with pytest.raises(ApplicationError, match=code):
            actions.mute_member(actor.pk, group.pk, target.pk, 3600)
    with pytest.raises(ApplicationError, match="invalid"):
        actions.mute_member(carol.pk, group.pk, bob.pk, 7)
    actions.mute_member(carol.pk, group.pk, bob.pk, 0)  # changes nothing
    assert not AuditEntry.objects.filter(action="member.mute").exists()
    client.force_login(carol)
    assert "Mute for 1 hour" in client.get(f"/c/{group.pk}/members/{bob.pk}/").content.decode()
    client.post(f"/c/{group.pk}/members/{bob.pk}/mute/", {"seconds": "86400"})
    assert "End the mute" in client.get(f"/c/{group.pk}/members/{bob.pk}/").content.decode()
    url = f"/api/v1/conversations/{group.pk}/members/{bob.pk}/mute/"
    assert client.put(url, {"seconds": 0}, content_type="application/json").json()["muted_until"] is None
    acts = [act for act in selectors.list_group_acts(alice.pk, group.pk)[0] if act.action == "member.mute"]
    assert [(act.actor.username, act.target.username) for act in acts] == [("carol", "bob")] * 2
    assert "muted a member" in client.get(f"/c/{group.pk}/log/").content.decode()
