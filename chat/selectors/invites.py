"""Reads invite links of groups: the list for members, and the preview for a user who opens a link."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.conf import settings

from accounts.schemas import UserSchema, user_schema
from chat import permissions
from chat.models import Invite
from chat.selectors.conversations import get_membership
from messenger.core.errors import forbidden
from messenger.core.field_types import Timestamp
from messenger.core.timestamps import format_optional_timestamp, format_timestamp


class InviteSchema(msgspec.Struct):
    """An invite link of a group. `uses` is the number of users who have joined with the link.

    `expires_at` is null if the link does not expire. `max_uses` is null if any number of users may join.
    """

    id: int
    url: str
    token: str
    created_by: UserSchema
    created_at: Timestamp
    expires_at: Timestamp | None
    max_uses: int | None
    uses: int


class InvitePreviewSchema(msgspec.Struct):
    """The data of a group that a user sees before joining by an invite link.

    `conversation_id` is null unless the user is a member of the group already. `needs_approval`: who joins waits until
    an admin decides; `asked_at` is the time since when the user waits, or null.
    """

    title: str
    description: str
    avatar_url: str | None
    member_count: int
    created_by: UserSchema
    conversation_id: int | None
    needs_approval: bool
    asked_at: Timestamp | None


def invite_schema(invite: Invite) -> InviteSchema:
    return InviteSchema(
        id=invite.pk,
        url=f"{settings.SITE_URL}/i/{invite.token}/",
        token=invite.token,
        created_by=user_schema(invite.made_by),
        created_at=format_timestamp(invite.created_at),
        expires_at=format_optional_timestamp(invite.expires_at),
        max_uses=invite.max_uses,
        uses=invite.uses,
    )


def invite_preview_schema(invite: Invite, *, is_member: bool, asked_at: datetime | None = None) -> InvitePreviewSchema:
    conversation = invite.conversation
    return InvitePreviewSchema(
        title=conversation.title,
        description=conversation.description,
        avatar_url=f"/i/{invite.token}/picture/" if conversation.avatar else None,
        member_count=conversation.member_count,
        created_by=user_schema(invite.made_by),
        conversation_id=conversation.pk if is_member else None,
        needs_approval=conversation.joins_need_approval,
        asked_at=format_optional_timestamp(asked_at),
    )


def list_open_invites(conversation_id: int, now: datetime | None = None) -> list[Invite]:
    """Returns the invite links of a group that are not revoked, expired or used up, newest first."""
    rows = Invite.objects.filter(conversation_id=conversation_id, revoked_at=None).select_related("made_by")
    return [row for row in rows.order_by("-pk") if row.is_open(now)]


def list_invites(user_id: int, conversation_id: int) -> list[InviteSchema]:
    """Returns the invite links of a group that can be used, newest first.

    The owner and admins get all links, other members only the links that they created. Raises `not_found` for
    non-members, and `forbidden` for members who may not add people.
    """
    membership = get_membership(user_id, conversation_id)
    facts = permissions.conversation_facts(membership.conversation, membership.role)
    if (refusal := permissions.find_refusal("add_people", facts)) is not None:
        raise forbidden(refusal)
    manages_all = permissions.is_allowed("manage_invites", facts)
    invites = list_open_invites(conversation_id)
    return [invite_schema(invite) for invite in invites if manages_all or invite.made_by_id == user_id]
