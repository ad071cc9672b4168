"""Admin pages of legal holds, and of what people have deleted in conversations under hold."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat import actions
from chat.admin import base
from chat.models import Conversation, HeldCopy, LegalHold
from messenger.core.admin_confirmation import asks_first, get_reason
from messenger.core.errors import ApplicationError, error_message

RELEASING_QUESTION = _(
    "From now on old messages are removed again. What was deleted under this hold is deleted for good."
)


class LegalHoldForm(forms.ModelForm):
    """Places a hold through the action, so that its errors are shown in the form."""

    staff_id: int

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors:
            user, conversation = data.get("user"), data.get("conversation")
            try:
                self.hold = actions.place_hold(
                    self.staff_id,
                    user_id=user.pk if user else None,
                    conversation_id=conversation.pk if conversation else None,
                    reason=data["reason"],
                )
            except ApplicationError as error:
                raise ValidationError(error_message(error)) from None
        return data


@admin.register(LegalHold)
class LegalHoldAdmin(base.ReadOnlyModelAdmin):
    form = LegalHoldForm
    list_display = ("id", "subject", "reason_text", "placed_by_link", "placed_at", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter), "placed_at")
    list_select_related = ("user", "conversation", "placed_by")
    ordering = ("-pk",)
    search_fields = ("user__username", "conversation__title", "reason")
    actions = buttons = ("release",)
    raw_id_fields = ("user", "conversation")
    fields = ("user", "conversation", "reason")
    readonly_fields = ("subject", "placed_by_link", "placed_at", "released_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.add_legalhold")

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_legalhold")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegalHold]:
        return super().get_queryset(request).prefetch_related(base.prefetch_direct_members("conversation__"))

    def get_fields(self, request: HttpRequest, obj: LegalHold | None = None):
        return ("subject", "reason", *self.readonly_fields[1:]) if obj else self.fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.staff_id = base.get_user_id(request)
        return form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> LegalHold:
        form.save_m2m = lambda: None
        return form.hold

    def save_model(self, request: HttpRequest, obj: LegalHold, form: Any, change: bool) -> None:
        """Does nothing: the action has stored the hold already."""

    def is_applicable(self, action_name: str, row: LegalHold) -> bool:
        return row.released_at is None

    @asks_first(RELEASING_QUESTION, dangerous=True)
    @admin.action(description=_("Release"), permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[LegalHold]) -> None:
        def run(hold: LegalHold) -> None:
            actions.release_hold(base.get_user_id(request), hold.pk, get_reason(request))

        if count := self.run_for_each(request, queryset.filter(released_at=None), run):
            text = ngettext("%d legal hold released.", "%d legal holds released.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    @admin.display(description=_("person or conversation"))
    def subject(self, row: LegalHold) -> SafeString:
        if row.conversation is None:
            return base.render_user_link(row.user)
        return base.render_link(row.conversation, base.conversation_title(row.conversation))

    @admin.display(description=_("reason"))
    def reason_text(self, row: LegalHold) -> SafeString:
        return base.render_text(row.reason)

    @admin.display(description=_("done by"))
    def placed_by_link(self, row: LegalHold) -> SafeString:
        return base.render_user_link(row.placed_by)


@admin.register(HeldCopy)
class HeldCopyAdmin(base.ReadOnlyModelAdmin):
    """Shows what messages contained that were deleted under a hold: the text on their page, not in the list."""

    list_display = ("id", "sender_link", "conversation_link", "removed_at")
    list_filter = ("removed_at",)
    list_select_related = ("message__sender", "message__conversation")
    ordering = ("-pk",)
    search_fields = ("=message__sender__username",)
    search_help_text = _("The username of the sender.")
    fields = readonly_fields = (
        *("conversation_link", "sender_link", "text", "earlier_versions", "file_names", "removed_at"),
    )

    def has_view_permission(self, request: HttpRequest, obj: HeldCopy | None = None) -> bool:
        return request.user.has_perm("chat.view_legalhold")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[HeldCopy]:
        members = base.prefetch_direct_members("message__conversation__")
        return super().get_queryset(request).prefetch_related(members)

    def change_view(self, request, object_id, form_url="", extra_context=None) -> HttpResponse:
        response = super().change_view(request, object_id, form_url, extra_context)
        copy = (getattr(response, "context_data", None) or {}).get("original")
        if copy and copy.message.conversation.kind == Conversation.Kind.DIRECT:
            base.log_private_reading(request, [copy.message.conversation])
        return response

    def describe(self, row: HeldCopy) -> str:
        return _("Message %(id)s by %(name)s") % {"id": row.message_id, "name": row.message.sender.username}

    @admin.display(description=_("sender"))
    def sender_link(self, row: HeldCopy) -> SafeString:
        return base.render_user_link(row.message.sender)

    @admin.display(description=_("conversation"))
    def conversation_link(self, row: HeldCopy) -> SafeString:
        return base.render_link(row.message.conversation, base.conversation_title(row.message.conversation))

    @admin.display(description=_("text"))
    def text(self, row: HeldCopy) -> SafeString:
        return base.render_block(row.body)

    @admin.display(description=_("earlier versions"))
    def earlier_versions(self, row: HeldCopy) -> SafeString:
        texts = ((base.render_block(text),) for text in row.revisions)
        return format_html_join("", "{}", texts) or base.render_text("—")

    @admin.display(description=_("files"))
    def file_names(self, row: HeldCopy) -> SafeString:
        return base.render_text(", ".join(file["name"] for file in row.files) or "—")
