"""Pages and answers go out compressed where the browser takes that. Static files are packed when they are collected."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

_PACKED = ("text/html", "application/json")


class PackedPages(GZipMiddleware):
    """Django's own, with its random padding against guessing by length (BREACH), for texts that are made here.

    Files of people are left as they are: they are asked for in ranges, and most are packed already.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.headers.get("Content-Type", "").startswith(_PACKED):
            return response
        return super().process_response(request, response)
