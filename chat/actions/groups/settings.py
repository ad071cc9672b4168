"""Changes the title, the texts and the rules of groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chat import events, permissions
from chat.actions import word_filter
from chat.actions.transaction import ConversationTransaction, conversation_transaction
from chat.actions.validation import clean_multiline, clean_single_line
from chat.models import Conversation, Membership
from chat.schemas import ConversationSchema, mine_schema
from chat.selectors import conversation_schemas, count_unread_mentions, shared_conversation_schema
from chat.text.markdown import render_markdown
from messenger.core import rate_limits
from messenger.core.errors import invalid
from messenger.core.excerpts import html_to_text
from messenger.live.events import UserEvent

TITLE_LIMIT, DESCRIPTION_LIMIT, ANNOUNCEMENT_LIMIT = 80, 500, 1000  # characters
TEXT_FIELDS = ("title", "description", "announcement")
SLOW_MODE_SECONDS = (0, 10, 30, 60, 300, 900, 3600)  # the choices; 0: off
MAX_RETENTION_DAYS = 36500

FIELD_CLEANERS: dict[str, Callable[[Any], Any]] = {
    "title": lambda text: clean_single_line(text, TITLE_LIMIT, "title", required=True),
    "description": lambda text: clean_multiline(text, DESCRIPTION_LIMIT, "description"),
    "announcement": lambda text: clean_multiline(text, ANNOUNCEMENT_LIMIT, "announcement"),
    "slow_mode": lambda seconds: _clean_slow_mode(seconds),
    "retention_days": lambda days: _clean_retention_days(days),
    **dict.fromkeys(permissions.SETTINGS, bool),
}


def _clean_slow_mode(seconds: int) -> int:
    if seconds not in SLOW_MODE_SECONDS:
        raise invalid(slow_mode=_("Choose one of the options."))
    return seconds


def _clean_retention_days(days: int) -> int:
    """Checks the time after which messages are removed: no longer than on the site. 0: as on the site."""
    longest = settings.RETENTION_DAYS or MAX_RETENTION_DAYS
    if not 0 <= days <= longest:
        raise invalid(retention_days=_("Enter at most %(n)d days.") % {"n": longest})
    return days


# Fields whose change adds a system message, with the name of the message, and whether it contains the old and new text.
LOGGED_FIELDS: dict[str, tuple[str, bool]] = {
    "title": ("renamed", True),
    "description": ("described", False),
    "announcement": ("announced", True),
}


def update_group(user_id: int, conversation_id: int, changes: dict[str, Any]) -> ConversationSchema:
    """Changes a group: title, description, announcement and what members may do. Returns the conversation.

    `changes` has the new values by field name; unknown names are ignored. Only the owner and admins may do this.
    """
    values = {name: FIELD_CLEANERS[name](value) for name, value in changes.items() if name in FIELD_CLEANERS}
    values |= {
        name: word_filter.clean_field(values[name], name, conversation_id) for name in TEXT_FIELDS if values.get(name)
    }
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        conversation = tx.conversation
        tx.require_allowed("change_group")
        changed = {name: value for name, value in values.items() if getattr(conversation, name) != value}
        if changed:
            old_values = {name: getattr(conversation, name) for name in changed}
            for name, value in changed.items():
                setattr(conversation, name, value)
            tx.mark_changed(*changed)
            tx.record_act("group.change", conversation, before=old_values, after=changed)
            for name, (event_name, has_texts) in LOGGED_FIELDS.items():
                if name in changed:
                    texts = {"old": old_values[name], "new": changed[name]} if has_texts else {}
                    if name == "announcement":  # system messages are plain text
                        texts = {key: _strip_markdown(text) for key, text in texts.items()}
                    tx.add_system_message(tx.actor, event_name, **texts)
            if "announcement" in changed:
                _mark_announcement_new(tx)
            publish_conversation_info(tx)
        assert tx.membership
        tx.membership.conversation = conversation
        return conversation_schemas([tx.membership], user_id)[0]


def _strip_markdown(text: str) -> str:
    return html_to_text(render_markdown(text, {})[0], limit=None)


def _mark_announcement_new(tx: ConversationTransaction) -> None:
    """Marks the announcement of a group as new for all members except the user who has changed it."""
    conversation, membership = tx.conversation, tx.membership
    assert membership
    conversation.announced_version = conversation.version + 1  # the version that `publish_conversation_info` takes next
    tx.mark_changed("announced_version")
    tx.lock_memberships([membership])
    membership.announcement_seen = conversation.announced_version
    membership.conversation = conversation
    membership.save(update_fields=["announcement_seen"])
    tx.publish_to_user(membership, member_state_event)


def publish_conversation_info(tx: ConversationTransaction) -> None:
    """Publishes the event `conversation.updated` with the fields of a conversation that are the same for all members.

    Call this after all other changes of the transaction `tx`, because the event contains the new counts and the new
    version (number of the newest change).
    """
    conversation = tx.conversation
    conversation.info_version = tx.next_version()
    tx.mark_changed("info_version")
    tx.publish(events.conversation_updated(shared_conversation_schema(conversation), conversation.info_version))


def require_group(tx: ConversationTransaction) -> None:
    """Raises `forbidden` if the conversation of this transaction is not a group."""
    tx.require(tx.conversation.kind == Conversation.Kind.GROUP, _("This is only possible in groups."))


def member_state_event(membership: Membership) -> UserEvent:
    """Returns the event `mine.updated`, which is sent to the user of `membership` only.

    It contains what the conversation stores for this user: role, newest message read, mute and so on.
    """
    key = (membership.conversation_id, membership.user_id)
    mention_count = count_unread_mentions([membership]).get(key, 0)
    member_state = mine_schema(membership, membership.conversation, mention_count)
    return events.mine_updated(membership.user_id, membership.conversation_id, member_state)
