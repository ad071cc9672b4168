"""Admin pages of scheduled messages and reminders. They are read-only and show no text."""

from __future__ import annotations

from django.contrib import admin

from messenger.core.read_only_admin import ReadOnlyAdmin
from scheduling.models import Reminder, ScheduledMessage


class _UserRowAdmin(ReadOnlyAdmin):
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(ScheduledMessage)
class ScheduledMessageAdmin(_UserRowAdmin):
    is_deletable = True
    list_display = ("user", "conversation_id", "send_at", "created_at", "failure")
    list_filter = ["failure"]
    fields = list_display
    ordering = ["send_at"]


@admin.register(Reminder)
class ReminderAdmin(_UserRowAdmin):
    list_display = ("user", "message_id", "remind_at", "created_at", "notified_at")
    fields = list_display
    ordering = ["-pk"]
