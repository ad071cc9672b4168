"""Creates, revokes and previews invite links of groups, and lets users join by such a link.

A link works as long as the user who created it is a member who may add people. A user who was removed from the group
cannot return with a link that was created before the removal.

A block between two users does not disable a link. If a link failed for one user only, this user could conclude that
somebody in the group has blocked him or her.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chat import permissions
from chat.actions.groups import join_requests
from chat.actions.groups.members import join_users
from chat.actions.groups.settings import publish_conversation_info, require_group
from chat.actions.transaction import conversation_transaction, outsider_transaction
from chat.models import Conversation, Invite, Membership
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
from messenger.core.errors import ApplicationError, invalid, not_found

MAX_OPEN_INVITES = 50  # per group
MAX_USES = 1_000_000  # per link
MAX_LIFETIME = timedelta(days=366)


def create_invite(
    user_id: int, conversation_id: int, *, expires_at: datetime | None = None, max_uses: int | None = None
) -> InviteSchema:
    """Creates an invite link of a group.

    Without `expires_at` the link works until it is revoked. Without `max_uses` any number of users can join with it.
    """
    now = timezone.now()
    if expires_at is not None and not now < expires_at <= now + MAX_LIFETIME:
        raise invalid(expires_at=_("Choose a time within a year."))
    if max_uses is not None and not 0 < max_uses <= MAX_USES:
        raise invalid(max_uses=_("Choose a number from 1 to %(most)d.") % {"most": MAX_USES})
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("add_people")
        if len(list_open_invites(conversation_id, now)) >= MAX_OPEN_INVITES:
            raise invalid(
                max_uses=_("There are already %(most)d links. Revoke one first.") % {"most": MAX_OPEN_INVITES}
            )
        rate_limits.require("invites", user_id)
        assert tx.membership
        invite = Invite.objects.create(
            conversation=tx.conversation,
            made_by=tx.membership.user,
            created_at=now,
            expires_at=expires_at,
            max_uses=max_uses,
        )
        tx.record_act("invite.create", invite)
        return invite_schema(invite)


def revoke_invite(user_id: int, conversation_id: int, invite_id: int) -> None:
    """Disables an invite link. The owner and admins may revoke any link, other members only their own."""
    with conversation_transaction(conversation_id, user_id) as tx:
        require_group(tx)
        invite = Invite.objects.filter(pk=invite_id, conversation_id=conversation_id, revoked_at=None).first()
        if invite is None or (
            invite.made_by_id != user_id and not permissions.is_allowed("manage_invites", tx.facts())
        ):
            raise not_found()
        invite.revoked_at = tx.now
        invite.save(update_fields=["revoked_at"])
        tx.record_act("invite.revoke", invite)


def join_by_invite(user_id: int, token: str) -> tuple[ConversationSchema | None, bool]:
    """Makes a user a member of a group by an invite link. `token` is the secret part of the link.

    Returns the conversation, and True if the user has joined or False if the user was a member already. Only joining
    counts as a use of the link. If the admins of the group approve new members, the user waits for them instead (see
    join_decisions.py), and the conversation is None.
    """
    invite = get_usable_invite(user_id, token)
    rate_limits.require("group.change", user_id)
    with outsider_transaction(invite.conversation_id) as tx:
        # Read again under the lock: concurrent joins have been counted by now.
        invite = Invite.objects.select_related("made_by").get(pk=invite.pk)
        membership = Membership.objects.filter(conversation=tx.conversation, user_id=user_id).first()
        is_new = membership is None or membership.left_at is not None
        if is_new:
            is_waiting = join_requests.find_waiting(tx.conversation, user_id) is not None
            if is_waiting and tx.conversation.joins_need_approval:
                return None, False
            if not _is_usable(invite, tx.conversation, membership, user_id):
                raise invalid_invite_error()
            user = User.objects.filter(pk=user_id, is_active=True).first()
            if user is None:
                raise not_found()
            if tx.conversation.joins_need_approval:
                join_requests.add_request(tx, user, invite)
                publish_conversation_info(tx)
                return None, False
            (membership,) = join_users(tx, [user])
            invite.uses += 1
            invite.save(update_fields=["uses"])
            tx.add_system_message(user, "joined", users=[user], by_id=invite.made_by_id)
            publish_conversation_info(tx)
        assert membership
        membership.conversation = tx.conversation
    return conversation_schemas([membership], user_id)[0], is_new


def get_usable_invite(user_id: int | None, token: str, ip: str = "") -> Invite:
    """Returns the invite link with this token (secret part) if the user may join with it or is a member already.

    If `user_id` is None (not signed in), returns the link if a new user could join the group with it. In all other
    cases raises `not_found`. The number of wrong tokens is limited for each user and, if not signed in, for each IP
    address.
    """
    tried_by = user_id or ip
    rate_limits.require("invite.tries", tried_by)
    invite = Invite.objects.select_related("conversation", "made_by").filter(digest=hash_token(token)).first()
    if invite is None or invite.conversation.deleted_at is not None:
        raise invalid_invite_error()
    membership = None
    if user_id is not None:
        membership = Membership.objects.filter(conversation_id=invite.conversation_id, user_id=user_id).first()
    is_member = membership is not None and membership.left_at is None
    # Who waits may look at the request, and take it back, although the link does not work any more.
    is_waiting = user_id is not None and join_requests.find_waiting(invite.conversation, user_id) is not None
    if not is_member and not is_waiting and not _is_usable(invite, invite.conversation, membership, user_id):
        raise invalid_invite_error()
    rate_limits.release([rate_limits.bucket("invite.tries", tried_by)])
    return invite


def preview_invite(user_id: int | None, token: str, ip: str = "") -> InvitePreviewSchema:
    """Returns the data of a group that a user sees before joining by an invite link. The user need not be signed in.

    The function is in `chat.actions` and not in `chat.selectors`, because it counts how often the user has tried links
    that do not work.
    """
    invite = get_usable_invite(user_id, token, ip)
    memberships = Membership.objects.filter(conversation_id=invite.conversation_id, left_at=None)
    is_member = user_id is not None and memberships.filter(user_id=user_id).exists()
    request = join_requests.find_waiting(invite.conversation, user_id) if user_id is not None else None
    return invite_preview_schema(invite, is_member=is_member, asked_at=request.asked_at if request else None)


def _is_usable(invite: Invite, conversation: Conversation, membership: Membership | None, user_id: int | None) -> bool:
    """Returns True if a user who is not a member may join the group with this link.

    `membership` is the membership of a user who was a member earlier, or None. A user who was removed, or whose request
    to join was declined, cannot join with a link that was created before.
    """
    if not invite.is_open() or not invite.made_by.is_active:
        return False
    if membership and membership.was_removed and membership.left_at and invite.created_at <= membership.left_at:
        return False
    if user_id is not None and join_requests.is_declined(invite, user_id):
        return False
    creator = Membership.objects.filter(conversation=conversation, user_id=invite.made_by_id, left_at=None).first()
    return creator is not None and permissions.is_allowed(
        "add_people", permissions.conversation_facts(conversation, creator.role)
    )


def invalid_invite_error() -> ApplicationError:
    """Returns the error for invite links that do not work: unknown, expired, used up and revoked links.

    The error is the same for all of them, so that it does not reveal whether a link existed.
    """
    return ApplicationError("not_found", _("This link is invalid or has expired. Ask for a new one."))
