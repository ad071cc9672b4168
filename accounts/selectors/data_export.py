"""What accounts know of a person, for the archive that they download: everything but what opens the account."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.utils import timezone

from accounts.auth import sign_ins
from accounts.models import User
from accounts.schemas import moment, profile_schema, sign_in_schema


def of(user: User) -> dict[str, Any]:
    return {
        "site": settings.SITE_URL,
        "written_at": moment(timezone.now()),
        "joined_at": moment(user.date_joined),
        "profile": profile_schema(user),
        "emails": list(EmailAddress.objects.filter(user=user).order_by("pk").values("email", "verified", "primary")),
        "providers": [
            {"provider": row.provider, "id": row.uid, "told": row.extra_data, "connected_at": moment(row.date_joined)}
            for row in SocialAccount.objects.filter(user=user).order_by("pk")
        ],
        "second_factors": [
            {"type": row.type, "name": row.data.get("name", ""), "added_at": moment(row.created_at)}
            for row in Authenticator.objects.filter(user=user).order_by("pk")
        ],
        "sign_ins": [sign_in_schema(row, None) for row in sign_ins.open_ones(user.pk)],
    }
