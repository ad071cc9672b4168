"""Admin pages of conversations: search, fields, members and a link to the messages."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.actions import remember_browser
from accounts.models import User
from accounts.selectors.languages import browser_language
from accounts.selectors.timezones import browser_time_zone
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from chat import permissions
from chat.admin import base
from chat.export import conversation_actions
from chat.models import Conversation, Membership, Role
from chat.selectors.legal_holds import is_held
from messenger.core.admin_confirmation import asks_first, get_reason
from messenger.core.numbers import parse_id

EXPORT_QUESTION = _(
    "You get an archive with the messages and files. Give a reason: it is in the audit log, with your name."
)
MAX_MEMBERS = 200  # members on the page of a conversation


class StateFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("open", _("Active")), ("ended", _("Deleted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.value() is None else queryset.filter(deleted_at__isnull=self.value() == "open")


@admin.register(Conversation)
class ConversationAdmin(base.ReadOnlyModelAdmin):
    list_display = ("id", "name", "kind", "owner_link", "member_count", "text_count", "active_at", "deleted_at")
    list_display_links = ("id", "name")
    list_filter = ("kind", StateFilter)
    list_select_related = ("owner",)
    ordering = ("-active_at", "-pk")
    search_fields = ("title",)
    actions = buttons = ("export",)
    search_help_text = _("An ID, part of a group’s name, or the username of a current or former member.")
    fields = readonly_fields = (
        *("name", "kind", "description_text", "announcement_text", "owner_link", "members", "messages"),
        *("legal_hold", "member_count", "text_count", "created_at", "active_at", "deleted_at"),
        *permissions.SETTINGS,
    )

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(conversation_actions.STAFF_PERMISSION)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        return super().get_queryset(request).prefetch_related(base.prefetch_direct_members())

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = " ".join(strip_unstorable(search_term).split())
        if not text:
            return queryset, False
        memberships = Membership.objects.filter(user__username_key=skeleton(text.removeprefix("@")))
        condition = Q(title__icontains=text) | Q(pk__in=memberships.values("conversation"))
        if (conversation_id := parse_id(text)) is not None:
            condition |= Q(pk=conversation_id)
        return queryset.filter(condition), False

    def get_fields(self, request: HttpRequest, obj: Conversation | None = None):
        if request.user.has_perm("chat.add_legalhold"):
            return self.fields
        return [name for name in self.fields if name != "legal_hold"]

    def describe(self, row: Conversation) -> str:
        return base.conversation_title(row)

    @asks_first(EXPORT_QUESTION)
    @admin.action(description=_("Export"), permissions=["export"])
    def export(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> HttpResponse | None:
        user, reason = cast(User, request.user), get_reason(request)
        remember_browser(user, browser_language(request), browser_time_zone(request.COOKIES))

        def run(conversation: Conversation) -> None:
            conversation_actions.request_export(user.pk, conversation.pk, for_staff=True, reason=reason)

        return (
            redirect("admin:chat_conversationexport_changelist") if self.run_for_each(request, queryset, run) else None
        )

    @admin.display(description=_("name"))
    def name(self, row: Conversation) -> SafeString:
        return base.render_text(base.conversation_title(row))

    @admin.display(description=_("owner"))
    def owner_link(self, row: Conversation) -> SafeString:
        return base.render_user_link(row.owner)

    @admin.display(description=_("description"))
    def description_text(self, row: Conversation) -> SafeString:
        return base.render_block(row.description)

    @admin.display(description=_("announcement"))
    def announcement_text(self, row: Conversation) -> SafeString:
        return base.render_block(row.announcement)

    @admin.display(description=_("members"))
    def members(self, row: Conversation) -> SafeString:
        """Renders the list of current members of a conversation, and after them the former members."""
        memberships = row.memberships.select_related("user").order_by("left_at", "pk")[: MAX_MEMBERS + 1]
        shown = sorted(memberships[:MAX_MEMBERS], key=lambda row: row.left_at is not None and not row.is_unopened)
        items = ((base.render_user_link(membership.user), _role_or_left(membership)) for membership in shown)
        more = SafeString("<li>…</li>") if len(memberships) > MAX_MEMBERS else ""
        return format_html('<ul class="members">{}{}</ul>', format_html_join("", "<li>{}{}</li>", items), more)

    @admin.display(description=_("messages"))
    def messages(self, row: Conversation) -> SafeString:
        url = f"{reverse('admin:chat_message_changelist')}?q=in%3A{row.pk}"
        return format_html('<a href="{}">{}</a>', url, _("View messages"))

    @admin.display(description=_("legal hold"))
    def legal_hold(self, row: Conversation) -> SafeString:
        url = f"{reverse('admin:chat_legalhold_add')}?conversation={row.pk}"
        if is_held(row.pk):
            return base.render_text(str(_("Under legal hold: nothing is removed.")))
        return format_html('<a href="{}">{}</a>', url, _("Place a legal hold"))


def _role_or_left(membership: Membership) -> str:
    """Returns the remark that is shown behind the name of a member.

    For a former member it is the date of leaving, for an owner or admin the role, for another member "".
    """
    if membership.left_at and not membership.is_unopened:
        return " · {} {:%Y-%m-%d}".format(_("left"), membership.left_at)
    return "" if membership.role == Role.MEMBER else f" · {Role(membership.role).label}"
