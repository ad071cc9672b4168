"""The format of paginated lists."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response


def paginated_response(request: Request, results: list[Any], cursor: Any = None) -> Response:
    """Returns `{"results", "next"}`, where `results` are schema structs.

    `next` is the URL of the same request with `before=cursor`; without a cursor it is null, the end of the list.
    """
    next_url = None
    if cursor is not None:
        query = urlencode({**request.query_params.dict(), "before": cursor})
        next_url = request.build_absolute_uri(f"{request.path}?{query}")
    return Response({"results": msgspec.to_builtins(results), "next": next_url})
