"""Admin pages of messages that users have reported to the moderators.

Reports that no moderator has settled come first, then settled reports. Both are sorted by time, newest first.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import actions as account_actions
from accounts.admin import SUSPENSION_QUESTION
from chat import actions
from chat.admin import base
from chat.admin.messages import message_state
from chat.models import Message, Report
from messenger.core.admin_confirmation import asks_first, get_duration, get_reason


class StateFilter(admin.SimpleListFilter):
    """Filters reports by state. Without a choice in the URL, the list shows the open ones."""

    title = _("status")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("open", _("Unresolved")), ("settled", _("Resolved")), ("all", _("All"))]

    def choices(self, changelist):
        _without_choice, *choices = super().choices(changelist)
        return choices

    def value(self) -> str:
        return super().value() or "open"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.value() == "all" else queryset.filter(settled_at__isnull=self.value() != "settled")


@admin.register(Report)
class ReportAdmin(base.ReadOnlyModelAdmin):
    list_display = ("id", "reported_excerpt", "reason_excerpt", "writer", "reporter_link", "created_at", "settled_at")
    list_display_links = ("id", "reported_excerpt")
    list_filter = (StateFilter, "created_at")
    list_select_related = ("reporter", "message__sender", "settled_by")
    ordering = (F("settled_at").desc(nulls_first=True), "-created_at", "-pk")  # type: ignore[assignment]
    actions = ("hide_and_settle", "only_settle", "suspend_and_settle")
    buttons = actions
    fields = readonly_fields = (
        *("reported_text", "reason_text", "message_link", "message_now", "writer", "reporter_link", "created_at"),
        *("settled_at", "settled_by_link"),
    )

    def is_applicable(self, action_name: str, row: Report) -> bool:
        return row.settled_at is None

    # ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_report")

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return self.has_settle_permission(request) and request.user.has_perm("chat.moderate_message")

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return self.has_settle_permission(request) and request.user.has_perm("accounts.suspend_user")

    @asks_first(base.HIDING_QUESTION)
    @admin.action(description=_("Hide the message and resolve"), permissions=["moderate"])
    def hide_and_settle(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        def run(report: Report) -> None:
            message = report.message
            if message.deleted_at is None:
                actions.hide_message(base.get_user_id(request), message.pk, get_reason(request))
            self._settle_all(request, report)

        self._run_for_open_reports(request, queryset, run)

    @admin.action(description=_("Keep the message and resolve"), permissions=["settle"])
    def only_settle(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        def run(report: Report) -> None:
            actions.settle_report(base.get_user_id(request), report.pk, get_reason(request))

        self._run_for_open_reports(request, queryset, run)

    @asks_first(SUSPENSION_QUESTION, dangerous=True, has_duration=True)
    @admin.action(description=_("Suspend the sender and resolve"), permissions=["suspend"])
    def suspend_and_settle(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        def run(report: Report) -> None:
            writer = report.message.sender
            if writer.is_active:
                moderator_id, reason = base.get_user_id(request), get_reason(request)
                account_actions.suspend_user(writer.pk, moderator_id, reason, get_duration(request))
            self._settle_all(request, report)

        self._run_for_open_reports(request, queryset, run)

    def _run_for_open_reports(
        self, request: HttpRequest, queryset: QuerySet[Report], function: Callable[[Report], None]
    ) -> None:
        if count := self.run_for_each(request, queryset.filter(settled_at=None), function):
            text = ngettext("%d report resolved.", "%d reports resolved.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    def _settle_all(self, request: HttpRequest, report: Report) -> None:
        """Settles all open reports of the message that `report` is about.

        The moderator has decided about this message, so no other moderator has to look at it.
        """
        for open_report in Report.objects.filter(message=report.message_id, settled_at=None):
            actions.settle_report(base.get_user_id(request), open_report.pk, get_reason(request))

    # ── Columns and fields ───────────────────────────────────────────────────────────────────────────────────────────
    def describe(self, row: Report) -> str:
        return _("Report %(id)s: message by %(name)s") % {"id": row.pk, "name": row.message.sender.username}

    @admin.display(description=_("reported text"))
    def reported_excerpt(self, row: Report) -> SafeString:
        return base.render_excerpt(row.body)

    @admin.display(description=_("reported text"))
    def reported_text(self, row: Report) -> SafeString:
        return base.render_block(row.body)

    @admin.display(description=_("reason"))
    def reason_excerpt(self, row: Report) -> SafeString:
        return base.render_excerpt(row.reason)

    @admin.display(description=_("reason"))
    def reason_text(self, row: Report) -> SafeString:
        return base.render_block(row.reason)

    @admin.display(description=_("message"))
    def message_link(self, row: Report) -> SafeString:
        return base.render_link(row.message, str(_("Show in conversation")))

    @admin.display(description=_("message status"))
    def message_now(self, row: Report) -> SafeString:
        message: Message = row.message
        return format_html("{} {}", base.render_block(message.body), message_state(message))

    @admin.display(description=_("sender"))
    def writer(self, row: Report) -> SafeString:
        return base.render_user_link(row.message.sender)

    @admin.display(description=_("reporter"))
    def reporter_link(self, row: Report) -> SafeString:
        return base.render_user_link(row.reporter)

    @admin.display(description=_("resolved by"))
    def settled_by_link(self, row: Report) -> SafeString:
        return base.render_user_link(row.settled_by)
