"""Every verb of conversations. Each reads: may they, change, tell. Doors call these and nothing below.

All raise `messenger.core.errors.ApplicationError` when they do not act.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from chat.actions.group_avatar import remove_picture, set_picture
from chat.actions.groups import (
    add_members,
    create_group,
    delete_group,
    open_direct,
    profile_changed,
    remove_member,
    set_role,
    update,
)
from chat.actions.invites import join_by, make_invite, revoke_invite
from chat.actions.messages import delete, edit, pin, react
from chat.actions.moderation import hide, report, restore, settle, withdraw_invite
from chat.actions.queues import mark_queue, send_queue
from chat.actions.read_markers import Move, newest_of_others, set_mine
from chat.actions.receipts import choice_changed as receipts_choice_changed
from chat.actions.sending import Send
from chat.schemas import MessageSchema, MineSchema


def send(
    user_id: int,
    conversation_id: int,
    client_id: uuid.UUID,
    body: str,
    reply_to_id: int | None = None,
    forward_id: int | None = None,
    attachment_ids: Sequence[int] = (),
) -> tuple[MessageSchema, bool]:
    """From a thread: store and tell. The message, and whether it is new (False: this client_id was known)."""
    sent = send_queue.call(
        Send(user_id, conversation_id, client_id, body, reply_to_id, forward_id, tuple(attachment_ids))
    )
    return sent.message, sent.created


def read(user_id: int, conversation_id: int, seq: int, back: bool = False) -> MineSchema:
    """From a thread: move one's read mark to `seq`; `back`: everything from `seq` on is unread again."""
    return mark_queue.call(Move(user_id, conversation_id, read_seq=seq, back=back))


def mark_unread(user_id: int, conversation_id: int) -> MineSchema:
    """From the newest text of somebody else on. Where there is none nothing changes."""
    seq = newest_of_others(user_id, conversation_id)
    return read(user_id, conversation_id, seq, back=seq > 0)


def received(user_id: int, up_to: dict[int, int]) -> None:
    """From a thread: this device has got each conversation up to that seq."""
    for conversation_id, seq in up_to.items():
        mark_queue.call(Move(user_id, conversation_id, delivered_seq=seq))


__all__ = [
    "add_members",
    "create_group",
    "delete",
    "delete_group",
    "edit",
    "hide",
    "join_by",
    "make_invite",
    "mark_unread",
    "open_direct",
    "pin",
    "profile_changed",
    "react",
    "read",
    "receipts_choice_changed",
    "received",
    "remove_member",
    "remove_picture",
    "report",
    "restore",
    "revoke_invite",
    "send",
    "set_mine",
    "set_picture",
    "set_role",
    "settle",
    "update",
    "withdraw_invite",
]
