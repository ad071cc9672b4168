"""The public functions that change conversations. Views, API and WebSocket consumers import them from here only.

Each function checks permission, changes rows in one transaction, and publishes events (messages to the WebSockets of
the members) when the transaction is committed. It raises `messenger.core.errors.ApplicationError` if the action is not
allowed.
"""

from __future__ import annotations

from typing import Any

from chat.actions import sending
from chat.actions.epoch import renew_epoch
from chat.actions.forwarding import forward_message
from chat.actions.groups.avatar import remove_group_avatar, set_group_avatar
from chat.actions.groups.deletion import delete_group
from chat.actions.groups.invites import create_invite, join_by_invite, preview_invite, revoke_invite
from chat.actions.groups.join_decisions import approve_request, decline_request, withdraw_request
from chat.actions.groups.members import add_members, mute_member, remove_member, set_role
from chat.actions.groups.settings import update_group
from chat.actions.legal_holds import place_hold, release_hold
from chat.actions.messages import (
    delete_message,
    edit_message,
    publish_mention_counts_of_sender,
    set_pinned,
    set_reaction,
)
from chat.actions.moderation import (
    hide_message,
    hide_recent_messages,
    restore_message,
    revoke_invite_as_moderator,
    wipe_message,
)
from chat.actions.new_conversations import create_group, open_direct_conversation
from chat.actions.profile_changes import publish_profile_change
from chat.actions.queues import read_marker_queue, send_queue
from chat.actions.read_markers import MarkerMove, update_member_state
from chat.actions.receipts import publish_receipts_between, publish_receipts_choice
from chat.actions.reports import reopen_case, report_message, report_user, settle_case
from chat.actions.sending import SendCommand
from chat.actions.word_filter import get_group_list, set_group_list, try_list
from chat.payloads import SendPayload
from chat.schemas import MessageSchema, MineSchema

__all__ = [
    "add_members",
    "approve_request",
    "create_group",
    "create_invite",
    "decline_request",
    "delete_group",
    "delete_message",
    "edit_message",
    "forward_message",
    "get_group_list",
    "hide_message",
    "hide_recent_messages",
    "join_by_invite",
    "mark_delivered",
    "mark_read",
    "mute_member",
    "open_direct_conversation",
    "place_hold",
    "preview_invite",
    "publish_mention_counts_of_sender",
    "publish_profile_change",
    "publish_receipts_between",
    "publish_receipts_choice",
    "release_hold",
    "remove_group_avatar",
    "remove_member",
    "renew_epoch",
    "reopen_case",
    "report_message",
    "report_user",
    "require_sendable",
    "restore_message",
    "revoke_invite",
    "revoke_invite_as_moderator",
    "send_message",
    "set_group_avatar",
    "set_group_list",
    "set_pinned",
    "set_reaction",
    "set_role",
    "settle_case",
    "try_list",
    "update_group",
    "update_member_state",
    "wipe_message",
    "withdraw_request",
]


def send_message(
    user_id: int, *args: Any, keeps_read_marker: bool = False, **fields: Any
) -> tuple[MessageSchema, bool]:
    """Sends a message. Returns the message, and False if a message with this `client_id` was stored before, else True.

    The other arguments are the fields of SendPayload: `send_message(1, conversation_id, client_id, "Hello")`. The
    sender chooses `client_id`, so that a message that is sent twice is stored once. The function blocks until the
    message is stored: call it from a thread, not from the event loop. With `keeps_read_marker`, what others have
    written before stays unread for the sender.
    """
    sent = send_queue.call(SendCommand(user_id, SendPayload(*args, **fields), keeps_read_marker))
    return sent.message, sent.created


def require_sendable(user_id: int, *args: Any, **fields: Any) -> None:
    """Raises the error with which `send_message` would refuse this message now, apart from limits of its speed.

    For messages that are sent later. The arguments are those of `send_message`.
    """
    sending.require_sendable(SendCommand(user_id, SendPayload(*args, **fields)))


def mark_read(user_id: int, conversation_id: int, seq: int | None, back: bool = False) -> MineSchema:
    """Marks all messages of a conversation up to the message number `seq` as read by a user.

    With `back`, marks the message `seq` and all messages after it as unread; if `seq` is None, the newest message that
    another member has written. It changes nothing if there is none (system messages do not count). Returns the user's
    state in the conversation, with the unread count. The function blocks: call it from a thread, not from the event
    loop.
    """
    return read_marker_queue.call(MarkerMove(user_id, conversation_id, read_seq=seq, back=back))


def mark_delivered(user_id: int, up_to: dict[int, int]) -> None:
    """Stores which messages the devices of a user have received.

    `up_to` maps each conversation id to the number of the newest message that a device has received. The function
    blocks: call it from a thread, not from the event loop.
    """
    for conversation_id, seq in up_to.items():
        read_marker_queue.call(MarkerMove(user_id, conversation_id, delivered_seq=seq))
