"""Schemas of the log of a group: what its owner and admins have done."""

from __future__ import annotations

import msgspec

from accounts.schemas import UserSchema
from messenger.core.field_types import Timestamp


class FieldChangeSchema(msgspec.Struct):
    """A changed value of the group or of a member, as text. `label` names it in the language of the reader."""

    label: str
    before: str
    after: str


class GroupActSchema(msgspec.Struct):
    """An act of the owner or an admin of a group.

    `action` is its name, such as `member.remove`, and `label` describes it in the language of the reader. `target` is
    the user it was done to.
    """

    id: int
    action: str
    label: str
    actor: UserSchema
    target: UserSchema | None
    changes: list[FieldChangeSchema]
    created_at: Timestamp
