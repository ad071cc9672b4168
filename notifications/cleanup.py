"""Deletes data of notifications that are not needed any more."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from notifications.models import Notification, NotificationPreferences, PushSubscription


def delete_old() -> None:
    """Deletes old decisions, subscriptions of sign-ins that have ended, and everything of deleted accounts."""
    oldest = timezone.now() - timedelta(days=settings.NOTIFICATION_DAYS)
    Notification.objects.filter(created_at__lt=oldest).delete()
    PushSubscription.objects.filter(sign_in__ended_at__isnull=False).delete()
    for model in (PushSubscription, NotificationPreferences, Notification):
        model._default_manager.filter(user__deleted_at__isnull=False).delete()
