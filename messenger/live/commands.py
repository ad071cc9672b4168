"""What an app brings to the socket: a table of commands and what to do as connections come and go.

The wire knows no app. `messenger/consumers.py` hands it the parts of accounts, presence and chat.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from messenger.live.connection import Connection


@dataclass(frozen=True, slots=True)
class Command:
    """`handle(connection, payload)` runs in the event loop. What it returns is sent as `ack` (None: no answer is due).

    It raises `ApplicationError` to be answered by `error`. Work on the database goes through `await connection.run(verb, …)`.
    A handler that answers by itself, later, takes a third argument `ref` and is marked `answers_itself`.
    """

    name: str
    payload: type[msgspec.Struct]
    handle: Callable[..., Awaitable[Any] | Any]
    answer: type[msgspec.Struct] | None = None  # for the generated protocol page
    answers_itself: bool = False


class Part:
    """Defaults that do nothing; an app overrides what it needs. All of it runs in the event loop."""

    commands: tuple[Command, ...] = ()

    async def opening(self, connection: Connection) -> None:
        """Before `welcome`; may raise `SocketRefused`."""

    async def opened(self, connection: Connection) -> None:
        """After `welcome` was sent."""

    async def closed(self, connection: Connection) -> None:
        """Once for each connection that was opening, however it ended."""

    async def run(self) -> None:
        """A task of this process, from its first connection to its end."""
