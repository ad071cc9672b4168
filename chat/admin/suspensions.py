"""Admin pages of suspensions: the history of each person, and appeals that wait for an answer, oldest first."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import actions as account_actions
from accounts.models import Suspension
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from chat.admin import base
from messenger.core.admin_confirmation import asks_first, get_reason

WAITING = Q(appealed_at__isnull=False, answered_at=None, ended_at=None)


class StateFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "state"
    _conditions = {"appeal": WAITING, "present": Q(ended_at=None), "ended": Q(ended_at__isnull=False)}

    def lookups(self, request, model_admin):
        return [("appeal", _("Appeal to answer")), ("present", _("Suspended")), ("ended", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        condition = self._conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


@admin.register(Suspension)
class SuspensionAdmin(base.ReadOnlyModelAdmin):
    list_display = (
        "id",
        "user_link",
        "reason_text",
        "started_at",
        "until",
        "ended_at",
        "appeal_excerpt",
        "answered_at",
    )
    list_display_links = ("id",)
    list_filter = (StateFilter, "started_at")
    list_select_related = ("user", "moderator")
    ordering = (F("ended_at").desc(nulls_first=True), F("appealed_at").asc(nulls_last=True), "-pk")  # type: ignore[assignment]
    search_fields = ("reason", "appeal")
    search_help_text = _("A username, or words of the reason or the appeal.")
    actions = ("accept_appeal", "reject_appeal")
    buttons = actions
    fields = readonly_fields = (
        *("user_link", "moderator_link", "reason_text", "started_at", "until", "ended_at"),
        *("appeal_text", "appealed_at", "answer_text", "answered_at"),
    )

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = strip_unstorable(search_term).strip()
        results, may_have_duplicates = super().get_search_results(request, queryset, text)
        if text:
            results = results | queryset.filter(user__username_key=skeleton(text.removeprefix("@")))
        return results, may_have_duplicates

    def is_applicable(self, action_name: str, row: Suspension) -> bool:
        return row.appealed_at is not None and row.answered_at is None and row.ended_at is None

    # ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.suspend_user")

    @admin.action(description=_("Accept the appeal: restore the account"), permissions=["suspend"])
    def accept_appeal(self, request: HttpRequest, queryset: QuerySet[Suspension]) -> None:
        def run(suspension: Suspension) -> None:
            account_actions.restore_user(suspension.user_id, base.get_user_id(request), get_reason(request))

        if count := self.run_for_each(request, queryset.filter(WAITING), run):
            text = ngettext("%d person restored.", "%d people restored.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    @asks_first(_("The account stays suspended. The person sees the reason that you give as the answer."))
    @admin.action(description=_("Reject the appeal"), permissions=["suspend"])
    def reject_appeal(self, request: HttpRequest, queryset: QuerySet[Suspension]) -> None:
        def run(suspension: Suspension) -> None:
            account_actions.reject_appeal(suspension.pk, base.get_user_id(request), get_reason(request))

        if count := self.run_for_each(request, queryset.filter(WAITING), run):
            text = ngettext("%d appeal rejected.", "%d appeals rejected.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    # ── Columns and fields ───────────────────────────────────────────────────────────────────────────────────────────
    def describe(self, row: Suspension) -> str:
        return _("Suspension of %(name)s") % {"name": row.user.username}

    @admin.display(description=_("person"))
    def user_link(self, row: Suspension) -> SafeString:
        return base.render_user_link(row.user)

    @admin.display(description=_("suspended by"))
    def moderator_link(self, row: Suspension) -> SafeString:
        return base.render_user_link(row.moderator)

    @admin.display(description=_("reason"))
    def reason_text(self, row: Suspension) -> SafeString:
        return base.render_text(row.reason or "—")

    @admin.display(description=_("appeal"))
    def appeal_excerpt(self, row: Suspension) -> SafeString:
        return base.render_excerpt(row.appeal) if row.appeal else base.render_text("—")

    @admin.display(description=_("appeal"))
    def appeal_text(self, row: Suspension) -> SafeString:
        return base.render_block(row.appeal)

    @admin.display(description=_("answer"))
    def answer_text(self, row: Suspension) -> SafeString:
        return base.render_block(row.answer)
