"""Parses the JSON body of REST requests."""

from __future__ import annotations

from typing import Any

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from messenger.core.errors import ApplicationError
from messenger.rest.exceptions import request_too_large_error


class StrictJSONParser(BaseParser):
    """Parses one JSON object in UTF-8 and limits its size and depth. Rejects NaN, infinities and lone surrogates."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict[str, Any]:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise request_too_large_error()
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = _("nested too deeply") if isinstance(error, RecursionError) else str(error)
            raise ApplicationError("invalid", _("The request isn’t a JSON object: %s.") % reason.rstrip(".")) from None
