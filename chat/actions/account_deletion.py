"""Deletes an account and the user's data in conversations.

`plan_account_deletion` lists beforehand what will happen. `delete_account` erases the profile at once. Then
`leave_all_conversations` runs in the background: it removes the user from all groups and, if the user has chosen so,
deletes the user's messages. Other messages stay without the sender's name. A group that the user owns gets a new owner,
or is deleted if it has no other member.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, Sum, Value, When
from django.utils import timezone

from accounts.actions import deletion
from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from chat import actions, events, tasks
from chat.actions.groups.join_decisions import withdraw_all_requests
from chat.actions.messages import WIPED_FIELDS, delete_locked_message, wipe_content
from chat.actions.profile_changes import publish_profile_change_in
from chat.actions.transaction import system_transaction
from chat.attachments import uploads
from chat.export import actions as export_actions
from chat.message_kinds import WRITTEN_KINDS
from chat.models import (
    Attachment,
    Conversation,
    Invite,
    Membership,
    Mention,
    Message,
    Reaction,
    ReceiptHistory,
    Role,
    Upload,
)
from chat.schemas import message_schema
from chat.selectors import messages_with_relations
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError

MESSAGES_PER_TRANSACTION = 50  # short transactions, so that other members can write in between


# ── Before: what will happen ─────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class OwnedGroup:
    """A group whose owner deletes the account, and the member who will be the next owner (`successor`).

    If `successor` is None, the group has no other member and will be deleted.
    """

    id: int
    title: str
    successor: UserSchema | None


@dataclass(slots=True)
class DeletionPlan:
    """What the deletion of an account will affect: a list of groups, and the numbers of conversations and files."""

    owned_groups: list[OwnedGroup]
    group_count: int  # groups that the user does not own
    direct_count: int  # direct conversations
    file_count: int
    file_bytes: int


def plan_account_deletion(user_id: int) -> DeletionPlan:
    """Returns which groups, conversations and files the deletion of the user's account will affect.

    Changes nothing. Makes four queries.
    """
    memberships = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    owner_memberships = list(
        memberships.filter(role=Role.OWNER)
        .select_related("conversation")
        .annotate(successor_id=_successor_subquery())
        .order_by("pk")
    )
    successors = User.objects.in_bulk({row.successor_id for row in owner_memberships if row.successor_id})
    counts = memberships.aggregate(
        direct=Count("pk", filter=Q(conversation__kind=Conversation.Kind.DIRECT)),
        groups=Count("pk", filter=Q(conversation__kind=Conversation.Kind.GROUP) & ~Q(role=Role.OWNER)),
    )
    sent_attachments = uploads.list_owned_attachments(user_id).filter(message__isnull=False)
    files = sent_attachments.aggregate(count=Count("pk"), size=Sum("file__size"))
    return DeletionPlan(
        owned_groups=[
            OwnedGroup(
                row.conversation_id,
                row.conversation.title,
                user_schema(successors[row.successor_id]) if row.successor_id else None,
            )
            for row in owner_memberships
        ],
        group_count=counts["groups"],
        direct_count=counts["direct"],
        file_count=files["count"],
        file_bytes=files["size"] or 0,
    )


def _successor_subquery() -> Subquery:
    """Returns a subquery: the user id of the member who becomes the owner of a group if its owner deletes the account.

    This is the admin who joined first or, without admins, the member who joined first. Use it to annotate a query of
    memberships of the user who deletes the account.
    """
    others = Membership.objects.filter(conversation=OuterRef("conversation"), left_at=None, user__is_active=True)
    rank = Case(When(role=Role.ADMIN, then=Value(0)), default=Value(1), output_field=models.IntegerField())
    others = others.exclude(user=OuterRef("user")).order_by(rank, "joined_at", "pk")
    return Subquery(others.values("user")[:1])


# ── The action ───────────────────────────────────────────────────────────────────────────────────────────────────
def delete_account(user_id: int, *, delete_messages: bool) -> None:
    """Deletes an account permanently. With `delete_messages`, also deletes all messages of the user.

    Profile, login sessions, drafts and data export are deleted at once, and the user's invite links are revoked. A
    background task then removes the user from groups and, with `delete_messages`, deletes the messages. The task is
    stored in the database, so it also runs after a crash.
    """
    with write_transaction():
        deletion.erase_account(user_id)
        Membership.objects.filter(user_id=user_id).update(draft="")
        Invite.objects.filter(made_by=user_id, revoked_at=None).update(revoked_at=timezone.now())
        export_actions.delete_exports_of(user_id)
        tasks.leave_all_conversations.enqueue(user_id, delete_messages)


# ── After: in the background ─────────────────────────────────────────────────────────────────────────────────────
def leave_all_conversations(user_id: int, delete_messages: bool) -> None:
    """Removes a deleted user from all groups. With `delete_messages`, first deletes all messages of the user.

    Direct conversations stay for the other user. If the function was interrupted, it can be called again: it continues
    where it stopped.
    """
    if not User.objects.filter(pk=user_id, deleted_at__isnull=False).exists():
        return
    if delete_messages:
        _delete_all_messages(user_id)
    memberships = Membership.objects.filter(Membership.LISTED, user_id=user_id, conversation__deleted_at=None)
    for membership in memberships.annotate(successor_id=_successor_subquery(), kind=F("conversation__kind")):
        try:
            _leave_conversation(membership)
        except ApplicationError as error:
            if error.code != "not_found":  # the group was deleted meanwhile, or the user was removed from it
                raise
    withdraw_all_requests(user_id)
    for upload in Upload.objects.filter(owner_id=user_id):
        if upload.attachment_id is None or Attachment.objects.filter(pk=upload.attachment_id, message=None).exists():
            uploads.delete_upload(upload)
    with write_transaction():
        Attachment.objects.filter(owner_id=user_id, message=None).delete()
        ReceiptHistory.objects.filter(user_id=user_id).delete()
        Mention.objects.filter(user_id=user_id).delete()
    tasks.delete_orphaned_files.enqueue()


def _leave_conversation(membership) -> None:
    """Removes a deleted user from a group. If the user owns the group, first makes another member the owner.

    A direct conversation stays for the other user: the function only publishes that the deleted user has no name any
    more. `membership` must have the annotations `kind` (of the conversation) and `successor_id` (user id of the next
    owner).
    """
    user_id, conversation_id = membership.user_id, membership.conversation_id
    if membership.kind == Conversation.Kind.DIRECT:
        # The other user keeps the conversation, and sees the deleted user without a name. A draft can never be sent.
        publish_profile_change_in(user_id, conversation_id)
        drafts = Membership.objects.filter(conversation=conversation_id, left_at=None).exclude(draft="")
        for other_id in drafts.exclude(user_id=user_id).values_list("user_id", flat=True):
            actions.update_member_state(other_id, conversation_id, {"draft": ""})
        return
    with rate_limits.suspended():
        if membership.role == Role.OWNER and membership.successor_id:
            actions.set_role(user_id, conversation_id, membership.successor_id, Role.OWNER)
        actions.remove_member(user_id, conversation_id, user_id)


def _delete_all_messages(user_id: int) -> None:
    """Deletes all text messages and reactions of a user, also in conversations that the user has left.

    The content of the messages is removed permanently, as if the user had deleted each message.
    """
    memberships = Membership.objects.filter(user_id=user_id).order_by("conversation_id")
    for conversation_id in memberships.values_list("conversation_id", flat=True):
        last_seq = 0
        while seqs := _list_text_seqs(user_id, conversation_id, after=last_seq):
            last_seq = seqs[-1]
            with system_transaction(conversation_id) as tx:
                for message in messages_with_relations().filter(conversation_id=conversation_id, seq__in=seqs):
                    if message.deleted_at is None:
                        delete_locked_message(tx, message, wipe=True, by_id=user_id)
                    else:
                        wipe_content(message)
                        message.save(update_fields=WIPED_FIELDS)
    reactions = Reaction.objects.filter(user_id=user_id)
    for conversation_id, message_id in list(reactions.values_list("message__conversation_id", "message_id").distinct()):
        with system_transaction(conversation_id) as tx:
            reactions.filter(message=message_id).delete()
            message = messages_with_relations().get(pk=message_id)
            tx.save_message(message)
            tx.publish(events.message_updated(message_schema(message)))


def _list_text_seqs(user_id: int, conversation_id: int, after: int) -> list[int]:
    """Returns the numbers (seq) of the next 50 text messages of a user in a conversation, after the number `after`.

    Leaves out messages that the user has deleted, because their content is removed already. Includes messages that an
    admin or moderator has hidden, because their content is still stored.
    """
    texts = Message.objects.filter(conversation=conversation_id, seq__gt=after, sender=user_id, kind__in=WRITTEN_KINDS)
    with_content = texts.filter(Q(deleted_at=None) | Q(hidden_by__isnull=False))
    return list(with_content.order_by("seq").values_list("seq", flat=True)[:MESSAGES_PER_TRANSACTION])
