"""Invite links of groups: create, revoke, preview, join.

A link opens the group as long as its creator is a member who may add people. Members who were removed cannot return
with a link that was created before.

Blocks do not disable a link. It is addressed to nobody, and users who follow it join of their own will; a link that
worked for all users but one would reveal to that one that there is a block. Inside the group a block has the same
effect as in any shared group, and an admin may remove the new member, for whom the link is then disabled.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chat.actions.groups import join_users, publish_conversation_info, require_group
from chat.actions.transaction import conversation_transaction, join_transaction
from chat.models import Conversation, Invite, Membership, Role
from chat.models.invites import hash_token
from chat.schemas import ConversationSchema
from chat.selectors import (
    InvitePreviewSchema,
    InviteSchema,
    conversation_schemas,
    invite_preview_schema,
    invite_schema,
    list_open_invites,
)
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError, invalid, not_found, rate_limited

MAX_OPEN_INVITES = 50  # per group
MAX_USES = 1_000_000  # per link
MAX_LIFETIME = timedelta(days=366)
CREATE_BURST, CREATES_PER_SECOND = 10, 1 / 30  # per user
INVALID_TRY_BURST, INVALID_TRIES_PER_SECOND = 10, 1 / 10  # per user, with links that do not work


def create_invite(
    user_id: int, conversation_id: int, *, expires_at: datetime | None = None, max_uses: int | None = None
) -> InviteSchema:
    """Creates an invite link. Without `expires_at` it works until it is revoked, without `max_uses` for any number."""
    now = timezone.now()
    if expires_at is not None and not now < expires_at <= now + MAX_LIFETIME:
        raise invalid(expires_at=_("Choose a time within a year."))
    if max_uses is not None and not 0 < max_uses <= MAX_USES:
        raise invalid(max_uses=_("Choose a number from 1 to %(most)d.") % {"most": MAX_USES})
    with conversation_transaction(conversation_id, user_id) as tx:
        require_group(tx)
        tx.require(
            tx.is_admin_or_owner or tx.conversation.members_may_add,
            _("Only the owner and admins can add people."),
        )
        if len(list_open_invites(conversation_id, now)) >= MAX_OPEN_INVITES:
            raise invalid(
                max_uses=_("There are already %(most)d links. Revoke one first.") % {"most": MAX_OPEN_INVITES}
            )
        if wait := rate_limits.acquire(f"invites.{user_id}", CREATE_BURST, CREATES_PER_SECOND):
            raise rate_limited(wait)
        assert tx.membership
        invite = Invite.objects.create(
            conversation=tx.conversation,
            made_by=tx.membership.user,
            created_at=now,
            expires_at=expires_at,
            max_uses=max_uses,
        )
        return invite_schema(invite)


def revoke_invite(user_id: int, conversation_id: int, invite_id: int) -> None:
    """Disables an invite link. Members may revoke their own links, the owner and admins any."""
    with conversation_transaction(conversation_id, user_id) as tx:
        require_group(tx)
        invite = Invite.objects.filter(pk=invite_id, conversation_id=conversation_id, revoked_at=None).first()
        if invite is None or not (tx.is_admin_or_owner or invite.made_by_id == user_id):
            raise not_found()
        invite.revoked_at = tx.now
        invite.save(update_fields=["revoked_at"])


def join_by_invite(user_id: int, token: str) -> tuple[ConversationSchema, bool]:
    """Joins a group by a link. Returns the conversation, and False if the user was a member already.

    Only new members count as a use of the link.
    """
    invite = get_usable_invite(user_id, token)
    with join_transaction(invite.conversation_id) as tx:
        # Read again under the lock: concurrent joins have been counted by now.
        invite = Invite.objects.select_related("made_by").get(pk=invite.pk)
        membership = Membership.objects.filter(conversation=tx.conversation, user_id=user_id).first()
        is_new = membership is None or membership.left_at is not None
        if is_new:
            if not _is_usable(invite, tx.conversation, membership):
                raise invalid_invite_error()
            user = User.objects.filter(pk=user_id, is_active=True).first()
            if user is None:
                raise not_found()
            (membership,) = join_users(tx, [user])
            invite.uses += 1
            invite.save(update_fields=["uses"])
            tx.add_system_message(user, "joined", users=[user], by_id=invite.made_by_id)
            publish_conversation_info(tx)
        assert membership
        membership.conversation = tx.conversation
    return conversation_schemas([membership], user_id)[0], is_new


def get_usable_invite(user_id: int, token: str) -> Invite:
    """Returns the invite link if this user may join or is a member. Failed tries are rate-limited."""
    bucket = (f"invite.tries.{user_id}", INVALID_TRY_BURST, INVALID_TRIES_PER_SECOND)
    if wait := rate_limits.acquire(*bucket):
        raise rate_limited(wait)
    invite = Invite.objects.select_related("conversation", "made_by").filter(digest=hash_token(token)).first()
    if invite is None or invite.conversation.deleted_at is not None:
        raise invalid_invite_error()
    membership = Membership.objects.filter(conversation_id=invite.conversation_id, user_id=user_id).first()
    is_member = membership is not None and membership.left_at is None
    if not is_member and not _is_usable(invite, invite.conversation, membership):
        raise invalid_invite_error()
    rate_limits.release([bucket])
    return invite


def preview_invite(user_id: int, token: str) -> InvitePreviewSchema:
    """Returns the group behind a link. An action although it only reads, because failed tries are counted."""
    invite = get_usable_invite(user_id, token)
    membership = Membership.objects.filter(conversation_id=invite.conversation_id, user_id=user_id, left_at=None)
    return invite_preview_schema(invite, is_member=membership.exists())


def _is_usable(invite: Invite, conversation: Conversation, membership: Membership | None) -> bool:
    """`membership`: the former membership of the user who wants to join, if there is one."""
    if not invite.is_open() or not invite.made_by.is_active:
        return False
    if membership and membership.was_removed and membership.left_at and invite.created_at <= membership.left_at:
        return False
    creator = Membership.objects.filter(conversation=conversation, user_id=invite.made_by_id, left_at=None).first()
    return creator is not None and (creator.role != Role.MEMBER or conversation.members_may_add)


def invalid_invite_error() -> ApplicationError:
    """One error for unknown, expired, used up and revoked links, so that it reveals nothing about a link."""
    return ApplicationError("not_found", _("This link is invalid or has expired. Ask for a new one."))
