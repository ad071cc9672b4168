"""Admin page of the audit log: what moderators, administrators and group admins have done.

Only superusers can read it, and nobody can change it on this page. The log can be downloaded as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from audit.acts import ACTS
from audit.export import entry_lines
from audit.models import AuditEntry
from chat.admin import base
from messenger.core.numbers import parse_id


class ActFilter(admin.SimpleListFilter):
    title = _("act")
    parameter_name = "act"

    def lookups(self, request, model_admin):
        return list(ACTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.value() is None else queryset.filter(action=self.value())


class AuditChangeList(ChangeList):
    """A page of the list, which reads the users and objects of all its entries with one query for each model."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = attach_objects(self.result_list)


def attach_objects(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """Sets `found_actor` and `found_target` of each entry: the user and the object, or None if it is deleted."""
    rows: list[Any] = list(entries)
    ids: dict[str, set[int]] = {User._meta.label_lower: {row.actor_id for row in rows if row.actor_id}}
    for row in rows:
        if (pk := parse_id(row.target_id)) is not None:
            ids.setdefault(row.target_type, set()).add(pk)
    found: dict[str, dict[int, Any]] = {}
    for label, pks in ids.items():
        try:
            found[label] = apps.get_model(label)._default_manager.in_bulk(pks) if label else {}
        except LookupError:  # a model that no longer exists
            found[label] = {}
    for row in rows:
        row.found_actor = found[User._meta.label_lower].get(row.actor_id)
        row.found_target = found.get(row.target_type, {}).get(parse_id(row.target_id) or 0)
    return rows


@admin.register(AuditEntry)
class AuditEntryAdmin(base.ReadOnlyModelAdmin):
    list_display = ("created_at", "actor", "act", "target", "conversation", "reason_text", "changes", "address")
    list_display_links = ("created_at",)
    list_filter = (ActFilter, "created_at")
    ordering = ("-pk",)
    search_fields = ("reason",)
    search_help_text = _(
        "A username finds what this user has done and what was done to this user; in:12 a conversation."
    )
    change_list_template = "admin/audit/change_list.html"
    fields = readonly_fields = (
        *("created_at", "actor", "address", "act", "target", "conversation", "reason_text", "changes"),
        *("number", "digest"),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return request.user.is_superuser

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditChangeList

    def get_urls(self):
        return [
            path("download/", self.admin_site.admin_view(self.download), name="audit_download"),
            *super().get_urls(),
        ]

    def download(self, request: HttpRequest) -> StreamingHttpResponse:
        """Returns the whole log as JSON, one entry a line, oldest first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        response = StreamingHttpResponse(entry_lines(AuditEntry.objects.order_by("pk")), "application/x-ndjson")
        response["Content-Disposition"] = 'attachment; filename="audit-log.jsonl"'
        return response

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = strip_unstorable(search_term).strip()
        if not text:
            return queryset, False
        if text.startswith("in:"):
            return queryset.filter(conversation_id=parse_id(text.removeprefix("in:")) or 0), False
        user_ids = list(User.objects.filter(username_key=skeleton(text.removeprefix("@"))).values_list("pk", flat=True))
        about = Q(target_type=User._meta.label_lower, target_id__in=[str(pk) for pk in user_ids])
        return queryset.filter(Q(actor_id__in=user_ids) | about | Q(reason__icontains=text)), False

    # ── Columns and fields ───────────────────────────────────────────────────────────────────────────────────────────
    @admin.display(description=_("done by"))
    def actor(self, row: AuditEntry) -> SafeString:
        if row.actor_id is None:
            return base.render_text(str(_("the site")))
        user = _attached(row).found_actor
        return base.render_user_link(user) if user else base.render_text(str(row.actor_id))

    @admin.display(description=_("act"))
    def act(self, row: AuditEntry) -> str:
        return str(ACTS.get(row.action, row.action))

    @admin.display(description=_("object"))
    def target(self, row: AuditEntry) -> SafeString:
        if not row.target_type:
            return base.render_text("—")
        try:
            model: Any = apps.get_model(row.target_type)
        except LookupError:
            return base.render_text(f"{row.target_type} {row.target_id}")
        found = _attached(row).found_target
        text = found.username if isinstance(found, User) else f"{model._meta.verbose_name} {row.target_id}"
        return base.render_link(found, text) if found else base.render_text(text)

    @admin.display(description=_("conversation"))
    def conversation(self, row: AuditEntry) -> SafeString:
        if row.conversation_id is None:
            return base.render_text("—")
        return format_html('<a href="?q=in:{0}">{0}</a>', row.conversation_id)

    @admin.display(description=_("reason"))
    def reason_text(self, row: AuditEntry) -> SafeString:
        return base.render_text(row.reason or "—")

    @admin.display(description=_("changes"))
    def changes(self, row: AuditEntry) -> SafeString:
        names = dict.fromkeys([*row.before, *row.after])
        items = ((name, _render_value(row.before.get(name)), _render_value(row.after.get(name))) for name in names)
        return format_html_join("", "<p>{}: {} → {}</p>", items) or base.render_text("—")


def _attached(row: AuditEntry) -> Any:
    return row if hasattr(row, "found_actor") else attach_objects([row])[0]


def _render_value(value: Any) -> SafeString:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return base.render_excerpt("—" if value is None else str(value))
