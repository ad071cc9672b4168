"""Links into groups: who made them, what they are good for, and taking them back. The link itself is not shown."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.text.usernames import skeleton, storable
from chat import actions as verbs
from chat.admin import base
from chat.models import Invite
from messenger.core.path_converters import MAX_ID


class Open(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("open", _("Opens")), ("shut", _("Opens nothing any more"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        shut = Q(revoked_at__isnull=False) | Q(expires_at__lte=timezone.now()) | Q(max_uses__lte=F("uses"))
        return queryset if self.value() is None else queryset.filter(shut if self.value() == "shut" else ~shut)


@admin.register(Invite)
class InviteAdmin(base.Looking):
    list_display = ("id", "group", "maker", "created_at", "expires_at", "used", "revoked_at")
    list_filter = (Open,)
    list_select_related = ("conversation", "made_by")
    ordering = ("-pk",)
    search_fields = ("conversation__title",)
    search_help_text = _("A number of a conversation, part of a group's title, or the user name of a maker.")
    actions = ("take_back",)
    buttons = actions
    fields = readonly_fields = ("group", "maker", "created_at", "expires_at", "used", "revoked_at")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = " ".join(storable(search_term).split())
        if not text:
            return queryset, False
        found = Q(conversation__title__icontains=text) | Q(made_by__username_key=skeleton(text.removeprefix("@")))
        if text.isdecimal() and len(text) <= len(str(MAX_ID)) and int(text) <= MAX_ID:
            found |= Q(conversation=int(text))
        return queryset.filter(found), False

    def makes_sense(self, act: str, row: Invite) -> bool:
        return row.revoked_at is None

    def has_take_back_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_invite")

    @admin.action(description=_("Take back: it opens nothing from now on"), permissions=["take_back"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Invite]) -> None:
        def act(invite: Invite) -> None:
            verbs.withdraw_invite(base.me(request), invite.pk)
            self.log_change(request, invite, "Taken back.")

        if done := self.act_on(request, queryset.filter(revoked_at=None), act):
            told = ngettext("%d link is taken back.", "%d links are taken back.", done) % done
            self.message_user(request, told, messages.SUCCESS)

    @admin.display(description=_("group"))
    def group(self, row: Invite) -> SafeString:
        return base.link(row.conversation, base.title(row.conversation))

    @admin.display(description=_("made by"))
    def maker(self, row: Invite) -> SafeString:
        return base.person(row.made_by)

    @admin.display(description=_("used"))
    def used(self, row: Invite) -> str:
        return f"{row.uses} / {row.max_uses or '∞'}"
