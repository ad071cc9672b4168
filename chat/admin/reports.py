"""Admin pages of reports: the queue of cases, and the page of one case, where moderators decide.

Cases that no moderator has decided come first, the gravest and then the oldest first. The page of a case shows the
message in its context, what was reported, the history of the reported person, and a button for each act. Each act needs
its own permission. An act also closes the case and tells those who have reported what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import actions as account_actions
from accounts.admin import MUTE_QUESTION, SUSPENSION_QUESTION, WARNING_QUESTION
from accounts.models import User
from accounts.selectors.mutes import is_muted
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from audit.acts import ACTS
from audit.models import AuditEntry
from chat import actions, tasks
from chat.admin import base
from chat.admin.messages import ARIA_CURRENT, message_state
from chat.models import Conversation, ReportCase, ReportKind
from messenger.core.admin_confirmation import (
    MUTE_DURATIONS,
    RECENT_DURATIONS,
    SUSPENSION_DURATIONS,
    asks_first,
    get_duration,
    get_reason,
)
from messenger.core.numbers import parse_id

MAX_HISTORY = 20  # acts shown in the history of a person
PERSON_ACTS = [name for name in ACTS if name.startswith(("user.", "appeal.", "warning."))]
WIPE_QUESTION = _("The text and the files are erased. This can’t be undone; to be able to restore it, hide it instead.")
RECENT_QUESTION = _("Hides everything that the person has sent in this time, in all chats. Each can be restored later.")


class StateFilter(admin.SimpleListFilter):
    """Filters cases by state. Without a choice in the URL, the list shows the open ones."""

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


@admin.register(ReportCase)
class ReportCaseAdmin(base.ReadOnlyModelAdmin):
    list_display = ("id", "gravity", "reported_excerpt", "kinds", "user_link", "report_count", "created_at", "decision")
    list_display_links = ("id", "reported_excerpt")
    list_filter = (StateFilter, "gravity", "created_at")
    list_select_related = ("user", "message__conversation", "settled_by")
    ordering = (F("settled_at").desc(nulls_first=True), "-gravity", "created_at", "pk")  # type: ignore[assignment]
    search_fields = ("user__username",)
    search_help_text = _("The username of a reported person or of somebody who has reported.")
    actions = (
        *("dismiss", "hide_and_settle", "warn_and_settle", "mute_and_settle", "suspend_and_settle"),
        *("wipe_and_settle", "hide_recent", "restore", "reopen"),
    )
    buttons = actions
    fields = readonly_fields = (
        *("gravity", "kinds", "reported_text", "report_list", "context_messages", "message_link", "message_now"),
        *("user_link", "history", "created_at", "decision"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportCase]:
        return super().get_queryset(request).prefetch_related("reports")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = strip_unstorable(search_term).strip()
        if not text:
            return queryset, False
        users = User.objects.filter(username_key=skeleton(text.removeprefix("@")))
        condition = Q(user__in=users) | Q(reports__reporter__in=users)
        if (pk := parse_id(text)) is not None:
            condition |= Q(pk=pk)
        return queryset.filter(condition), True

    def change_view(self, request, object_id, form_url="", extra_context=None) -> HttpResponse:
        response = super().change_view(request, object_id, form_url, extra_context)
        case = (getattr(response, "context_data", None) or {}).get("original")
        if case and case.message and case.message.conversation.kind == Conversation.Kind.DIRECT:
            base.log_private_reading(request, [case.message.conversation])
        return response

    def is_applicable(self, action_name: str, row: ReportCase) -> bool:
        message = row.message
        if action_name == "reopen":
            return row.settled_at is not None
        if action_name == "dismiss":
            return row.settled_at is None
        if action_name == "restore":
            return message is not None and message.deleted_at is not None and message.hidden_by_id is not None
        if action_name == "hide_and_settle":
            return message is not None and (message.deleted_at is None or row.settled_at is None)
        if action_name == "wipe_and_settle":
            return message is not None and (message.deleted_at is None or message.hidden_by_id is not None)
        return True

    # ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_reportcase")

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return self.has_settle_permission(request) and request.user.has_perm("chat.moderate_message")

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return self.has_settle_permission(request) and request.user.has_perm("accounts.suspend_user")

    @admin.action(description=_("Dismiss: no breach of the rules"), permissions=["settle"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase) -> None:
            actions.settle_case(base.get_user_id(request), case.pk, get_reason(request))

        self._run(request, queryset.filter(settled_at=None), run)

    @admin.action(description=_("Reopen"), permissions=["settle"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase) -> None:
            actions.reopen_case(base.get_user_id(request), case.pk, get_reason(request))

        if count := self.run_for_each(request, queryset.filter(settled_at__isnull=False), run):
            text = ngettext("%d report reopened.", "%d reports reopened.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    @asks_first(base.HIDING_QUESTION)
    @admin.action(description=_("Hide the message and resolve"), permissions=["moderate"])
    def hide_and_settle(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase, moderator_id: int, reason: str) -> None:
            if case.message and case.message.deleted_at is None:
                actions.hide_message(moderator_id, case.message.pk, reason)

        self._act_and_settle(request, queryset.filter(message__isnull=False), run)

    @asks_first(WIPE_QUESTION, dangerous=True)
    @admin.action(description=_("Delete the message for good and resolve"), permissions=["moderate"])
    def wipe_and_settle(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase, moderator_id: int, reason: str) -> None:
            assert case.message
            actions.wipe_message(moderator_id, case.message.pk, reason)

        self._act_and_settle(request, queryset.filter(message__isnull=False), run)

    @admin.action(description=_("Restore the message"), permissions=["moderate"])
    def restore(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase) -> None:
            assert case.message
            actions.restore_message(base.get_user_id(request), case.message.pk, get_reason(request))

        if count := self.run_for_each(request, queryset.filter(message__deleted_at__isnull=False), run):
            text = ngettext("%d message restored.", "%d messages restored.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    @asks_first(WARNING_QUESTION)
    @admin.action(description=_("Warn the person and resolve"), permissions=["suspend"])
    def warn_and_settle(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase, moderator_id: int, reason: str) -> None:
            account_actions.warn_user(case.user_id, moderator_id, reason)

        self._act_and_settle(request, queryset, run)

    @asks_first(MUTE_QUESTION, durations=MUTE_DURATIONS)
    @admin.action(description=_("Mute the person for a time and resolve"), permissions=["suspend"])
    def mute_and_settle(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase, moderator_id: int, reason: str) -> None:
            account_actions.mute_user(case.user_id, moderator_id, get_duration(request), reason)

        self._act_and_settle(request, queryset, run)

    @asks_first(SUSPENSION_QUESTION, dangerous=True, durations=SUSPENSION_DURATIONS)
    @admin.action(description=_("Suspend the person and resolve"), permissions=["suspend"])
    def suspend_and_settle(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase, moderator_id: int, reason: str) -> None:
            account_actions.suspend_user(case.user_id, moderator_id, reason, get_duration(request))

        self._act_and_settle(request, queryset, run)

    @asks_first(RECENT_QUESTION, dangerous=True, durations=RECENT_DURATIONS)
    @admin.action(description=_("Hide the recent messages of the person and resolve"), permissions=["moderate"])
    def hide_recent(self, request: HttpRequest, queryset: QuerySet[ReportCase]) -> None:
        def run(case: ReportCase, moderator_id: int, reason: str) -> None:
            if duration := get_duration(request):
                since = timezone.now() - duration
                # In the background: each message needs a transaction of its own.
                tasks.hide_recent_messages.enqueue(moderator_id, case.user_id, since.isoformat(), reason)

        self._act_and_settle(request, queryset, run)

    def _act_and_settle(
        self, request: HttpRequest, queryset: QuerySet[ReportCase], act: Callable[[ReportCase, int, str], None]
    ) -> None:
        """Calls `act` with each case, the id of the moderator and the reason, and closes the case."""
        moderator_id, reason = base.get_user_id(request), get_reason(request)

        def run(case: ReportCase) -> None:
            act(case, moderator_id, reason)
            actions.settle_case(moderator_id, case.pk, reason, ReportCase.Outcome.ACTED)

        self._run(request, queryset, run)

    def _run(
        self, request: HttpRequest, queryset: QuerySet[ReportCase], function: Callable[[ReportCase], None]
    ) -> None:
        if count := self.run_for_each(request, queryset, function):
            text = ngettext("%d report resolved.", "%d reports resolved.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    # ── Columns and fields ───────────────────────────────────────────────────────────────────────────────────────────
    def describe(self, row: ReportCase) -> str:
        text = _("Report %(id)s: message by %(name)s") if row.message_id else _("Report %(id)s: %(name)s")
        return text % {"id": row.pk, "name": row.user.username}

    @admin.display(description=_("reported text"))
    def reported_excerpt(self, row: ReportCase) -> SafeString:
        if row.message_id is None:
            return format_html("<i>{}</i>", _("the person"))
        return base.render_excerpt(next((report.body for report in row.reports.all()), _find_copy(row)))

    @admin.display(description=_("reported text"))
    def reported_text(self, row: ReportCase) -> SafeString:
        bodies = dict.fromkeys(report.body for report in row.reports.all() if report.body)
        if row.note and row.message_id:
            bodies.setdefault(_find_copy(row))
        return format_html_join("", "{}", ((base.render_block(body),) for body in bodies)) or base.render_text("—")

    @admin.display(description=_("kind"))
    def kinds(self, row: ReportCase) -> str:
        kinds = dict.fromkeys(report.kind for report in row.reports.all())
        labels = [str(ReportKind(kind).label) for kind in kinds]
        return ", ".join([*labels, *([f"{_('word list')}: {row.note}"] if row.note else [])])

    @admin.display(description=_("reports"))
    def report_list(self, row: ReportCase) -> SafeString:
        items = (
            (base.render_user_link(report.reporter), report.get_kind_display(), base.render_text(report.reason))
            for report in row.reports.select_related("reporter").order_by("pk")[: base.MAX_ACTION_ROWS]
        )
        return format_html_join("", "<p>{} · <b>{}</b> {}</p>", items)

    @admin.display(description=_("context"))
    def context_messages(self, row: ReportCase) -> SafeString:
        """Renders the copy of the messages around the reported one, from the time of the first report."""
        names = dict(
            User.objects.filter(pk__in={copy["sender_id"] for copy in row.context}).values_list("pk", "username")
        )
        items = (
            (
                ARIA_CURRENT if copy["id"] == row.message_id else "",
                copy["at"][:16].replace("T", " "),
                base.render_text(names.get(copy["sender_id"], "")),
                base.render_block(" ".join(filter(None, [copy["body"], *copy["files"]]))),
            )
            for copy in row.context
        )
        rows = format_html_join("", "<li{}><time>{}</time> <b>{}</b> {}</li>", items)
        return format_html('<ol class="around">{}</ol>', rows) if rows else base.render_text("—")

    @admin.display(description=_("message"))
    def message_link(self, row: ReportCase) -> SafeString:
        return base.render_link(row.message, str(_("Show in conversation")))

    @admin.display(description=_("message status"))
    def message_now(self, row: ReportCase) -> SafeString:
        if row.message is None:
            return base.render_text("—")
        return format_html("{} {}", base.render_block(row.message.body), message_state(row.message))

    @admin.display(description=_("person"))
    def user_link(self, row: ReportCase) -> SafeString:
        return base.render_user_link(row.user)

    @admin.display(description=_("history of the person"))
    def history(self, row: ReportCase) -> SafeString:
        """Renders what is known of the reported person: age of the account, earlier reports, and acts of moderators."""
        user: User = row.user
        cases = ReportCase.objects.filter(user=user)
        acted_count = cases.filter(outcome=ReportCase.Outcome.ACTED).count()
        lines = [
            _("Account since %(date)s.") % {"date": date_format(user.date_joined, "DATE_FORMAT")},
            _("Reports: %(all)d. Acted upon: %(acted)d.") % {"all": cases.count(), "acted": acted_count},
        ]
        if not user.is_active:
            lines.append(str(_("This account is suspended.")))
        if is_muted(user.muted_until):
            assert user.muted_until
            until = date_format(timezone.localtime(user.muted_until), "DATETIME_FORMAT")
            lines.append(_("Muted until %(time)s.") % {"time": until})
        url = f"{reverse('admin:chat_reportcase_changelist')}?state=all&q={user.username}"
        entries = AuditEntry.objects.filter(
            target_type=User._meta.label_lower, target_id=str(user.pk), action__in=PERSON_ACTS
        ).order_by("-pk")
        acts = (
            (f"{entry.created_at:%Y-%m-%d %H:%M}", ACTS.get(entry.action, entry.action), base.render_text(entry.reason))
            for entry in entries[:MAX_HISTORY]
        )
        return format_html(
            '<p>{} <a href="{}">{}</a></p><ul class="members">{}</ul>',
            " ".join(lines),
            url,
            _("All reports"),
            format_html_join("", "<li><time>{}</time> {} {}</li>", acts),
        )

    @admin.display(description=_("decision"))
    def decision(self, row: ReportCase) -> Any:
        if row.settled_at is None:
            return "—"
        time = date_format(timezone.localtime(row.settled_at), "DATETIME_FORMAT")
        name = base.render_user_link(row.settled_by) if row.settled_by else ""
        return format_html("{} · {} {}", row.get_outcome_display(), time, name)


def _find_copy(row: ReportCase) -> str:
    """Returns the text of the reported message in the copy of the context."""
    return next((copy["body"] for copy in row.context if copy["id"] == row.message_id), "")
