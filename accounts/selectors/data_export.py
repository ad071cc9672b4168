"""Collects the account data of a user for the data export. Secrets that give access to the account are left out."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.utils import timezone

from accounts import hooks
from accounts.auth import sign_ins
from accounts.models import User
from accounts.schemas import profile_schema, sign_in_schema
from messenger.core.timestamps import format_timestamp


def export_account(user: User) -> dict[str, Any]:
    return {
        "site": settings.SITE_URL,
        "written_at": format_timestamp(timezone.now()),
        "joined_at": format_timestamp(user.date_joined),
        "profile": profile_schema(user),
        "browser_language": user.browser_language,
        "browser_time_zone": user.browser_time_zone,
        "emails": list(EmailAddress.objects.filter(user=user).order_by("pk").values("email", "verified", "primary")),
        "providers": [
            {
                "provider": account.provider,
                "id": account.uid,
                "told": account.extra_data,
                "connected_at": format_timestamp(account.date_joined),
            }
            for account in SocialAccount.objects.filter(user=user).order_by("pk")
        ],
        "second_factors": [
            {
                "type": authenticator.type,
                "name": authenticator.data.get("name", ""),
                "added_at": format_timestamp(authenticator.created_at),
            }
            for authenticator in Authenticator.objects.filter(user=user).order_by("pk")
        ],
        "sign_ins": [sign_in_schema(sign_in, None) for sign_in in sign_ins.list_active_sign_ins(user.pk)],
        **{name: value for part in hooks.data_export_parts for name, value in part(user).items()},
    }
