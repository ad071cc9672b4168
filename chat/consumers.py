"""The commands of the chat that clients send over the WebSocket, such as `message.send`.

Each command calls a function of chat.actions or chat.selectors, or puts its work into a queue.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings

from chat import actions, selectors
from chat.actions.queues import read_marker_queue, send_queue
from chat.actions.read_markers import MarkerMove
from chat.actions.sending import SendCommand, SentMessage
from chat.schemas import MessageSchema, MineSchema
from messenger.core.errors import ApplicationError, not_found
from messenger.core.field_types import Count, Id, keyed_by_id
from messenger.live.commands import command
from messenger.live.consumer import LiveConsumer


class SendPayload(msgspec.Struct):
    """Send a message. The client creates the UUID `client_id` for it.

    If your message with this `client_id` is stored already, no second message is created, and the answer contains the
    stored message in its current state.
    """

    conversation_id: Id
    client_id: UUID
    body: str = ""
    reply_to_id: Id | None = None
    forward_id: Id | None = None
    attachment_ids: Annotated[list[Id], msgspec.Meta(max_length=settings.FILES_AT_ONCE)] = []


class EditPayload(msgspec.Struct):
    """Edit one of your own messages."""

    message_id: Id
    body: str


class DeletePayload(msgspec.Struct):
    """Delete one of your own messages. Owners and admins of a group can delete any message of the group."""

    message_id: Id


class ReactionPayload(msgspec.Struct):
    """Add your reaction to a message (`active`: true) or remove it (`active`: false)."""

    message_id: Id
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    active: bool


class ReadPayload(msgspec.Struct):
    """Mark all messages of a conversation up to the message number `seq` as read.

    With `back`: true, mark the message `seq` and all later messages as unread.
    """

    conversation_id: Id
    seq: Count
    back: bool = False


class ReceivedPayload(msgspec.Struct):
    """Report which messages this device has received.

    `marks` has, for each conversation id, the number (`seq`) of the newest received message. All earlier messages count
    as received too.
    """

    marks: Annotated[dict[Id, Count], keyed_by_id(500)]


class SyncPayload(msgspec.Struct):
    """Ask for the changes that this client has missed.

    `cursors`: the version (number of the newest change) that the client knows of each conversation, by conversation id.
    `me`: the version of the user's own data that the client knows. `open`: id of the conversation on the screen.
    """

    cursors: Annotated[dict[Id, Count], keyed_by_id(5000)] = {}
    me: Count = 0
    open: Id | None = None


class MessageAnswer(msgspec.Struct):
    message: MessageSchema


class MineAnswer(msgspec.Struct):
    mine: MineSchema


class ChatConsumer(LiveConsumer):
    @command("message.send", SendPayload, answer=MessageAnswer, deferred=True)
    def message_send(self, payload: SendPayload, ref: str | None) -> None:
        """Puts a message into the send queue and returns at once, so that the WebSocket can handle its next command.

        The queue stores messages to the same conversation in the order in which they came. The client gets the answer
        when its message is stored.
        """
        connection = self.connection

        def on_stored(outcome: SentMessage | ApplicationError) -> None:
            if isinstance(outcome, ApplicationError):
                connection.send_error(ref, outcome)
            else:
                connection.send_ack(ref, MessageAnswer(outcome.message))

        send_queue.submit(
            SendCommand(
                connection.user_id,
                payload.conversation_id,
                payload.client_id,
                payload.body,
                payload.reply_to_id,
                payload.forward_id,
                tuple(payload.attachment_ids),
            ),
            on_stored,
        )

    @command("message.edit", EditPayload, answer=MessageAnswer)
    async def message_edit(self, payload: EditPayload) -> MessageAnswer:
        connection = self.connection
        message = await connection.run(actions.edit_message, connection.user_id, payload.message_id, payload.body)
        return MessageAnswer(message)

    @command("message.delete", DeletePayload, answer=MessageAnswer)
    async def message_delete(self, payload: DeletePayload) -> MessageAnswer:
        connection = self.connection
        return MessageAnswer(await connection.run(actions.delete_message, connection.user_id, payload.message_id))

    @command("reaction.set", ReactionPayload, answer=MessageAnswer)
    async def reaction_set(self, payload: ReactionPayload) -> MessageAnswer:
        connection = self.connection
        message = await connection.run(
            actions.set_reaction, connection.user_id, payload.message_id, payload.emoji, payload.active
        )
        return MessageAnswer(message)

    @command("read", ReadPayload, answer=MineAnswer, deferred=True)
    def read(self, payload: ReadPayload, ref: str | None) -> None:
        connection = self.connection

        def on_stored(outcome: MineSchema | ApplicationError) -> None:
            if isinstance(outcome, ApplicationError):
                connection.send_error(ref, outcome)
            else:
                connection.send_ack(ref, MineAnswer(outcome))

        read_marker_queue.submit(
            MarkerMove(connection.user_id, payload.conversation_id, read_seq=payload.seq, back=payload.back), on_stored
        )

    @command("received", ReceivedPayload, deferred=True)
    def received(self, payload: ReceivedPayload, ref: str | None) -> None:
        """Stores which messages the client's device has received.

        Sends no answer on success, and only one `error` even if the command fails for several conversations.
        """
        connection = self.connection
        errors: list[ApplicationError] = []

        def on_stored(outcome: ApplicationError | None) -> None:
            if isinstance(outcome, ApplicationError):
                if not errors:
                    connection.send_error(ref, outcome)
                errors.append(outcome)

        subscribed = {cid: seq for cid, seq in payload.marks.items() if cid in connection.conversations}
        if len(subscribed) < len(payload.marks):
            on_stored(not_found())
        for conversation_id, seq in subscribed.items():
            read_marker_queue.submit(MarkerMove(connection.user_id, conversation_id, delivered_seq=seq), on_stored)

    @command("sync", SyncPayload, answer=selectors.SyncAnswerSchema)
    async def sync(self, payload: SyncPayload) -> selectors.SyncAnswerSchema:
        connection = self.connection
        return await connection.run(
            selectors.sync_client, connection.user_id, payload.cursors, payload.me, payload.open
        )
