"""Defines `@command`, which declares a consumer method as the handler of a WebSocket command.

`LiveConsumer` collects all methods with this decorator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Command:
    """A WebSocket command and its handler. `handler` is a plain function: its first argument is the consumer."""

    name: str
    payload: type[msgspec.Struct]
    handler: Callable[..., Any]
    answer: type[msgspec.Struct] | None = None  # payload of the `ack`; None: no `ack` is sent
    is_deferred: bool = False
    decode: Callable[[bytes], Any] = field(init=False)  # prebuilt payload decoder

    def __post_init__(self) -> None:
        object.__setattr__(self, "decode", msgspec.json.Decoder(self.payload).decode)


def command(
    name: str, payload: type[msgspec.Struct], *, answer: type[msgspec.Struct] | None = None, deferred: bool = False
) -> Callable[[Handler], Handler]:
    """Declares a method of a `LiveConsumer` as the handler of the WebSocket command `name`.

    The method gets the decoded payload and runs in the event loop. For database work it calls `await
    self.connection.run(action, …)`. If it returns a struct, the struct is sent as `ack`. If it returns None, nothing is
    sent. If it raises an `ApplicationError`, the error is sent as `error`.

    With `deferred`, the method returns before the command is done, so that the next frame is handled at once. As second
    argument it gets `ref`, the client's id of this command. It answers later, with `connection.send_ack` or
    `connection.send_error`.
    """

    def mark(method: Handler) -> Handler:
        method.command = Command(name, payload, method, answer, deferred)  # type: ignore[attr-defined]
        return method

    return mark
