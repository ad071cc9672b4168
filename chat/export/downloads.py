"""Sends the ZIP files of exports."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header

from chat.attachments.downloads import serve_file
from chat.models import Export


def serve_export(request: HttpRequest, export: Export, name: str) -> HttpResponseBase:
    """Sends the ZIP file of an export. `name` is part of the name under which browsers store it.

    Supports byte ranges, so that a browser can continue an interrupted download. The caller has checked that the user
    may have it.
    """
    date = timezone.localtime(export.asked_at).date().isoformat()
    disposition = content_disposition_header(True, f"messenger-{name}-{date}.zip") or "attachment"
    etag = export.key.rpartition("/")[2].removesuffix(".zip")
    return serve_file(request, export.key, etag, "application/zip", disposition, "private, no-store")
