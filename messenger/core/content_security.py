"""The Content Security Policy of pages whose scripts insert HTML: Django's admin and REST framework's browsable API.

It is that of the other pages (settings.CONTENT_SECURITY_POLICY) without Trusted Types. Scripts are limited to our own
static files, and requests to this site.
"""

from __future__ import annotations


def policy_without_trusted_types(*, inline_styles: bool = False) -> str:
    inline = " 'unsafe-inline'" if inline_styles else ""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self'{inline}",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )
