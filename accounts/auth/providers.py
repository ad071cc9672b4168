"""Whom one can sign in with besides a password, by the variables of the environment."""

from __future__ import annotations

from allauth.socialaccount.providers import registry
from django.conf import settings
from django.urls import reverse

ICONS = {"google": "google", "github": "github", "weixin": "wechat"}  # in static/icons.svg


def offered() -> list[dict[str, str]]:
    """Those that are set up: a button each, posting to `url`."""
    return [
        {"id": provider, "name": _name(provider), "icon": ICONS[provider], "url": reverse(f"{provider}_login")}
        for provider in settings.PROVIDER_VARIABLES
        if _is_set_up(provider)
    ]


def missing() -> list[tuple[str, list[str]]]:
    """Those that are not, with the variables that would set them up. For developers' eyes."""
    return [
        (_name(provider), list(variables))
        for provider, variables in settings.PROVIDER_VARIABLES.items()
        if not _is_set_up(provider)
    ]


def _is_set_up(provider: str) -> bool:
    return bool(settings.SOCIALACCOUNT_PROVIDERS[provider]["APPS"])


def _name(provider: str) -> str:
    return str(registry.get_class(provider).name)
