"""`@command`: declares a consumer method as the handler of a command. `LiveConsumer` collects these methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Command:
    """An entry of a consumer's table of commands. `handler` is the function of the class: call it with the consumer."""

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
    """Declare a method of a `LiveConsumer` as the handler of the command `name`.

    The method gets the decoded payload and runs in the event loop; database work goes through
    `await self.connection.run(action, …)`. The struct it returns is sent as `ack`; after None nothing is sent. An
    `ApplicationError` that it raises is sent as `error`.

    A deferred handler is not awaited, so that the next frame is handled meanwhile. It takes `ref` as a second argument
    and answers by itself with `connection.send_ack` or `connection.send_error`.
    """

    def mark(method: Handler) -> Handler:
        method.command = Command(name, payload, method, answer, deferred)  # type: ignore[attr-defined]
        return method

    return mark
