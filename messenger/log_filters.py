"""Logging filters that settings.LOGGING uses."""

from __future__ import annotations

import logging
import re

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
