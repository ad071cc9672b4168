"""The Content Security Policy of pages whose scripts insert HTML: Django's admin, the browsable API, Swagger UI.

It is that of the other pages (settings.CONTENT_SECURITY_POLICY) without Trusted Types. Scripts are limited to our own
static files, and requests to this site.
"""

from __future__ import annotations


def policy_without_trusted_types(*, inline_styles: bool = False, forms: bool = True, data_fonts: bool = False) -> str:
    """Returns the value of the header. The arguments allow inline styles, forms, and fonts in `data:` URLs."""
    inline = " 'unsafe-inline'" if inline_styles else ""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self'{inline}",
            "img-src 'self' data:",
            f"font-src 'self'{' data:' if data_fonts else ''}",
            "connect-src 'self'",
            "form-action 'self'" if forms else "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )
