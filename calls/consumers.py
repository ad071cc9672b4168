"""The commands about calls that clients send over the WebSocket, such as `call.invite`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import ClassVar

import msgspec

from calls import actions, selectors
from calls.payloads import (
    AcceptPayload,
    AlivePayload,
    AnswerPayload,
    CandidatePayload,
    DeclinePayload,
    HangUpPayload,
    InvitePayload,
    ListCallsPayload,
    OfferPayload,
    RingingPayload,
)
from calls.schemas import CallSchema
from calls.supervision import SECONDS, CallSupervisor
from messenger.core import database
from messenger.core.errors import ApplicationError
from messenger.live.commands import command
from messenger.live.consumer import EmptyPayload, LiveConsumer
from messenger.live.hub import get_hub

log = logging.getLogger(__name__)


class CallAnswer(msgspec.Struct):
    call: CallSchema


class CallsAnswer(msgspec.Struct):
    calls: list[CallSchema]


class CallConsumer(LiveConsumer):
    supervisor: ClassVar[CallSupervisor] = CallSupervisor()  # shared by all connections of the process

    @command("call.list", ListCallsPayload, answer=CallsAnswer)
    async def call_list(self, payload: ListCallsPayload) -> CallsAnswer:
        return CallsAnswer(await self.connection.run(selectors.list_calls, self.connection.user_id))

    @command("call.invite", InvitePayload, answer=CallAnswer)
    async def call_invite(self, payload: InvitePayload) -> CallAnswer:
        return await self._change_call(actions.invite, payload.conversation_id, payload.device, payload.media)

    @command("call.ringing", RingingPayload, answer=CallAnswer)
    async def call_ringing(self, payload: RingingPayload) -> CallAnswer:
        return await self._change_call(actions.ringing, payload.call_id)

    @command("call.accept", AcceptPayload, answer=CallAnswer)
    async def call_accept(self, payload: AcceptPayload) -> CallAnswer:
        return await self._change_call(actions.accept, payload.call_id, payload.device)

    @command("call.decline", DeclinePayload, answer=CallAnswer)
    async def call_decline(self, payload: DeclinePayload) -> CallAnswer:
        return await self._change_call(actions.decline, payload.call_id)

    @command("call.hangup", HangUpPayload, answer=CallAnswer)
    async def call_hangup(self, payload: HangUpPayload) -> CallAnswer:
        return await self._change_call(actions.hang_up, payload.call_id, payload.device)

    async def _change_call(self, action: Callable[..., CallSchema], *arguments: object) -> CallAnswer:
        """Executes an action of this user, and answers with the call as it is afterwards."""
        return CallAnswer(await self.connection.run(action, self.connection.user_id, *arguments))

    @command("call.alive", AlivePayload, answer=EmptyPayload)
    async def call_alive(self, payload: AlivePayload) -> EmptyPayload:
        connection = self.connection
        await connection.run(actions.report_alive, connection.user_id, payload.call_id, payload.device)
        return EmptyPayload()

    @command("call.offer", OfferPayload, answer=EmptyPayload)
    async def call_offer(self, payload: OfferPayload) -> EmptyPayload:
        return await self._relay_description("offer", payload)

    @command("call.answer", AnswerPayload, answer=EmptyPayload)
    async def call_answer(self, payload: AnswerPayload) -> EmptyPayload:
        return await self._relay_description("answer", payload)

    @command("call.candidate", CandidatePayload, answer=EmptyPayload)
    async def call_candidate(self, payload: CandidatePayload) -> EmptyPayload:
        connection = self.connection
        address = (payload.call_id, payload.device, payload.to_user_id, payload.to_device)
        await connection.run(actions.relay_candidates, connection.user_id, *address, payload.candidates)
        return EmptyPayload()

    async def _relay_description(self, type: str, payload: OfferPayload | AnswerPayload) -> EmptyPayload:
        connection = self.connection
        address = (payload.call_id, payload.device, payload.to_user_id, payload.to_device)
        await connection.run(actions.relay_description, connection.user_id, *address, type, payload.sdp)
        return EmptyPayload()

    @classmethod
    async def run(cls) -> None:
        """Supervises the calls of the site in an endless loop (see calls/supervision.py)."""
        while True:
            await asyncio.sleep(SECONDS)
            try:
                get_hub().receive(await database.run_in_thread(cls.supervisor.step))
            except ApplicationError:
                pass  # the database is down, which is logged elsewhere
            except Exception:
                log.exception("The supervision of calls failed; it goes on.")
