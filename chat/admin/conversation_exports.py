"""Admin pages of the exports of conversations that staff have requested: their states and downloads."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chat.admin import base
from chat.attachments.downloads import error_response
from chat.export import conversation_actions
from chat.export.downloads import serve_export
from chat.models import ConversationExport
from messenger.core.errors import ApplicationError


@admin.register(ConversationExport)
class ConversationExportAdmin(base.ReadOnlyModelAdmin):
    """Staff see all exports of staff, and download their own."""

    list_display = ("id", "conversation_link", "owner_link", "reason_text", "asked_at", "progress")
    list_filter = ("state", "asked_at")
    list_select_related = ("owner", "conversation")
    ordering = ("-pk",)
    search_fields = ("=owner__username", "conversation__title", "reason")
    fields = readonly_fields = (
        *("conversation_link", "owner_link", "reason_text", "asked_at"),
        *("progress", "file_size", "expires_at", "download"),
    )

    def has_view_permission(self, request: HttpRequest, obj: ConversationExport | None = None) -> bool:
        return request.user.has_perm(conversation_actions.STAFF_PERMISSION)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest):
        members = base.prefetch_direct_members("conversation__")
        return super().get_queryset(request).filter(for_staff=True).prefetch_related(members)

    def get_urls(self):
        view = self.admin_site.admin_view(self.download_view)
        return [path("<id:conversation_id>/archive/", view, name="chat_conversationexport_file"), *super().get_urls()]

    def download_view(self, request: HttpRequest, conversation_id: int) -> HttpResponseBase:
        """Sends the ZIP file of the export of a conversation that the user has requested as staff."""
        try:
            user_id = base.get_user_id(request)
            export = conversation_actions.get_ready_export(user_id, conversation_id, for_staff=True)
            return serve_export(request, export, f"conversation-{conversation_id}")
        except ApplicationError as error:
            return error_response(error)

    @admin.display(description=_("conversation"))
    def conversation_link(self, row: ConversationExport) -> SafeString:
        return base.render_link(row.conversation, base.conversation_title(row.conversation))

    @admin.display(description=_("requested by"))
    def owner_link(self, row: ConversationExport) -> SafeString:
        return base.render_user_link(row.owner)

    @admin.display(description=_("reason"))
    def reason_text(self, row: ConversationExport) -> SafeString:
        return base.render_text(row.reason)

    @admin.display(description=_("status"))
    def progress(self, row: ConversationExport) -> str:
        is_building = row.state == ConversationExport.State.BUILDING
        return f"{row.get_state_display()} · {row.percent} %" if is_building else row.get_state_display()

    @admin.display(description=_("size"))
    def file_size(self, row: ConversationExport) -> str:
        return filesizeformat(row.size) if row.key else "—"

    @admin.display(description=_("file"))
    def download(self, row: ConversationExport) -> SafeString:
        if row.state != ConversationExport.State.READY:
            return base.render_text("—")
        url = reverse("admin:chat_conversationexport_file", args=[row.conversation_id])
        return format_html('<a href="{}">{}</a> <small>{}</small>', url, _("Download"), _("Only for who requested it."))
