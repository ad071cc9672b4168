"""Defines the format of a page of a list in REST responses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response


def paginated_response(request: Request, results: list[Any], cursor: Any = None) -> Response:
    """Returns a response with one page of a list: `{"results", "next"}`. `results` are msgspec structs.

    `next` is the URL of the next page: the URL of this request with `before=cursor`. Without a cursor, `next` is null,
    which means that this is the last page.
    """
    next_url = None
    if cursor is not None:
        query = urlencode({**request.query_params.dict(), "before": cursor})
        next_url = request.build_absolute_uri(f"{request.path}?{query}")
    return Response({"results": msgspec.to_builtins(results), "next": next_url})
