"""Admin pages of notices: warnings and other things that moderators have told people. Warnings can be withdrawn."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import actions as account_actions
from accounts.models import Notice
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from chat.admin import base
from messenger.core.admin_confirmation import get_reason


@admin.register(Notice)
class NoticeAdmin(base.ReadOnlyModelAdmin):
    list_display = ("id", "kind", "user_link", "reason_text", "created_at", "acknowledged_at", "withdrawn_at")
    list_display_links = ("id", "kind")
    list_filter = ("kind", "created_at")
    list_select_related = ("user", "moderator")
    ordering = ("-pk",)
    search_fields = ("user__username",)
    search_help_text = _("A username.")
    actions = buttons = ("withdraw",)
    fields = readonly_fields = (
        *("kind", "user_link", "moderator_link", "reason_text", "until"),
        *("created_at", "acknowledged_at", "withdrawn_at"),
    )

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = strip_unstorable(search_term).strip()
        if text:
            queryset = queryset.filter(user__username_key=skeleton(text.removeprefix("@")))
        return queryset, False

    def is_applicable(self, action_name: str, row: Notice) -> bool:
        return row.kind == Notice.Kind.WARNING and row.withdrawn_at is None

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.suspend_user")

    @admin.action(description=_("Withdraw the warning"), permissions=["suspend"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        def run(notice: Notice) -> None:
            account_actions.withdraw_warning(notice.pk, base.get_user_id(request), get_reason(request))

        if count := self.run_for_each(request, queryset.filter(kind=Notice.Kind.WARNING, withdrawn_at=None), run):
            text = ngettext("%d warning withdrawn.", "%d warnings withdrawn.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    def describe(self, row: Notice) -> str:
        return f"{row.get_kind_display()}: {row.user.username}"

    @admin.display(description=_("person"))
    def user_link(self, row: Notice) -> SafeString:
        return base.render_user_link(row.user)

    @admin.display(description=_("done by"))
    def moderator_link(self, row: Notice) -> SafeString:
        return base.render_user_link(row.moderator)

    @admin.display(description=_("reason"))
    def reason_text(self, row: Notice) -> SafeString:
        return base.render_text(row.text or "—")
