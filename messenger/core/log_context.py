"""Ids that log records get in addition to their message: request, connection, user and conversation.

They belong to the current task or thread, and threads that work for it. Only ids are bound, never texts or tokens.
"""

from __future__ import annotations

from contextvars import ContextVar

_ids: ContextVar[dict[str, str]] = ContextVar("log_context", default={})  # noqa: B039  (never changed in place)


def bind(**ids: object) -> None:
    """Adds ids for all later log records of the current task or request."""
    _ids.set({**_ids.get(), **{name: str(value) for name, value in ids.items()}})


def get(name: str) -> str:
    return _ids.get().get(name, "")


def get_all() -> dict[str, str]:
    return _ids.get()
