"""Tables of all pages of the site, with the URL of each, for tests and screenshots of all pages.

The URLs lead to pages with the demo workspace (example users, conversations and messages).
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from pathlib import Path

from django.utils import timezone
from playwright.async_api import BrowserContext

from accounts import actions as account_actions
from accounts.auth.adapters import SUSPENDED_USER_KEY
from accounts.models import User
from accounts.session_backends.db import SessionStore
from chat.demo.seed import seed_demo
from chat.models import Conversation, Invite, Message
from notifications.emails import make_unsubscribe_token
from scheduling import reminders, scheduled_messages
from scheduling.models import Reminder, ScheduledMessage
from tests.databases import copy_database, create_once
from tests.servers import PASSWORD, Site, production_password_hash

# URLs by route name, or by a description of a special case. `fill` returns the ids for the names in braces.
SIGNED_OUT = {
    "account_login": "/accounts/login/",
    "account_signup": "/accounts/signup/",
    "account_reset_password": "/accounts/password/reset/",
    "account_reset_password_done": "/accounts/password/reset/done/",
    "account_email_verification_sent": "/accounts/confirm-email/",
    "account_confirm_email": "/accounts/confirm-email/none/",
    "account_reset_password_from_key": "/accounts/password/reset/key/1-none/",
    "account_reset_password_from_key_done": "/accounts/password/reset/key/done/",
    "account_request_login_code": "/accounts/login/code/",
    "account_deleted": "/goodbye/",
    "socialaccount_login_cancelled": "/accounts/3rdparty/login/cancelled/",
    "socialaccount_login_error": "/accounts/3rdparty/login/error/",
    "join_group, signed out": "/i/{invite}/",
    "join_group, a dead link, signed out": "/i/none/",
    "unsubscribe": "/notifications/unsubscribe/{unsubscribe}/",
    "no such page, signed out": "/nowhere/",
}
SUSPENDED = {"suspended": "/accounts/suspended/"}

CHAT_PAGES = {
    "home": "/",
    "conversation": "/c/{group}/",
    "a pair": "/c/{pair}/",
    "a conversation from the middle": "/c/{group}/?at=5",
    "new_conversation": "/new/",
    "new_conversation with somebody": "/new/?user={other}",
    "people": "/people/",
    "people, found": "/people/?q=a",
    "people, nobody found": "/people/?q=zzzz",
    "person": "/people/{other}/",
    "block_person": "/people/{other}/block/",
    "report_person": "/people/{other}/report/",
    "mentions": "/mentions/",
    "search": "/search/",
    "search with results": "/search/?q=a",
    "search in a conversation": "/search/?q=the&conversation={group}",
    "search with filters": "/search/?q=a+from:bob+after:2020-01-01+has:link",
    "search for files": "/search/?q=has:file&kind=files",
    "search without results": "/search/?q=zzzz+from:me&conversation={group}",
    "a conversation with a search": "/c/{group}/?q=the",
    "group_settings": "/c/{group}/settings/",
    "group_log": "/c/{group}/log/",
    "conversation_export": "/c/{group}/export/",
    "join_requests": "/c/{group}/requests/",
    "group_words": "/c/{group}/words/",
    "pins": "/c/{group}/pins/",
    "files": "/c/{group}/files/",
    "files, none": "/c/{pair}/files/",
    "files, searched": "/c/{group}/files/?q=has:file",
    "files, nothing found": "/c/{group}/files/?q=zzzz&kind=image",
}
OTHER_PAGES = {
    "member": "/c/{group}/members/{other}/",
    "give_group": "/c/{group}/members/{other}/give/",
    "remove_member": "/c/{group}/members/{other}/remove/",
    "leave_group": "/c/{group}/leave/",
    "delete_group": "/c/{group}/delete/",
    "join_group": "/i/{invite}/",
    "join_group, a dead link": "/i/none/",
    "message_actions": "/m/{message}/act/",
    "message_details": "/m/{message}/details/",
    "revisions": "/m/{message}/revisions/",
    "forward_message": "/m/{message}/forward/",
    "profile": "/settings/",
    "privacy": "/settings/privacy/",
    "notification_settings": "/settings/notifications/",
    "conversation_notifications": "/c/{group}/notifications/",
    "message_notification": "/m/{message}/notification/",
    "later": "/later/",
    "scheduled_message": "/later/{scheduled}/",
    "send_later": "/c/{group}/send-later/",
    "remind": "/m/{message}/remind/",
    "call_settings": "/settings/calls/",
    "sessions": "/settings/sessions/",
    "own_data": "/settings/data/",
    "delete_account": "/settings/delete/",
    "account_email": "/accounts/email/",
    "account_change_password": "/accounts/password/change/",
    "account_reauthenticate": "/accounts/reauthenticate/",
    "mfa_index": "/accounts/2fa/",
    "mfa_activate_totp": "/accounts/2fa/totp/activate/",
    "mfa_add_webauthn": "/accounts/2fa/webauthn/add/",
    "socialaccount_connections": "/accounts/3rdparty/",
    "account_logout": "/accounts/logout/",
    "no such page": "/nowhere/",
}
SIGNED_IN = CHAT_PAGES | OTHER_PAGES


def fill(site: Site) -> dict[str, int | str]:
    """Creates the demo workspace (example users, conversations and messages) on an empty site.

    Returns the ids for the URL patterns in this module: `{group}` in a pattern is replaced by the id with the key
    `group`.

    The pages are those of the user alice, who gets the password of all test users. The pages use the language and theme
    of the browser. Call this function in a thread from async tests.
    """
    with site.orm():
        seed_demo()
        User.objects.filter(username="alice").update(password=production_password_hash(), language="", theme="system")
        alice = User.objects.get(username="alice")
        mine = Conversation.objects.filter(memberships__user=alice, memberships__left_at=None)
        group = mine.filter(kind="group", owner=alice).order_by("-text_count")[0]
        direct_conversation = mine.filter(kind="direct").order_by("-text_count")[0]
        message = Message.objects.filter(conversation=group, sender=alice, kind="text", deleted_at=None)[0]
        bob = User.objects.get(username="bob")
        theirs = Conversation.objects.filter(kind="group").exclude(memberships__user=alice).first()
        assert theirs is not None
        invite = Invite.objects.create(conversation=theirs, made_by=theirs.owner, created_at=timezone.now())
        return {
            **{
                "group": group.pk,
                "pair": direct_conversation.pk,
                "message": message.pk,
                "person": alice.pk,
                "other": bob.pk,
            },
            "invite": invite.token,
            "scheduled": _schedule(alice.pk, group.pk, message.pk),
            "suspended_session": _create_suspended_session(),
            "unsubscribe": make_unsubscribe_token(alice.pk),
        }


def fill_from_copy(site: Site) -> dict[str, int | str]:
    """Does what `fill` does, once for all processes of the test run: further sites get a copy of the first database."""
    own = site.folder / "data" / "messenger.sqlite3"

    def create(folder: Path) -> None:
        folder.mkdir()
        ids = fill(site)
        (folder / "ids.json").write_text(json.dumps(ids))
        copy_database(own, folder / own.name)

    filled = create_once("demo", create)
    copy_database(filled / own.name, own)
    return json.loads((filled / "ids.json").read_text())


def _schedule(user_id: int, conversation_id: int, message_id: int) -> int:
    """Fills the page of scheduled messages and reminders. Returns the id of the scheduled message."""
    now = timezone.now()
    reminder, _created = reminders.set_reminder(user_id, message_id, now + timedelta(days=1))
    Reminder.objects.filter(pk=reminder.pk).update(notified_at=now - timedelta(hours=1))
    failed, _created = scheduled_messages.schedule(
        user_id, conversation_id, uuid.uuid4(), "See you there?", now + timedelta(hours=2)
    )
    ScheduledMessage.objects.filter(pk=failed.pk).update(failure="not_member", due_at=None)
    scheduled, _created = scheduled_messages.schedule(
        user_id, conversation_id, uuid.uuid4(), "Good morning! The boat leaves at ten.", now + timedelta(days=1)
    )
    return scheduled.pk


def _create_suspended_session() -> str:
    """Suspends a user. Returns the key of a session that may see the page of this suspension."""
    user = User.objects.create_user("mallory", "mallory@example.com")
    moderator = User.objects.create_superuser("root-of-all")
    account_actions.suspend_user(user.pk, moderator.pk, "Spam in three groups", timedelta(days=7))
    session = SessionStore()
    session[SUSPENDED_USER_KEY] = user.pk
    session.save()
    assert session.session_key
    return session.session_key


async def reauthenticate(context: BrowserContext) -> None:
    """Confirms the password of the signed-in user by HTTP requests, without opening a page.

    Pages for sensitive settings ask a signed-in user for the password again.
    """
    page = await context.request.get("/accounts/reauthenticate/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', await page.text())
    assert token, f"no form at {page.url}: {page.status}"
    answer = await context.request.post(
        "/accounts/reauthenticate/",
        form={"password": PASSWORD, "csrfmiddlewaretoken": token[1]},
        headers={"Referer": page.url},
        max_redirects=0,
    )
    assert answer.status == 302, f"the password was not taken: {answer.status}"
