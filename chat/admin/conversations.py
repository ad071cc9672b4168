"""Finding a conversation, who is in it, and the way to its messages."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.text.usernames import skeleton, storable
from chat.admin import base
from chat.models import Conversation, Membership, Role
from messenger.core.path_converters import MAX_ID

MEMBERS = 200  # named on a conversation's page


class Ended(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("open", _("There")), ("ended", _("Deleted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.value() is None else queryset.filter(deleted_at__isnull=self.value() == "open")


@admin.register(Conversation)
class ConversationAdmin(base.Looking):
    list_display = ("id", "name", "kind", "owner_link", "member_count", "text_count", "active_at", "deleted_at")
    list_display_links = ("id", "name")
    list_filter = ("kind", Ended)
    list_select_related = ("owner",)
    ordering = ("-active_at", "-pk")
    search_fields = ("title",)
    search_help_text = _("A number, part of a group's title, or the user name of somebody who is or was in it.")
    fields = readonly_fields = (
        *("name", "kind", "description_text", "announcement_text", "owner_link", "members", "messages"),
        *("member_count", "text_count", "created_at", "active_at", "deleted_at"),
        *("members_may_add", "members_may_pin", "revisions_visible"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        return super().get_queryset(request).prefetch_related(base.pairs_with_people())

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = " ".join(storable(search_term).split())
        if not text:
            return queryset, False
        theirs = Membership.objects.filter(user__username_key=skeleton(text.removeprefix("@")))
        found = Q(title__icontains=text) | Q(pk__in=theirs.values("conversation"))
        if text.isdecimal() and len(text) <= len(str(MAX_ID)) and int(text) <= MAX_ID:
            found |= Q(pk=int(text))
        return queryset.filter(found), False

    @admin.display(description=_("name"))
    def name(self, row: Conversation) -> SafeString:
        return base.words(base.title(row))

    @admin.display(description=_("owner"))
    def owner_link(self, row: Conversation) -> SafeString:
        return base.person(row.owner)

    @admin.display(description=_("description"))
    def description_text(self, row: Conversation) -> SafeString:
        return base.block(row.description)

    @admin.display(description=_("announcement"))
    def announcement_text(self, row: Conversation) -> SafeString:
        return base.block(row.announcement)

    @admin.display(description=_("members"))
    def members(self, row: Conversation) -> SafeString:
        """Those who are in, and then those who were."""
        rows = row.memberships.select_related("user").order_by("left_at", "pk")[: MEMBERS + 1]
        here = sorted(rows[:MEMBERS], key=lambda each: each.left_at is not None)
        listed = format_html_join("", "<li>{}{}</li>", ((base.person(each.user), _state(each)) for each in here))
        more = SafeString("<li>…</li>") if len(rows) > MEMBERS else ""
        return format_html('<ul class="members">{}{}</ul>', listed, more)

    @admin.display(description=_("messages"))
    def messages(self, row: Conversation) -> SafeString:
        url = f"{reverse('admin:chat_message_changelist')}?q=in%3A{row.pk}"
        return format_html('<a href="{}">{}</a>', url, _("Look at its messages"))


def _state(row: Membership) -> str:
    if row.left_at:
        return " · {} {:%Y-%m-%d}".format(_("left"), row.left_at)
    return "" if row.role == Role.MEMBER else f" · {Role(row.role).label}"
