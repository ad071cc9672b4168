"""Finds what the recorded events of a test do not cover: event types, and fields that never change.

Used by test_reload.py, which compares a live page with a reloaded one after each kind of change.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from messenger.protocol import contract

# Event types that change nothing on a page.
# A call in progress is no part of a page; tests/calls shows that its state is read again after a reload.
# A reminder is a toast, which ends with the page.
EVENTS_NOT_COMPARED = {"pong", "error", "call.updated", "call.offer", "call.answer", "call.candidate", "reminder.due"}
# Fields of events that have the same value during the whole test, with the reason.
CONSTANT_FIELDS = {
    "ProfileSchema.id", "ProfileSchema.username", "ProfileSchema.email", "ProfileSchema.created_at",  # of alice
    "ProfileSchema.language", "ProfileSchema.time_zone",  # a page does not change its language while it is open
    *(f"ProfileSchema.{name}" for name in ("find_me", "show_presence", "show_last_seen", "show_receipts")),
    "ProfileSchema.muted_until", "ProfileSchema.notice_count",  # of moderators: tests/accounts/test_mutes.py
    "ViewersSchema.conversation_id",  # viewers are sent only for the open conversation
    "Welcome.user_id", "Welcome.heartbeat", "Welcome.epoch",
    "MessageSchema.data",  # of calls, which no change of this test makes
    "Heartbeat.interval", "Heartbeat.timeout",
}  # fmt: skip
# Kinds of system message that no action makes: for unknown events, and for members who joined without an actor.
UNUSED_SYSTEM_MESSAGE_KINDS = {"changed", "joined"}


def find_untested(frames: list[dict]) -> set[str]:
    """Returns what the frames (messages that the page has received over its WebSocket) do not test.

    These are the names of the event types that do not occur, and of the event fields that have the same value in all
    frames.
    """
    events = contract.events()
    missing = {name for name in events if name not in {frame["type"] for frame in frames} | EVENTS_NOT_COMPARED}
    values: dict[str, set[str]] = defaultdict(set)
    for frame in frames:
        if (struct := events.get(frame["type"])) and frame["type"] not in EVENTS_NOT_COMPARED:
            _collect_values(msgspec.convert(frame["payload"], struct, str_keys=True), values)
    return missing | {field for field, field_values in values.items() if len(field_values) < 2} - CONSTANT_FIELDS


def _collect_values(payload: Any, values: dict[str, set[str]]) -> None:
    """Adds the values of all fields of a payload, and of the structs that it contains, to `values` by field name."""
    if isinstance(payload, msgspec.Struct):
        for field in payload.__struct_fields__:
            value = getattr(payload, field)
            values[f"{type(payload).__name__}.{field}"].add(repr(value))
            _collect_values(value, values)
    elif isinstance(payload, list):
        for item in payload:
            _collect_values(item, values)
