"""The rules of who may do what in a conversation, as one table.

Actions and selectors check these rules, view models and templates show what they allow, and the page hands them to
scripts as data (`client_rules`), which evaluate them in the same way (static/js/conversation/permissions.js). Both are
tested with tests/js/shared_cases/permissions.json.

A rule is a list of conditions, all of which must hold (messenger/core/rules.py). Their facts:

- `direct`, `group`: the kind of the conversation
- `owner`, `admin`, `member`: the role of the user in the group
- `members_may_add` and the other settings of the group, by the name of their field
- `writable`: the other user of a direct conversation can be written to. Actions check this in chat.actions.direct_rules
- `alone`: the user is the only member
- `self`, `target_owner`, `target_admin`, `target_member`: who the other member is, and that member's role
- `own`: the user has sent the message
- `forwarded`, `deleted`: the state of the message
"""

from __future__ import annotations

from collections.abc import Set
from functools import cache
from typing import Any, NamedTuple, Protocol

from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.message_kinds import KINDS
from chat.models import Conversation
from messenger.core.errors import Text
from messenger.core.rules import is_rule_met

# Fields of a group by which its admins allow something to all members.
SETTINGS = tuple(field.name for field in Conversation._meta.fields if isinstance(field, models.BooleanField))


class HasSettings(Protocol):
    """A conversation: a model instance or a schema. It also has the fields `SETTINGS`."""

    kind: Any
    member_count: Any


class Condition(NamedTuple):
    """A condition of a rule, and the error text for the user if it does not hold."""

    facts: str
    refusal: Text = ""


_GROUP = Condition("group", _("This is only possible in groups."))
_NOT_DELETED = Condition("!deleted")
_WRITABLE = Condition("writable")

RULES: dict[str, tuple[Condition, ...]] = {
    # In a conversation.
    "change_group": (_GROUP, Condition("owner|admin", _("Only the owner and admins can change this."))),
    "see_log": (_GROUP, Condition("owner|admin", _("Only the owner and admins can see this."))),
    "export": (_GROUP, Condition("owner|admin", _("Only the owner and admins can export the group."))),
    "add_people": (_GROUP, Condition("owner|admin|members_may_add", _("Only the owner and admins can add people."))),
    "manage_invites": (_GROUP, Condition("owner|admin")),  # of other members
    "decide_joins": (_GROUP, Condition("owner|admin", _("Only the owner and admins can let people in."))),
    "mention_everybody": (_GROUP, Condition("owner|admin")),
    "remove_member": (
        _GROUP,
        Condition("!self"),
        Condition("owner|admin", _("You can’t remove this person.")),
        Condition("owner|target_member", _("You can’t remove this person.")),
    ),
    "set_role": (
        _GROUP,
        Condition("owner", _("Only the owner can change roles.")),
        Condition("!self", _("Transfer ownership or delete the group first.")),
    ),
    "leave": (_GROUP, Condition("!owner|alone", _("Transfer ownership or delete the group first."))),
    "delete_group": (_GROUP, Condition("owner", _("Only the owner can delete the group."))),
    # With a message.
    "reply": (_NOT_DELETED, _WRITABLE),
    "react": (_NOT_DELETED, _WRITABLE),
    "edit": (
        _NOT_DELETED,
        _WRITABLE,
        Condition("own", _("You can only edit your own messages.")),
        Condition("!forwarded"),
    ),
    "forward": (_NOT_DELETED,),
    "copy": (_NOT_DELETED,),
    "link": (_NOT_DELETED,),
    "unread": (_NOT_DELETED, Condition("!own")),
    "pin": (
        _NOT_DELETED,
        _WRITABLE,
        Condition("direct|owner|admin|members_may_pin", _("Only the owner and admins can pin messages.")),
    ),
    "details": (_NOT_DELETED,),
    "revisions": (
        _NOT_DELETED,
        Condition("direct|own|owner|admin|revisions_visible", _("The edit history isn’t visible in this group.")),
    ),
    "report": (_NOT_DELETED, Condition("!own")),
    "delete": (_NOT_DELETED, Condition("own|owner|admin", _("Only the sender or an admin can delete this message."))),
}


# Actions by which a user writes something that others see. Users whom the moderators have muted may not do them.
WRITING_ACTIONS = frozenset(("change_group", "add_people", "decide_joins", "react", "edit", "pin"))


def client_rules() -> dict[str, str]:
    """Returns the rules for scripts: the conditions of each action, separated by spaces."""
    return {action: " ".join(condition.facts for condition in conditions) for action, conditions in RULES.items()}


def conversation_facts(conversation: HasSettings, role: str) -> set[str]:
    """Returns the facts about a conversation and the role of a user in it."""
    facts = {name for name in SETTINGS if getattr(conversation, name)}
    facts.update((str(conversation.kind), "writable"))
    if conversation.kind == Conversation.Kind.GROUP:
        facts.add(str(role))
        if conversation.member_count == 1:
            facts.add("alone")
    return facts


def message_facts(*, is_own: bool, is_forwarded: bool, is_deleted: bool) -> set[str]:
    facts = {"own": is_own, "forwarded": is_forwarded, "deleted": is_deleted}
    return {name for name, holds in facts.items() if holds}


def find_refusal(action: str, facts: Set[str]) -> Text | None:
    """Returns None if the facts allow an action, otherwise the error text for the user, which may be empty."""
    return next((condition.refusal for condition in RULES[action] if not is_rule_met(condition.facts, facts)), None)


def is_allowed(action: str, facts: Set[str]) -> bool:
    return find_refusal(action, facts) is None


def is_allowed_with(kind: str, action: str, facts: Set[str]) -> bool:
    """Returns whether an action is allowed with a message of this kind."""
    return action in KINDS[kind].actions and is_allowed(action, facts)


@cache
def may_mention_everybody(conversation_kind: str, role: str) -> bool:
    return is_allowed("mention_everybody", {conversation_kind, role})
