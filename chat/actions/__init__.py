"""Every verb of conversations. Each reads: may they, change, tell. Doors call these and nothing below.

All raise `messenger.live.refusal.Refused` when they do not act.
"""

from __future__ import annotations

import uuid

from chat.actions.batches import marks, sends
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
from chat.actions.marks import Move, set_mine
from chat.actions.messages import delete, edit, pin, react
from chat.actions.moderation import hide, report, restore, settle
from chat.actions.sending import Send
from chat.shapes import MessageShape, MineShape


def send(
    user_id: int,
    conversation_id: int,
    client_id: uuid.UUID,
    body: str,
    reply_to_id: int | None = None,
    forward_id: int | None = None,
) -> tuple[MessageShape, bool]:
    """From a thread: store and tell. The message, and whether it is new (False: this client_id was known)."""
    sent = sends.call(Send(user_id, conversation_id, client_id, body, reply_to_id, forward_id))
    return sent.message, sent.created


def read(user_id: int, conversation_id: int, seq: int, back: bool = False) -> MineShape:
    """From a thread: move one's read mark to `seq`; `back`: everything from `seq` on is unread again."""
    return marks.call(Move(user_id, conversation_id, read_seq=seq, back=back))


def received(user_id: int, up_to: dict[int, int]) -> None:
    """From a thread: this device has got each conversation up to that seq."""
    for conversation_id, seq in up_to.items():
        marks.call(Move(user_id, conversation_id, delivered_seq=seq))


__all__ = [
    "add_members",
    "create_group",
    "delete",
    "delete_group",
    "edit",
    "hide",
    "open_direct",
    "pin",
    "profile_changed",
    "react",
    "read",
    "received",
    "remove_member",
    "report",
    "restore",
    "send",
    "set_mine",
    "set_role",
    "settle",
    "update",
]
