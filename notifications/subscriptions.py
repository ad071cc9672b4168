"""Stores the browsers that get push messages (push subscriptions), and lists those whose sign-in is active."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.auth import sign_ins
from accounts.hooks import DeviceNote
from accounts.models import SignIn
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found
from notifications.models import PushSubscription
from notifications.push import endpoints

MAX_SUBSCRIPTIONS = 20  # of one user; the oldest is replaced


def list_active(user_ids: Iterable[int]) -> QuerySet[PushSubscription]:
    """Returns the subscriptions of users whose sign-in has not ended.

    A sign-in that is invalid because of a new password is found only when a push message is sent.
    """
    return PushSubscription.objects.filter(
        user__in=list(user_ids), sign_in__ended_at=None, user__is_active=True
    ).order_by("pk")


def list_own(user_id: int) -> list[PushSubscription]:
    """Returns the browsers of a user that get push messages, newest first, each with its sign-in."""
    rows = PushSubscription.objects.filter(user=user_id, sign_in__ended_at=None).select_related("sign_in", "user")
    return [row for row in rows if sign_ins.is_active(row.sign_in, row.user)]


def device_notes(user_id: int) -> dict[UUID, DeviceNote]:
    """Returns what the page of devices says about browsers that get push messages, by sign-in id."""
    return {
        row.sign_in_id: DeviceNote(
            _("Gets notifications"), _("Test notification"), reverse("test_push_subscription", args=[row.pk])
        )
        for row in list_own(user_id)
    }


def get_own(user_id: int, subscription_id: int) -> PushSubscription:
    for row in list_own(user_id):
        if row.pk == subscription_id:
            return row
    raise not_found()


def subscribe(sign_in: SignIn, endpoint: str, p256dh: str, auth: str) -> PushSubscription:
    """Stores a push subscription of a browser. If the browser was subscribed already, replaces the old one.

    So a browser in which another user signs in belongs to this user from then on. Raises `invalid` for an endpoint to
    which the server must not send requests, and for keys that are none.
    """
    rate_limits.require("push", sign_in.user_id)
    if error := endpoints.find_error(endpoint):
        raise invalid(endpoint=error)
    if _decoded_length(p256dh) != 65 or _decoded_length(auth) != 16:
        raise invalid(p256dh=_("These aren’t the keys of a push subscription."))
    with write_transaction():
        row, _created = PushSubscription.objects.update_or_create(
            endpoint_hash=hash_endpoint(endpoint),
            defaults={
                "user_id": sign_in.user_id,
                "sign_in": sign_in,
                "endpoint": endpoint,
                "p256dh": p256dh,
                "auth": auth,
                "last_error": "",
            },
        )
        # A browser has one subscription: a new one replaces the one before.
        PushSubscription.objects.filter(sign_in=sign_in).exclude(pk=row.pk).delete()
        kept = PushSubscription.objects.filter(user=sign_in.user_id).order_by("-pk").values_list("pk", flat=True)
        PushSubscription.objects.filter(pk__in=list(kept[MAX_SUBSCRIPTIONS:])).delete()
    return row


def unsubscribe(user_id: int, subscription_id: int) -> None:
    """Deletes a push subscription of a user. Raises `not_found` if the user has no subscription with this id."""
    with write_transaction():
        deleted, _rows = PushSubscription.objects.filter(pk=subscription_id, user=user_id).delete()
    if not deleted:
        raise not_found()


def hash_endpoint(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()


def _decoded_length(text: str) -> int:
    """Returns the number of bytes that a text in base64url stands for, or 0 if it is none."""
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return 0
