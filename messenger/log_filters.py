"""How much is said of a request that was refused: one line, and no alarm."""

from __future__ import annotations

import logging


class Refusals(logging.Filter):
    """Django reports refused hosts, forms with too many fields and the like as errors, with a traceback. Anybody can
    cause them from outside at will, and nothing is broken here: a warning in one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", 0)
        refused = record.name.startswith("django.security") or (isinstance(status, int) and 400 <= status < 500)
        if refused:
            record.exc_info, record.exc_text = None, None
            if record.levelno > logging.WARNING:
                record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
