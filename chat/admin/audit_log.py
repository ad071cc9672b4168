"""What moderators and administrators have done, for administrators. Nobody changes or deletes a line of it here."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chat.admin import base


@admin.register(LogEntry)
class LogAdmin(base.Looking):
    list_display = ("action_time", "who", "content_type", "what", "change_message")
    list_display_links = None
    list_filter = ("content_type",)
    list_select_related = ("user", "content_type")
    ordering = ("-pk",)
    search_fields = ("user__username", "object_repr")
    fields = readonly_fields = ("action_time", "who", "content_type", "what", "change_message")

    @admin.display(description=_("who"))
    def who(self, row: LogEntry) -> SafeString:
        return base.person(row.user)

    @admin.display(description=_("to what"))
    def what(self, row: LogEntry) -> SafeString:
        return base.words(row.object_repr)
