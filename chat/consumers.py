"""The commands of the chat that clients send over the WebSocket, such as `message.send`.

Each command calls a function of chat.actions or chat.selectors, or puts its work into a queue.
"""

from __future__ import annotations

import msgspec

from chat import actions, selectors
from chat.actions.queues import read_marker_queue, send_queue
from chat.actions.read_markers import MarkerMove
from chat.actions.sending import SendCommand, SentMessage
from chat.payloads import (
    DeletePayload,
    EditPayload,
    ReactionPayload,
    ReadPayload,
    ReceivedPayload,
    SendPayload,
    SyncPayload,
)
from chat.schemas import MessageSchema, MineSchema
from messenger.core.errors import ApplicationError, not_found
from messenger.live.commands import command
from messenger.live.consumer import LiveConsumer


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

        send_queue.submit(SendCommand(connection.user_id, payload), on_stored)

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

        move = MarkerMove(connection.user_id, payload.conversation_id, payload.read_seq, back=payload.back)
        read_marker_queue.submit(move, on_stored)

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
        return await connection.read(
            selectors.sync_client, connection.user_id, payload.cursors, payload.me, payload.open
        )
