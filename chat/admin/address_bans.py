"""Admin pages of address bans: addresses and networks from which nobody can open the site."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import actions as account_actions
from accounts.models import AddressBan
from chat.admin import base
from messenger.core.admin_confirmation import get_reason
from messenger.core.errors import ApplicationError, error_message


class AddressBanForm(forms.ModelForm):
    """Adds a ban through the action, so that its errors are shown in the form."""

    moderator_id: int

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.ban = account_actions.ban_address(
                    self.moderator_id, data["network"], data.get("reason", ""), data.get("until")
                )
            except ApplicationError as error:
                raise ValidationError({"network": error_message(error)}) from None
        return data


@admin.register(AddressBan)
class AddressBanAdmin(base.ReadOnlyModelAdmin):
    form = AddressBanForm
    list_display = ("network", "reason_text", "moderator_link", "created_at", "until", "lifted_at")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("moderator",)
    ordering = ("-pk",)
    search_fields = ("network", "reason")
    actions = buttons = ("lift",)
    fields = ("network", "reason", "until")
    readonly_fields = ("created_at", "lifted_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.add_addressban")

    def get_fields(self, request: HttpRequest, obj: AddressBan | None = None):
        return (*self.fields, *self.readonly_fields) if obj else self.fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.moderator_id = base.get_user_id(request)
        return form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> AddressBan:
        form.save_m2m = lambda: None
        return form.ban

    def save_model(self, request: HttpRequest, obj: AddressBan, form: Any, change: bool) -> None:
        """Does nothing: the action has stored the ban already."""

    def is_applicable(self, action_name: str, row: AddressBan) -> bool:
        return row.lifted_at is None

    @admin.action(description=_("Lift the ban"), permissions=["add"])
    def lift(self, request: HttpRequest, queryset: QuerySet[AddressBan]) -> None:
        def run(ban: AddressBan) -> None:
            account_actions.lift_ban(base.get_user_id(request), ban.pk, get_reason(request))

        if count := self.run_for_each(request, queryset.filter(lifted_at=None), run):
            text = ngettext("%d ban lifted.", "%d bans lifted.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    @admin.display(description=_("reason"))
    def reason_text(self, row: AddressBan) -> SafeString:
        return base.render_text(row.reason or "—")

    @admin.display(description=_("done by"))
    def moderator_link(self, row: AddressBan) -> SafeString:
        return base.render_user_link(row.moderator)
