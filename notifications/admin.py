"""Admin pages of notifications. They are read-only and show no text of messages and no keys of browsers."""

from __future__ import annotations

from django.contrib import admin

from messenger.core.read_only_admin import ReadOnlyAdmin
from notifications.models import Notification, NotificationPreferences, PushSubscription


class _UserRowAdmin(ReadOnlyAdmin):
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(Notification)
class NotificationAdmin(_UserRowAdmin):
    list_display = ("user", "message_id", "concern", "outcome", "reason", "created_at", "pushed_at", "emailed_at")
    list_filter = ["outcome", "concern", "reason"]
    fields = (*list_display, "cleared_at")
    ordering = ["-pk"]


@admin.register(PushSubscription)
class PushSubscriptionAdmin(_UserRowAdmin):
    is_deletable = True
    list_display = ("user", "sign_in", "created_at", "last_success_at", "last_error")
    fields = list_display
    list_select_related = ["user", "sign_in"]


@admin.register(NotificationPreferences)
class NotificationPreferencesAdmin(_UserRowAdmin):
    list_display = ("user", "email", "show_text", "do_not_disturb_until")
    fields = (*list_display, "sound", "quiet_hours", "quiet_time_zone")
