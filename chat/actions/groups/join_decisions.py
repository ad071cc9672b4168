"""Ends requests to join a group: the owner or an admin decides them, or the user takes the request back.

A request is decided while the group is locked, so two admins who decide at the same moment decide it once, and an
invite link counts one use for each person who came in with it.

What an invite link promises is checked twice. Whether it works at all (not revoked, not expired) is checked when
somebody asks: an admin who lets this person in later need not hurry. How many people may come in with it is checked
when they come in, because people who wait do not count as uses.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from chat.actions.groups.join_requests import find_waiting, mark_declined, remove_requests
from chat.actions.groups.members import join_users
from chat.actions.groups.settings import publish_conversation_info
from chat.actions.transaction import ConversationTransaction, conversation_transaction, outsider_transaction
from chat.models import Invite, JoinRequest
from chat.models.invites import hash_token
from chat.schemas import MemberSchema, member_schema
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError, forbidden, not_found


def approve_request(user_id: int, conversation_id: int, target_id: int) -> MemberSchema:
    """Lets the user `target_id` into a group and returns the new member. Only the owner and admins may do this.

    Changes nothing if another admin has let this user in already. Raises `conflict` if as many people have joined with
    the invite link as it allows, and `not_found` if the user does not wait.
    """
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("decide_joins")
        member = tx.conversation.memberships.filter(user_id=target_id, left_at=None).select_related("user").first()
        if member is not None:
            return member_schema(member)
        request = _get_request(tx, target_id)
        if not request.user.is_active:
            raise forbidden(_("This account can’t join at the moment."))
        invite = request.invite
        if invite is not None:
            if invite.max_uses is not None and invite.uses >= invite.max_uses:
                raise ApplicationError(
                    "conflict", _("The link that this person followed is used up. Decline, or add the person yourself.")
                )
            invite.uses += 1
            invite.save(update_fields=["uses"])
        (membership,) = join_users(tx, [request.user])
        tx.add_system_message(
            request.user, "joined", users=[request.user], by_id=invite.made_by_id if invite is not None else None
        )
        tx.record_act("member.approve", request.user)
        publish_conversation_info(tx)
        return member_schema(membership)


def decline_request(user_id: int, conversation_id: int, target_id: int) -> None:
    """Declines a request to join. The user learns only that the link does not work. Only owner and admins may do this.

    The user cannot ask again with a link that was created before.
    """
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("decide_joins")
        request = _get_request(tx, target_id)
        mark_declined(tx, request)
        tx.record_act("member.decline", request.user)
        publish_conversation_info(tx)


def withdraw_request(user_id: int, token: str) -> None:
    """Takes back the request of a user to join the group of an invite link. `token` is the secret part of the link.

    Raises `not_found` if the user does not wait.
    """
    rate_limits.require("group.change", user_id)
    conversation_id = Invite.objects.filter(digest=hash_token(token)).values_list("conversation_id", flat=True).first()
    if conversation_id is None:
        raise not_found()
    with outsider_transaction(conversation_id) as tx:
        if find_waiting(tx.conversation, user_id) is None:
            raise not_found()
        remove_requests(tx, [user_id])
        publish_conversation_info(tx)


def withdraw_all_requests(user_id: int) -> None:
    """Takes back all requests of a user whose account is being deleted."""
    requests = JoinRequest.objects.filter(user_id=user_id)
    for conversation_id in list(requests.values_list("conversation_id", flat=True)):
        try:
            with outsider_transaction(conversation_id) as tx:
                if remove_requests(tx, [user_id]):
                    publish_conversation_info(tx)
        except ApplicationError as error:
            if error.code != "not_found":  # the group was deleted: nobody sees its requests any more
                raise
    requests.delete()


def _get_request(tx: ConversationTransaction, target_id: int) -> JoinRequest:
    requests = JoinRequest.objects.filter(JoinRequest.WAITING, conversation=tx.conversation, user_id=target_id)
    request = requests.select_related("user", "invite").first()
    if request is None:
        raise not_found()
    return request
