"""Admin pages of notifications. They are read-only and show no text of messages and no keys of browsers."""

from __future__ import annotations

from django.contrib import admin

from notifications.models import Notification, NotificationPreferences, PushSubscription


class _ReadOnlyAdmin(admin.ModelAdmin):
    list_select_related = ["user"]
    search_fields = ["user__username"]
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Notification)
class NotificationAdmin(_ReadOnlyAdmin):
    list_display = ("user", "message_id", "concern", "outcome", "reason", "created_at", "pushed_at", "emailed_at")
    list_filter = ["outcome", "concern", "reason"]
    fields = (*list_display, "cleared_at")
    ordering = ["-pk"]

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(PushSubscription)
class PushSubscriptionAdmin(_ReadOnlyAdmin):
    list_display = ("user", "sign_in", "created_at", "last_success_at", "last_error")
    fields = list_display
    list_select_related = ["user", "sign_in"]


@admin.register(NotificationPreferences)
class NotificationPreferencesAdmin(_ReadOnlyAdmin):
    list_display = ("user", "email", "show_text", "do_not_disturb_until")
    fields = (*list_display, "sound", "quiet_hours", "quiet_time_zone")

    def has_delete_permission(self, request, obj=None):
        return False
