"""Admin pages of invite links: who created a link, and its limits. Moderators can revoke a link.

The URL of the link is not shown, so that moderators cannot join with it.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from chat import actions
from chat.admin import base
from chat.models import Invite
from messenger.core.admin_confirmation import asks_first, get_reason
from messenger.core.numbers import parse_id


class StateFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("open", _("Valid")), ("shut", _("No longer valid"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        unusable = Q(revoked_at__isnull=False) | Q(expires_at__lte=timezone.now()) | Q(max_uses__lte=F("uses"))
        if self.value() is None:
            return queryset
        return queryset.filter(unusable if self.value() == "shut" else ~unusable)


@admin.register(Invite)
class InviteAdmin(base.ReadOnlyModelAdmin):
    list_display = ("id", "group", "creator", "created_at", "expires_at", "use_count", "revoked")
    list_filter = (StateFilter,)
    list_select_related = ("conversation", "made_by")
    ordering = ("-pk",)
    search_fields = ("conversation__title",)
    search_help_text = _("A conversation ID, part of a group’s name, or the username of the link’s creator.")
    actions = ("take_back",)
    buttons = actions
    fields = readonly_fields = ("group", "creator", "created_at", "expires_at", "use_count", "revoked")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = " ".join(strip_unstorable(search_term).split())
        if not text:
            return queryset, False
        username_key = skeleton(text.removeprefix("@"))
        condition = Q(conversation__title__icontains=text) | Q(made_by__username_key=username_key)
        if (conversation_id := parse_id(text)) is not None:
            condition |= Q(conversation=conversation_id)
        return queryset.filter(condition), False

    def is_applicable(self, action_name: str, row: Invite) -> bool:
        return row.revoked_at is None

    def has_take_back_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_invite")

    @asks_first(_("Revoked links stop working at once, for good."), dangerous=True)
    @admin.action(description=_("Revoke link"), permissions=["take_back"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Invite]) -> None:
        def run(invite: Invite) -> None:
            actions.revoke_invite_as_moderator(base.get_user_id(request), invite.pk, get_reason(request))

        if count := self.run_for_each(request, queryset.filter(revoked_at=None), run):
            text = ngettext("%d link revoked.", "%d links revoked.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    def describe(self, row: Invite) -> str:
        title = base.conversation_title(row.conversation)
        return _("Invite link %(id)s to %(group)s") % {"id": row.pk, "group": title}

    @admin.display(description=_("group"))
    def group(self, row: Invite) -> SafeString:
        return base.render_link(row.conversation, base.conversation_title(row.conversation))

    @admin.display(description=_("created by"))
    def creator(self, row: Invite) -> SafeString:
        return base.render_user_link(row.made_by)

    @admin.display(description=_("uses"))
    def use_count(self, row: Invite) -> str:
        return f"{row.uses} / {row.max_uses or '∞'}"

    @admin.display(description=_("revoked at"), ordering="revoked_at")
    def revoked(self, row: Invite) -> datetime | None:
        return row.revoked_at
