"""Admin page of the log of what moderators and administrators have done.

Only administrators can read the log, and nobody can change it on this page.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chat.admin import base


@admin.register(LogEntry)
class LogEntryAdmin(base.ReadOnlyModelAdmin):
    list_display = ("action_time", "user_link", "content_type", "target", "change_message")
    list_display_links = None
    list_filter = ("content_type",)
    list_select_related = ("user", "content_type")
    ordering = ("-pk",)
    search_fields = ("user__username", "object_repr")
    fields = readonly_fields = ("action_time", "user_link", "content_type", "target", "change_message")

    @admin.display(description=_("done by"))
    def user_link(self, entry: LogEntry) -> SafeString:
        return base.render_user_link(entry.user)

    @admin.display(description=_("object"))
    def target(self, entry: LogEntry) -> SafeString:
        return base.render_text(entry.object_repr)
