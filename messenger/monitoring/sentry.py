"""Reports unexpected errors to Sentry, or to a server with the same protocol, if SENTRY_DSN is set."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from messenger.core import log_context


def start_sentry(dsn: str, environment: str, **options: Any) -> None:
    """Starts the SDK. Reports contain stack traces and ids, but no texts: no values of variables, bodies or cookies."""
    try:
        import sentry_sdk
    except ImportError:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set, but sentry-sdk is missing. Run: pip install sentry-sdk"
        ) from None
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,  # they contain log lines, queries and requests
        before_send=_remove_private_data,
        **options,
    )


def _remove_private_data(event: Any, hint: Any) -> Any:
    request = event.get("request", {})
    event["request"] = {name: request[name] for name in ("method",) if name in request}
    event.pop("user", None)
    event.setdefault("tags", {}).update(log_context.get_all())
    for exception in event.get("exception", {}).get("values", ()):
        exception["value"] = ""  # the message of an error may quote what a user typed
    return event
