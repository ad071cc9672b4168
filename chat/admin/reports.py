"""The queue of reports: what members have told the moderators, newest first, settled ones behind."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import actions as account_verbs
from chat import actions as verbs
from chat.admin import base
from chat.admin.messages import state
from chat.models import Message, Report


class Settled(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("open", _("To be looked at")), ("settled", _("Settled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.value() is None else queryset.filter(settled_at__isnull=self.value() == "open")


@admin.register(Report)
class ReportAdmin(base.Looking):
    list_display = ("id", "reported", "reason_line", "writer", "reporter_link", "created_at", "settled_at")
    list_display_links = ("id", "reported")
    list_filter = (Settled, "created_at")
    list_select_related = ("reporter", "message__sender", "settled_by")
    ordering = (F("settled_at").desc(nulls_first=True), "-created_at", "-pk")  # type: ignore[assignment]
    actions = ("hide_and_settle", "only_settle", "suspend_and_settle")
    buttons = actions
    fields = readonly_fields = (
        *("reported_text", "reason_text", "message_link", "message_now", "writer", "reporter_link", "created_at"),
        *("settled_at", "settled_by_link"),
    )

    def makes_sense(self, act: str, row: Report) -> bool:
        return row.settled_at is None

    # ── Acts ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_report")

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return self.has_settle_permission(request) and request.user.has_perm("chat.moderate_message")

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return self.has_settle_permission(request) and request.user.has_perm("accounts.suspend_user")

    @admin.action(description=_("Hide the message and settle"), permissions=["moderate"])
    def hide_and_settle(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        def act(report: Report) -> None:
            message = report.message
            if message.deleted_at is None:
                verbs.hide(base.me(request), message.pk)
                self.log_change(request, message, "Hidden.")
            self._settle_all(request, report)

        self._act(request, queryset, act)

    @admin.action(description=_("Settle, and leave the message as it is"), permissions=["settle"])
    def only_settle(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        def act(report: Report) -> None:
            verbs.settle(base.me(request), report.pk)
            self.log_change(request, report, "Settled.")

        self._act(request, queryset, act)

    @admin.action(description=_("Suspend the writer and settle"), permissions=["suspend"])
    def suspend_and_settle(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        def act(report: Report) -> None:
            writer = report.message.sender
            if writer.is_active:
                account_verbs.suspend(writer.pk, base.me(request))
                self.log_change(request, writer, "Suspended.")
            self._settle_all(request, report)

        self._act(request, queryset, act)

    def _act(self, request: HttpRequest, queryset: QuerySet[Report], act: Any) -> None:
        if done := self.act_on(request, queryset.filter(settled_at=None), act):
            told = ngettext("%d report is settled.", "%d reports are settled.", done) % done
            self.message_user(request, told, messages.SUCCESS)

    def _settle_all(self, request: HttpRequest, report: Report) -> None:
        """This one and what others say about the same message: there is nothing left of it to look at."""
        for each in Report.objects.filter(message=report.message_id, settled_at=None):
            verbs.settle(base.me(request), each.pk)
            self.log_change(request, each, "Settled.")

    # ── Columns and fields ───────────────────────────────────────────────────────────────────────────────────────
    @admin.display(description=_("reported text"))
    def reported(self, row: Report) -> SafeString:
        return base.excerpt(row.body)

    @admin.display(description=_("reported text"))
    def reported_text(self, row: Report) -> SafeString:
        return base.block(row.body)

    @admin.display(description=_("reason"))
    def reason_line(self, row: Report) -> SafeString:
        return base.excerpt(row.reason)

    @admin.display(description=_("reason"))
    def reason_text(self, row: Report) -> SafeString:
        return base.block(row.reason)

    @admin.display(description=_("message"))
    def message_link(self, row: Report) -> SafeString:
        return base.link(row.message, _("In its place") + f" ({row.message})")

    @admin.display(description=_("message now"))
    def message_now(self, row: Report) -> SafeString:
        message: Message = row.message
        return format_html("{} {}", base.block(message.body), state(message))

    @admin.display(description=_("writer"))
    def writer(self, row: Report) -> SafeString:
        return base.person(row.message.sender)

    @admin.display(description=_("reporter"))
    def reporter_link(self, row: Report) -> SafeString:
        return base.person(row.reporter)

    @admin.display(description=_("settled by"))
    def settled_by_link(self, row: Report) -> SafeString:
        return base.person(row.settled_by)
