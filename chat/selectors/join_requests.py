"""Reads the requests to join a group, for its owner and admins."""

from __future__ import annotations

import msgspec

from accounts.schemas import UserSchema, user_schema
from chat.models import JoinRequest
from chat.selectors.conversations import get_allowed_membership
from messenger.core.field_types import Timestamp
from messenger.core.timestamps import format_timestamp

PAGE = 50


class JoinRequestSchema(msgspec.Struct):
    """A user who waits for the owner or an admin of a group, and who created the invite link that the user followed."""

    user: UserSchema
    invited_by: UserSchema | None
    asked_at: Timestamp


def list_join_requests(
    user_id: int, conversation_id: int, before: int | None = None
) -> tuple[list[JoinRequestSchema], int | None]:
    """Returns a page of the people who wait to join a group, newest first, and the cursor of the next page.

    Raises `not_found` for non-members, and `forbidden` for members who are neither owner nor admin.
    """
    get_allowed_membership(user_id, conversation_id, "decide_joins")
    requests = JoinRequest.objects.filter(JoinRequest.WAITING, conversation_id=conversation_id)
    if before is not None:
        requests = requests.filter(pk__lt=before)
    rows = list(requests.select_related("user", "invite__made_by").order_by("-pk")[: PAGE + 1])
    page = rows[:PAGE]
    schemas = [
        JoinRequestSchema(
            user=user_schema(row.user),
            invited_by=user_schema(row.invite.made_by) if row.invite is not None else None,
            asked_at=format_timestamp(row.asked_at),
        )
        for row in page
    ]
    return schemas, page[-1].pk if len(rows) > PAGE else None


def list_own_join_requests(user_id: int) -> list[JoinRequest]:
    """Returns the undecided requests of a user to join groups, with their groups, oldest first."""
    requests = JoinRequest.objects.filter(JoinRequest.WAITING, user_id=user_id, conversation__deleted_at=None)
    return list(requests.select_related("conversation").order_by("pk"))
