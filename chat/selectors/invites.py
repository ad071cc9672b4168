"""Links into a group, as they are shown: to those who may give them out, and to whoever opens one."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.schemas import UserSchema, user_schema
from chat.models import Conversation, Invite, Membership, Role
from chat.schemas import moment, moment_or_none
from messenger.core.errors import forbidden, not_found


class InviteSchema(msgspec.Struct):
    """A link into a group. `expires_at` and `max_uses` are null where it has no such end; `uses`: who came by it."""

    id: int
    url: str
    token: str
    created_by: UserSchema
    created_at: str
    expires_at: str | None
    max_uses: int | None
    uses: int


class InvitePreviewSchema(msgspec.Struct):
    """What somebody sees of a group before they join by a link. `conversation_id` is null unless they are in it."""

    title: str
    description: str
    avatar_url: str | None
    member_count: int
    created_by: UserSchema
    conversation_id: int | None


def invite_schema(invite: Invite) -> InviteSchema:
    return InviteSchema(
        id=invite.pk,
        url=f"{settings.SITE_URL}/i/{invite.token}/",
        token=invite.token,
        created_by=user_schema(invite.made_by),
        created_at=moment(invite.created_at),
        expires_at=moment_or_none(invite.expires_at),
        max_uses=invite.max_uses,
        uses=invite.uses,
    )


def invite_preview_schema(invite: Invite, *, is_member: bool) -> InvitePreviewSchema:
    conversation = invite.conversation
    return InvitePreviewSchema(
        title=conversation.title,
        description=conversation.description,
        avatar_url=f"/i/{invite.token}/picture/" if conversation.avatar else None,
        member_count=conversation.member_count,
        created_by=user_schema(invite.made_by),
        conversation_id=conversation.pk if is_member else None,
    )


def open_invites(conversation_id: int, now: datetime | None = None) -> list[Invite]:
    """Links that can still be used, newest first."""
    rows = Invite.objects.filter(conversation_id=conversation_id, revoked_at=None).select_related("made_by")
    return [row for row in rows.order_by("-pk") if row.is_open(now)]


def list_invites(user_id: int, conversation_id: int) -> list[InviteSchema]:
    """The links that can still be used, newest first: all to the owner and admins, to members those of their own."""
    seat = (
        Membership.objects.select_related("conversation")
        .filter(conversation_id=conversation_id, user_id=user_id, left_at=None, conversation__deleted_at=None)
        .first()
    )
    if seat is None:
        raise not_found()
    leads = seat.role != Role.MEMBER
    if seat.conversation.kind != Conversation.Kind.GROUP or not (leads or seat.conversation.members_may_add):
        raise forbidden(_("Only the owner and admins may add people here."))
    return [invite_schema(row) for row in open_invites(conversation_id) if leads or row.made_by_id == user_id]
