"""Reads what the owner and the admins of a group have done there, for the log that they see on a page."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from audit.acts import ACTS
from audit.models import AuditEntry
from chat.models import Conversation, Membership, Role, WordList
from chat.selectors.conversations import get_allowed_membership

PAGE = 50
# Acts of moderators of the site are not shown: who has read or hidden something is known to administrators only.
GROUP_ACTS = [name for name in ACTS if name.startswith(("group.", "member.", "invite."))] + ["message.delete"]


class FieldChange(msgspec.Struct):
    """A changed value of the group or of a member, as text. `label` names it in the language of the reader."""

    label: str
    before: str
    after: str


class GroupAct(msgspec.Struct):
    """An act in a group. `label` describes it in the language of the reader. `target` is the user it was done to."""

    id: int
    action: str
    label: str
    actor: UserSchema
    target: UserSchema | None
    changes: list[FieldChange]
    created_at: datetime


def list_group_acts(user_id: int, conversation_id: int, before: int | None = None) -> tuple[list[GroupAct], int | None]:
    """Returns a page of what the owner and admins have done in a group, newest first, and the cursor of the next page.

    `before` is the cursor of the page. Raises `not_found` for non-members, and `forbidden` for members who are neither
    owner nor admin.
    """
    get_allowed_membership(user_id, conversation_id, "see_log")
    entries = AuditEntry.objects.filter(conversation_id=conversation_id, action__in=GROUP_ACTS).order_by("-pk")
    rows = list((entries.filter(pk__lt=before) if before else entries)[: PAGE + 1])
    page = rows[:PAGE]
    ids = {row.actor_id for row in page} | {_target_user_id(row) for row in page}
    users = User.objects.in_bulk([pk for pk in ids if pk])
    acts = [_group_act(row, users) for row in page if row.actor_id in users]
    return acts, page[-1].pk if len(rows) > PAGE else None


def _target_user_id(row: AuditEntry) -> int | None:
    return int(row.target_id) if row.target_type == User._meta.label_lower else None


def _group_act(row: AuditEntry, users: dict[int, User]) -> GroupAct:
    target = users.get(_target_user_id(row) or 0)
    assert row.actor_id is not None
    names = dict.fromkeys([*row.before, *row.after])
    return GroupAct(
        id=row.pk,
        action=row.action,
        label=str(ACTS[row.action]),
        actor=user_schema(users[row.actor_id]),
        target=user_schema(target) if target else None,
        changes=[
            FieldChange(_label(name), _text(row.before.get(name), name), _text(row.after.get(name), name))
            for name in names
        ],
        created_at=row.created_at,
    )


def _label(name: str) -> str:
    models = {"role": Membership, "muted_until": Membership, "words": WordList, "effect": WordList}
    model = models.get(name, Conversation)
    return str(model._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _text(value: object, name: str) -> str:
    """Returns a stored value as text: of a role its label, of a switch a check mark or a cross, a time in words."""
    if name == "muted_until" and isinstance(value, str):
        return date_format(timezone.localtime(datetime.fromisoformat(value)), "DATETIME_FORMAT")
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if name == "effect" and value in WordList.Effect.values:
        return str(WordList.Effect(value).label)
    if value in Role.values:
        return str(Role(value).label)
    return "" if value is None else str(value)
