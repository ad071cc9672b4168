"""Admin pages of scheduled messages and reminders. They are read-only and show no text."""

from __future__ import annotations

from django.contrib import admin

from scheduling.models import Reminder, ScheduledMessage


class _ReadOnlyAdmin(admin.ModelAdmin):
    list_select_related = ["user"]
    search_fields = ["user__username"]
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(ScheduledMessage)
class ScheduledMessageAdmin(_ReadOnlyAdmin):
    list_display = ("user", "conversation_id", "send_at", "created_at", "failure")
    list_filter = ["failure"]
    fields = list_display
    ordering = ["send_at"]


@admin.register(Reminder)
class ReminderAdmin(_ReadOnlyAdmin):
    list_display = ("user", "message_id", "remind_at", "created_at", "notified_at")
    fields = list_display
    ordering = ["-pk"]

    def has_delete_permission(self, request, obj=None):
        return False
