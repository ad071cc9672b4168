"""Lists the sign-in providers (Google, GitHub, WeChat). Environment variables configure them."""

from __future__ import annotations

from allauth.socialaccount.providers import registry
from django.conf import settings
from django.urls import reverse

ICONS = {"google": "google", "github": "github", "weixin": "wechat"}  # in static/icons.svg


def list_configured() -> list[dict[str, str]]:
    """Returns the configured providers with id, name, icon and `url`. A sign-in button posts to `url`."""
    return [
        {"id": provider, "name": _name(provider), "icon": ICONS[provider], "url": reverse(f"{provider}_login")}
        for provider in settings.PROVIDER_VARIABLES
        if _is_configured(provider)
    ]


def list_unconfigured() -> list[tuple[str, list[str]]]:
    """Returns the providers that are not configured, as (name, environment variables to set).

    A page shows them to developers.
    """
    return [
        (_name(provider), list(variables))
        for provider, variables in settings.PROVIDER_VARIABLES.items()
        if not _is_configured(provider)
    ]


def _is_configured(provider: str) -> bool:
    return bool(settings.SOCIALACCOUNT_PROVIDERS[provider]["APPS"])


def _name(provider: str) -> str:
    return str(registry.get_class(provider).name)
