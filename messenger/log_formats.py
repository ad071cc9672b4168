"""Log formats that settings.LOGGING uses."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import Any

import msgspec

from messenger.core import log_context


class JSONFormatter(logging.Formatter):
    """Writes a record as one line of JSON, with the ids of request, connection, user and conversation (log_context).

    Only the fields below are written. Attributes that other packages attach to records, such as the whole request,
    could contain texts and tokens.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": os.getpid(),
            **log_context.get_all(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode("utf-8", "replace")
