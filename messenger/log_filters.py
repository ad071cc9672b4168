"""Logging filters that settings.LOGGING uses."""

from __future__ import annotations

import logging
import re
import time

import redis

# Paths that contain a token: invite links, sign-up links, confirmations of e-mails, links for a new password.
_TOKEN_PATHS = re.compile(r"(/(?:i|join|invites|confirm-email|password/reset/key)/)[^/\s?]+")


class ClientErrorFilter(logging.Filter):
    """Reduces the log entry of an error that a client has caused to one warning line without a traceback.

    Django logs some of these errors with a traceback, for example an invalid host or a form with too many fields, and
    uvicorn a WebSocket message that is not UTF-8. Any client can cause such an error, and it is not a fault of the
    server.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", 0)
        is_client_error = (
            record.name.startswith("django.security")
            or (isinstance(status, int) and 400 <= status < 500)
            or (record.name == "uvicorn.error" and record.exc_info and record.exc_info[0] is UnicodeDecodeError)
        )
        if is_client_error:
            record.exc_info, record.exc_text = None, None
            if record.levelno > logging.WARNING:
                record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class TokenFilter(logging.Filter):
    """Replaces secret tokens in URL paths that are logged, such as the tokens of invite links and password resets.

    A reader of the log could use such a token to join a group or to change a password.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = _TOKEN_PATHS.sub(r"\1…", message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


class RepetitionFilter(logging.Filter):
    """Lets a warning or error pass once in 30 seconds. The next time, it says how many were left out.

    While Redis or the disk is away, each message would otherwise add a line, and each loop of a library a traceback.
    Two records are the same if the same call logged them, with an exception from the same line. Of a connection that
    fails, the traceback is left out: it says nothing beyond the name of the error.
    """

    PAUSE = 30.0  # seconds
    MAX_KINDS = 1000

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[tuple, tuple[float, int]] = {}  # kind → (when one has passed, how many were left out since)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or record.name.startswith("django.security"):
            return True
        error = record.exc_info[1] if record.exc_info else None
        kind = (record.name, record.pathname, record.lineno, type(error), _line_of(error), record.levelno)
        now = time.monotonic()
        passed_at, left_out = self._passed.get(kind, (-self.PAUSE, 0))
        if now - passed_at < self.PAUSE:
            self._passed[kind] = passed_at, left_out + 1
            return False
        if len(self._passed) >= self.MAX_KINDS:
            self._passed.clear()
        self._passed[kind] = now, 0
        message = record.getMessage()
        if isinstance(error, ConnectionError | TimeoutError | redis.RedisError):
            message += f" ({type(error).__name__})"
            record.exc_info, record.exc_text = None, None
        if left_out:
            message += f" ({left_out} more like this in the last {now - passed_at:.0f} s)"
        record.msg, record.args = message, ()
        return True


def _line_of(error: BaseException | None) -> tuple[str, int] | None:
    trace = error.__traceback__ if error else None
    if trace is None:
        return None
    while trace.tb_next:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno
