"""Tests of the admin pages of legal holds."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audit.models import AuditEntry
from chat import actions
from chat.models import HeldCopy, LegalHold
from messenger.core.errors import ApplicationError
from tests.admin.conftest import get_permission, send_message


@pytest.fixture
def session(admin_session, make_user):
    """Signs in a staff user who may place and view legal holds."""
    user = make_user("olga", is_staff=True)
    names = ("view_legalhold", "add_legalhold", "change_legalhold", "view_conversation", "view_user")
    apps = {"view_user": "accounts"}
    user.user_permissions.add(*(get_permission(f"{apps.get(name, 'chat')}.{name}") for name in names))
    return admin_session(user)


def test_a_hold_is_placed_and_released_in_the_admin(session, bob, group):
    page = session.page("conversation", group.pk).content.decode()
    url = f"{reverse('admin:chat_legalhold_add')}?conversation={group.pk}"
    assert f'href="{url}"' in page
    assert f'value="{group.pk}"' in session.client.get(url).content.decode()
    empty = session.client.post(url, {"conversation": group.pk, "reason": ""})
    assert empty.status_code == 200 and not LegalHold.objects.exists()
    assert session.client.post(url, {"reason": "case 7"}).status_code == 200 and not LegalHold.objects.exists()
    session.client.post(url, {"conversation": group.pk, "reason": "case 7"})
    hold = LegalHold.objects.get()
    assert (hold.conversation_id, hold.user_id, hold.reason, hold.placed_by) == (group.pk, None, "case 7", session.user)
    again = session.client.post(url, {"conversation": group.pk, "reason": "case 7"})
    assert "under legal hold already" in again.content.decode()
    assert "case 7" in session.list("legalhold").content.decode()
    assert "Under legal hold" in session.page("conversation", group.pk).content.decode()
    session.client.post(reverse("admin:chat_legalhold_add"), {"user": bob.pk, "reason": "case 8"})
    assert "bob" in session.list("legalhold", q="bob").content.decode()
    session.press_button("legalhold", "release", hold.pk, reason="closed")
    hold.refresh_from_db()
    assert hold.released_at and AuditEntry.objects.get(action="hold.release").reason == "closed"


def test_a_text_deleted_under_hold_is_on_its_page_only_and_reading_a_direct_one_is_noted(
    session, moderator, admin_session, bob, direct_conversation
):
    actions.place_hold(session.user.pk, conversation_id=direct_conversation.pk, reason="case 7")
    actions.delete_message(bob.pk, send_message(bob, direct_conversation.pk, "the <b>secret</b>"))
    copy = HeldCopy.objects.get()
    assert "secret" not in session.list("heldcopy").content.decode()
    assert not AuditEntry.objects.filter(action="conversation.read").exists()
    assert "the &lt;b&gt;secret&lt;/b&gt;" in session.page("heldcopy", copy.pk).content.decode()
    assert AuditEntry.objects.get(action="conversation.read").conversation_id == direct_conversation.pk
    other = admin_session(moderator)
    assert other.list("heldcopy").status_code == 403 and other.page("heldcopy", copy.pk).status_code == 403
    assert "legal hold" not in other.page("conversation", direct_conversation.pk).content.decode()


def test_without_the_permission_to_release_there_is_no_button(session, group):
    hold = actions.place_hold(session.user.pk, conversation_id=group.pk, reason="case 7")
    session.user.user_permissions.remove(get_permission("chat.change_legalhold"))
    assert session.press_button("legalhold", "release", hold.pk).status_code == 403
    with pytest.raises(ApplicationError, match="forbidden"):
        actions.release_hold(session.user.pk, hold.pk)
