"""Decides which addresses in requests, such as the form field `next`, the site may redirect to."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def is_site_url(request: HttpRequest, url: str) -> bool:
    """Returns whether `url` is a path or an address of this site.

    A text without a slash or scheme is none: `redirect` would take it for the name of a view, and a browser would open
    it relative to the page of the form.
    """
    is_address = url.startswith(("/", "http://", "https://"))
    return is_address and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
