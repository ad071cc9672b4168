"""What chat brings to the socket: its commands, each of which calls one verb."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings

from chat import actions, selectors
from chat.actions.queues import mark_queue, send_queue
from chat.actions.read_markers import Move
from chat.actions.sending import Send, Sent
from chat.schemas import MessageSchema, MineSchema
from messenger.core.errors import ApplicationError, not_found
from messenger.live.commands import Command, Part
from messenger.live.connection import Connection

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class SendPayload(msgspec.Struct):
    """Store a message. The same `client_id` again stores nothing and answers with the message as it is now."""

    conversation_id: Id
    client_id: UUID
    body: str = ""
    reply_to_id: Id | None = None
    forward_id: Id | None = None
    attachment_ids: Annotated[list[Id], msgspec.Meta(max_length=settings.FILES_AT_ONCE)] = []


class EditPayload(msgspec.Struct):
    """Put other words in place of one's own."""

    message_id: Id
    body: str


class DeletePayload(msgspec.Struct):
    """Recall one's own message, or delete another's as owner or admin."""

    message_id: Id


class ReactionPayload(msgspec.Struct):
    """Put one's emoji under a message, or take it away."""

    message_id: Id
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    active: bool


class ReadPayload(msgspec.Struct):
    """`back`: everything from `seq` on is unread again."""

    conversation_id: Id
    seq: Count
    back: bool = False


class ReceivedPayload(msgspec.Struct):
    """Got on this device, cumulative: the newest seq by conversation."""

    marks: Annotated[dict[Id, Count], msgspec.Meta(max_length=500)]


class SyncPayload(msgspec.Struct):
    """What this device knows: versions by conversation, its person's own, and which conversation is open."""

    cursors: Annotated[dict[Id, Count], msgspec.Meta(max_length=5000)] = {}
    me: Count = 0
    open: Id | None = None


class MessageAnswer(msgspec.Struct):
    message: MessageSchema


class MineAnswer(msgspec.Struct):
    mine: MineSchema


def send(connection: Connection, payload: SendPayload, ref: str | None) -> None:
    """Into the queue, and on to the next frame: what one socket sends is stored in its order."""

    def done(outcome: Sent | ApplicationError) -> None:
        if isinstance(outcome, ApplicationError):
            connection.refuse(ref, outcome)
        else:
            connection.answer(ref, MessageAnswer(outcome.message))

    send_queue.submit(
        Send(
            connection.user_id,
            payload.conversation_id,
            payload.client_id,
            payload.body,
            payload.reply_to_id,
            payload.forward_id,
            tuple(payload.attachment_ids),
        ),
        done,
    )


async def edit(connection: Connection, payload: EditPayload) -> MessageAnswer:
    return MessageAnswer(await connection.run(actions.edit, connection.user_id, payload.message_id, payload.body))


async def delete(connection: Connection, payload: DeletePayload) -> MessageAnswer:
    return MessageAnswer(await connection.run(actions.delete, connection.user_id, payload.message_id))


async def react(connection: Connection, payload: ReactionPayload) -> MessageAnswer:
    message = await connection.run(actions.react, connection.user_id, payload.message_id, payload.emoji, payload.active)
    return MessageAnswer(message)


def read(connection: Connection, payload: ReadPayload, ref: str | None) -> None:
    def done(outcome: MineSchema | ApplicationError) -> None:
        if isinstance(outcome, ApplicationError):
            connection.refuse(ref, outcome)
        else:
            connection.answer(ref, MineAnswer(outcome))

    mark_queue.submit(Move(connection.user_id, payload.conversation_id, read_seq=payload.seq, back=payload.back), done)


def received(connection: Connection, payload: ReceivedPayload, ref: str | None) -> None:
    """No answer is due unless something is refused, and then one."""
    refused: list[ApplicationError] = []

    def done(outcome: ApplicationError | None) -> None:
        if isinstance(outcome, ApplicationError):
            if not refused:
                connection.refuse(ref, outcome)
            refused.append(outcome)

    known = {cid: seq for cid, seq in payload.marks.items() if cid in connection.conversations}
    if len(known) < len(payload.marks):
        done(not_found())
    for conversation_id, seq in known.items():
        mark_queue.submit(Move(connection.user_id, conversation_id, delivered_seq=seq), done)


async def sync(connection: Connection, payload: SyncPayload) -> selectors.SyncAnswerSchema:
    return await connection.run(selectors.sync_client, connection.user_id, payload.cursors, payload.me, payload.open)


class ChatPart(Part):
    commands = (
        Command("message.send", SendPayload, send, MessageAnswer, answers_itself=True),
        Command("message.edit", EditPayload, edit, MessageAnswer),
        Command("message.delete", DeletePayload, delete, MessageAnswer),
        Command("reaction.set", ReactionPayload, react, MessageAnswer),
        Command("read", ReadPayload, read, MineAnswer, answers_itself=True),
        Command("received", ReceivedPayload, received, answers_itself=True),
        Command("sync", SyncPayload, sync, selectors.SyncAnswerSchema),
    )


PART = ChatPart()
