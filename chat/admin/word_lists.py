"""Admin pages of word lists. Before a list is switched on, the page shows what it would have done to past messages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chat.actions import word_filter
from chat.admin import base
from chat.models import WordList
from messenger.core.admin_confirmation import asks_first, get_reason
from messenger.core.errors import ApplicationError, error_message


class WordListForm(forms.ModelForm):
    def clean_words(self) -> str:
        """Checks that each line has letters or digits, because only these are compared."""
        try:
            return word_filter.clean_words(self.cleaned_data["words"])
        except ApplicationError as error:
            raise forms.ValidationError(error_message(error)) from None


def _render_trial(queryset: QuerySet[WordList]) -> SafeString:
    """Renders what the selected lists would have done to the newest messages of groups."""
    return format_html_join("", "{}", ((_render_one_trial(row),) for row in queryset))


def _render_one_trial(row: WordList) -> SafeString:
    trial = word_filter.try_list(row)
    summary = _("Of the newest %(tried)d messages in groups, “%(name)s” finds %(found)d.")
    samples = format_html_join(
        "",
        "<li><b>{}</b> {} {}</li>",
        (
            (", ".join(words), base.render_user_link(message.sender), base.render_excerpt(message.body))
            for message, words in trial.samples
        ),
    )
    values = {"tried": trial.tried_count, "name": row.name, "found": trial.found_count}
    return format_html('{}<ul class="members">{}</ul>', summary % values, samples)


@admin.register(WordList)
class WordListAdmin(base.ReadOnlyModelAdmin):
    form = WordListForm
    list_display = ("name", "group", "effect", "word_count", "is_active", "changed_at")
    list_filter = ("effect", "is_active")
    list_select_related = ("conversation",)
    ordering = ("name", "pk")
    search_fields = ("name", "words")
    actions = buttons = ("switch_on", "switch_off")
    fields = ("name", "words", "effect", "group", "is_active", "changed_at")
    readonly_fields = ("group", "is_active", "changed_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.add_wordlist")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("chat.change_wordlist")

    def save_model(self, request: HttpRequest, obj: WordList, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        word_filter.publish_change()

    def is_applicable(self, action_name: str, row: WordList) -> bool:
        return row.is_active == (action_name == "switch_off")

    @asks_first(_render_trial)
    @admin.action(description=_("Try on past messages, and switch on"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[WordList]) -> None:
        self._switch(request, queryset, is_active=True)
        self.message_user(request, _("Switched on."), messages.SUCCESS)

    @admin.action(description=_("Switch off"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[WordList]) -> None:
        self._switch(request, queryset, is_active=False)
        self.message_user(request, _("Switched off."), messages.SUCCESS)

    def _switch(self, request: HttpRequest, queryset: QuerySet[WordList], *, is_active: bool) -> None:
        def run(row: WordList) -> None:
            word_filter.switch_list(base.get_user_id(request), row.pk, is_active, get_reason(request))

        self.run_for_each(request, queryset, run)

    @admin.display(description=_("group"))
    def group(self, row: WordList) -> SafeString:
        if row.conversation is None:
            return base.render_text(str(_("the whole site")))
        return base.render_link(row.conversation, row.conversation.title)

    @admin.display(description=_("number of words"))
    def word_count(self, row: WordList) -> int:
        return len(row.split_words())
