"""Lets apps listen to published events. The app that publishes an event does not know who listens.

An app above `chat`, for example one that notifies users, registers its listeners in `AppConfig.ready`:

    class NotificationsConfig(AppConfig):
        def ready(self) -> None:
            listen("message.created", MessagePayload, enqueue_notifications, in_transaction=True)

A listener is called once for each transaction that publishes events of its type, in the process and thread of this
transaction. It gets all these events, in their order. It is not called for events that reconciliation delivers again.
The sender of a message waits for the listeners, so they must be fast: a listener with more to do enqueues a task.

A listener that raises an exception changes nothing for the event, for its recipients and for other listeners. The
exception is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from django.db import DatabaseError, transaction

from messenger.core.database import savepoint
from messenger.live.frames import get_frame_type

P = TypeVar("P", bound=msgspec.Struct)
log = logging.getLogger(__name__)


class PublishedEvent(msgspec.Struct, Generic[P], frozen=True):
    type: str  # such as `message.created`
    payload: P
    user_id: int  # the user who receives the event; 0: the members of the conversation that the payload names


Listener = Callable[[list[PublishedEvent[P]]], object]


class _Registration(NamedTuple):
    listener: Listener
    decoders: Mapping[str, Callable[[str], list[Any]]]  # by event type: of a list of structs with the field `payload`
    has_savepoint: bool

    def decode(self, type: str, events: list[Any]) -> list[Any]:
        """Decodes the frames of events of one type, all at once."""
        return self.decoders[type]("[" + ",".join([event.text for event in events]) + "]")


_in_transaction: dict[str, list[_Registration]] = {}  # by event type
_after_commit: dict[str, list[_Registration]] = {}


def listen(type: str, payload: type[P], listener: Listener[P], *, in_transaction: bool = False) -> None:
    """Registers a listener of the events of a type, such as `message.created`.

    `payload` is the struct to which the payload of the event is decoded: that of the module `events` or `schemas` of
    the publishing app, or a struct with only the fields that the listener needs.

    The listener is called after the commit. It may be lost then: if the process is killed right after the commit, the
    listener is not called. With `in_transaction`, it is called inside the transaction. What it writes to the database,
    for example an enqueued task, is committed together with the change or not at all. If it raises an exception, only
    its own writes are rolled back.
    """
    listen_to_types({type: payload}, listener, in_transaction=in_transaction)


def listen_to_types(
    payloads: Mapping[str, type[msgspec.Struct]],
    listener: Listener[Any],
    *,
    in_transaction: bool = False,
    has_savepoint: bool = True,
) -> None:
    """Registers one listener of several types of events. `payloads`: the struct of each type, as for `listen`.

    The listener is called once with all events of these types, one type after the other. Without `has_savepoint`,
    which saves two statements for each transaction, an error of the database in the listener makes the whole change
    fail. So use it only for a listener that writes with plain inserts, as its last step.
    """
    registrations = _in_transaction if in_transaction else _after_commit
    decoders = {
        type: msgspec.json.Decoder(list[msgspec.defstruct("Frame", [("payload", payload)])]).decode  # type: ignore[misc]
        for type, payload in payloads.items()
    }
    registration = _Registration(listener, decoders, has_savepoint)
    for type in payloads:
        registrations.setdefault(type, []).append(registration)


def stop_listening(listener: Listener) -> None:
    """Removes all registrations of a listener."""
    for registrations_by_type in (_in_transaction, _after_commit):
        for type, registrations in list(registrations_by_type.items()):
            registrations_by_type[type] = [each for each in registrations if each.listener != listener]
            if not registrations_by_type[type]:
                del registrations_by_type[type]


def call_in_transaction(events: Iterable[Any]) -> None:
    """Calls the listeners that belong into the current transaction, each with a savepoint unless it needs none."""
    for registration, found in _select(_in_transaction, events) if _in_transaction else ():
        try:
            if registration.has_savepoint:
                with savepoint():
                    registration.listener(_decode(registration, found))
            else:
                registration.listener(_decode(registration, found))
        except Exception as error:
            connection = transaction.get_connection()
            if connection.needs_rollback or (isinstance(error, DatabaseError) and not registration.has_savepoint):
                raise  # nothing of this transaction can be stored
            log.exception("A listener failed: %s", registration.listener)


def call_after_commit(events: Iterable[Any]) -> None:
    for registration, found in _select(_after_commit, events) if _after_commit else ():
        try:
            registration.listener(_decode(registration, found))
        except Exception:
            log.exception("A listener failed: %s", registration.listener)


EventsByType = dict[str, list[Any]]


def _select(
    registrations_by_type: dict[str, list[_Registration]], events: Iterable[Any]
) -> list[tuple[_Registration, EventsByType]]:
    """Returns each listener of these events with those that it wants. Frames of other events are not decoded."""
    # `Disconnect` and `RefreshVisibility` have no text: no client gets them.
    types_and_events = [(get_frame_type(event.text), event) for event in events if event.text]
    selected: dict[int, tuple[_Registration, EventsByType]] = {}
    # Each message of the site comes here, so this calls few functions for each event.
    for type, registrations in registrations_by_type.items():
        if found := [event for event_type, event in types_and_events if event_type == type]:
            for registration in registrations:
                selected.setdefault(id(registration), (registration, {}))[1][type] = found
    return list(selected.values())


def _decode(registration: _Registration, events_by_type: EventsByType) -> list[PublishedEvent]:
    return [
        PublishedEvent(type, frame.payload, event.user_id)
        for type, events in events_by_type.items()
        for event, frame in zip(events, registration.decode(type, events), strict=True)
    ]
